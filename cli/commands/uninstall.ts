import { CONTROL_NAMESPACE, INJECT, NAMESPACE_ANNOTATION_LABEL } from '../../api/names.ts';
import { oneOf } from '../../core/config/setting-kinds.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { toText } from '../../manifests/render.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { someOf } from '../some-of.ts';
import { findInstallation, type Installation } from '../uninstall/installation.ts';

/** `weft uninstall`. */
export const uninstall: Command = {
  name: 'uninstall',
  summary: 'print what an installation has made, to be deleted: weft uninstall | kubectl delete -f -',
  help: `usage: weft uninstall [--force] [-o json] | kubectl delete -f -

Prints everything that installations of any version have made in the cluster of KUBECONFIG: the registrations of the
webhook first, then roles and bindings, the trust roots in injected namespaces, and the namespace ${CONTROL_NAMESPACE}. It changes
nothing itself. While pods still run with a proxy it prints nothing and names them, because without the control plane
their certificates end within a day.

It leaves custom resource definitions and your routes and policies, and the labels and annotations that you gave to
namespaces and workloads; what else kubectl delete cannot undo, it names on standard error.

  --force    print it although pods still run with a proxy, or other pods run in namespace ${CONTROL_NAMESPACE}
  -o json    print a List in JSON
`,
  async run(args) {
    const { values } = readArguments('uninstall', args, {
      force: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o', default: 'yaml' },
    });
    const output = readValue('-o', values.output, oneOf(['yaml', 'json'] as const));
    const api = await ApiClient.fromCluster();
    try {
      const installation = await findInstallation(api);
      const obstacle = obstacleTo(installation);
      if (obstacle && !values.force) throw obstacle;
      for (const line of remarksOn(installation)) process.stderr.write(`${line}\n`);
      process.stdout.write(toText(installation.objects, output));
      return 0;
    } finally {
      api.close();
    }
  },
};

/** Why an installation must not be taken away as it is; null: it may. Pure. */
export function obstacleTo({ objects, injected, strangers }: Installation): WeftError | null {
  if (objects.length === 0)
    return new WeftError('not_installed', 'nothing of Weft is installed in this cluster', {
      hint: 'look which cluster it is: kubectl config current-context',
    });
  if (injected.length > 0) {
    const pods = injected.length === 1 ? 'a pod still runs' : `${injected.length} pods still run`;
    return new WeftError('still_injected', `${pods} with a proxy: ${someOf(injected, SHOWN)}`, {
      hint: `for each namespace: kubectl label namespace NAMESPACE ${INJECT}- ; kubectl rollout restart deployment,statefulset,daemonset -n NAMESPACE; or weft uninstall --force (docs/uninstall.md)`,
    });
  }
  if (strangers.length > 0)
    return new WeftError(
      'others_in_namespace',
      `namespace ${CONTROL_NAMESPACE} holds other pods than the control plane's, which would be deleted with it: ${someOf(strangers, SHOWN)}`,
      { hint: 'move them to another namespace first; or weft uninstall --force' },
    );
  return null;
}

/** What stays, or is not wholly taken away by a deletion. */
function remarksOn({ labelled, injected }: Installation): string[] {
  return [
    ...labelled.map((name) => `to do yourself: kubectl label namespace ${name} ${NAMESPACE_ANNOTATION_LABEL}-`),
    ...(injected.length > 0 ? [`with a proxy and soon without a certificate: ${someOf(injected, SHOWN)}`] : []),
    'custom resource definitions stay, and with them your objects: another mesh may own them (docs/uninstall.md)',
  ];
}

/** Names that a line shows at most. */
const SHOWN = 10;
