import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { CONTROL_NAMESPACE, ISSUER_SECRET } from '../../api/names.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { privateKeyPem } from '../../core/pki/key-pair.ts';
import { parseDuration } from '../../core/time/duration.ts';
import { type Command, UsageError } from '../command.ts';

/** `weft identity create-ca`. */
export const identity: Command = {
  name: 'identity',
  summary: 'make a root and an issuer of your own (create-ca)',
  help: `usage: weft identity create-ca --directory DIR [--lifetime 87600h]

Writes root.crt, root.key, tls.crt, tls.key and ca.crt into DIR: a root, and an issuer signed by it. Keep root.key away
from the cluster. Before the first start of identity, give it the issuer with

  kubectl create namespace ${CONTROL_NAMESPACE}
  kubectl -n ${CONTROL_NAMESPACE} create secret generic ${ISSUER_SECRET} --from-file=DIR/tls.crt --from-file=DIR/tls.key --from-file=DIR/ca.crt

Files that exist are not overwritten.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { directory: { type: 'string', short: 'd' }, lifetime: { type: 'string', default: '87600h' } },
    });
    if (positionals[0] !== 'create-ca')
      throw new UsageError('weft identity knows create-ca', 'weft identity --help explains it');
    if (!values.directory) throw new UsageError('--directory is missing', 'name a folder for the keys');
    const lifetimeMs = parseDuration(values.lifetime, { hasDays: true });
    if (lifetimeMs === null || lifetimeMs < 3_600_000)
      throw new UsageError(`--lifetime ${values.lifetime} is no duration of at least 1h`);
    const root = createRoot({ commonName: 'root.weft.cluster.local', lifetimeMs });
    const issuer = createIssuer({ commonName: 'identity.weft.cluster.local', lifetimeMs }, root);
    for (const [name, text, mode] of [
      ['root.crt', root.certificate, 0o644],
      ['root.key', privateKeyPem(root.keyPair), 0o600],
      ['ca.crt', root.certificate, 0o644],
      ['tls.crt', issuer.certificate, 0o644],
      ['tls.key', privateKeyPem(issuer.keyPair), 0o600],
    ] as const) {
      const file = join(values.directory, name);
      writeFileSync(file, text, { mode, flag: 'wx' });
      process.stdout.write(`wrote ${file}\n`);
    }
    return 0;
  },
};
