import { CONTROL_NAMESPACE, ISSUER_SECRET } from '../../api/names.ts';
import { REVOCATIONS_CONFIG_MAP } from '../../api/revocations.ts';
import type { Command } from '../command.ts';
import { createCa } from '../identity/create-ca.ts';
import { revoke } from '../identity/revoke.ts';
import { rotate } from '../identity/rotate.ts';
import { show } from '../identity/show.ts';

/** `weft identity`. */
export const identity: Command = {
  name: 'identity',
  summary: "show a pod's certificate (POD), replace the root (rotate), revoke, make authorities (create-ca)",
  help: `usage: weft identity POD [-n NAMESPACE] [-o json]
       weft identity rotate [--directory DIR] [--lifetime 87600h] [--timeout 1h] [--status] [--force]
       weft identity revoke [--serial HEX]... [--identity SPIFFE]... [--undo]
       weft identity create-ca --directory DIR [--lifetime 87600h]

POD shows the certificate of a pod's proxy, the roots that it trusts and the key exchange of its connections.

rotate replaces the root and the issuer of the cluster of KUBECONFIG while everything runs: it makes new ones, adds the new
root to those that are trusted, waits until every proxy has it, has identity sign with the new issuer, has every proxy renew,
waits until nobody shows a certificate of the old root any more, and drops that. It may be stopped at any time: run again, it
goes on where it was.

  --directory, -d   use ca.crt, tls.crt and tls.key of this folder, as create-ca writes them
  --lifetime        how long new ones live
  --timeout         how long to wait for proxies in all; then it names those that have not followed
  --status          say what comes next, and change nothing
  --force           drop the old root though somebody still shows a certificate below it, and is cut off by that

revoke adds to the ConfigMap ${CONTROL_NAMESPACE}/${REVOCATIONS_CONFIG_MAP}: every proxy refuses such a certificate, or every certificate of such an
identity, and ends the connections that it has, within a second. --undo takes it out again.

  --serial          serial number of a certificate, hexadecimal
  --identity        SPIFFE URI of a workload, spiffe://cluster.local/ns/shop/sa/web

create-ca writes root.crt, root.key, tls.crt, tls.key and ca.crt into DIR: a root, and an issuer signed by it. Keep root.key away
from the cluster. Before the first start of identity, give it the issuer with

  kubectl create namespace ${CONTROL_NAMESPACE}
  kubectl -n ${CONTROL_NAMESPACE} create secret generic ${ISSUER_SECRET} --from-file=DIR/tls.crt --from-file=DIR/tls.key --from-file=DIR/ca.crt

DIR is made where it is not there. Files that exist are not overwritten.
`,
  async run(args) {
    const [verb = '', ...rest] = args;
    switch (verb) {
      case 'create-ca':
        return await createCa(rest);
      case 'rotate':
        return await rotate(rest);
      case 'revoke':
        return await revoke(rest);
      default:
        return await show(args);
    }
  },
};
