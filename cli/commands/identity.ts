import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { AUTHORITY_LIFETIME_MS } from '../../api/identity-environment.ts';
import { CONTROL_NAMESPACE, ISSUER_SECRET } from '../../api/names.ts';
import { durationBetween } from '../../core/config/setting-kinds.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { privateKeyPem } from '../../core/pki/key-pair.ts';
import { type Command, UsageError } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { fileError, writeNew } from '../file-error.ts';

/** `weft identity create-ca`. */
export const identity: Command = {
  name: 'identity',
  summary: 'make a root and an issuer of your own (create-ca)',
  help: `usage: weft identity create-ca --directory DIR [--lifetime 87600h]

Writes root.crt, root.key, tls.crt, tls.key and ca.crt into DIR: a root, and an issuer signed by it. Keep root.key away
from the cluster. Before the first start of identity, give it the issuer with

  kubectl create namespace ${CONTROL_NAMESPACE}
  kubectl -n ${CONTROL_NAMESPACE} create secret generic ${ISSUER_SECRET} --from-file=DIR/tls.crt --from-file=DIR/tls.key --from-file=DIR/ca.crt

DIR is made where it is not there. Files that exist are not overwritten.
`,
  async run(args) {
    const { values, positionals } = readArguments(
      'identity',
      args,
      { directory: { type: 'string', short: 'd' }, lifetime: { type: 'string', default: '87600h' } },
      ['create-ca'],
    );
    if (positionals[0] !== 'create-ca')
      throw new UsageError(`weft identity has no "${positionals[0]}"`, 'weft identity create-ca --directory DIR');
    if (!values.directory) throw new UsageError('--directory is missing', 'name a folder for the keys');
    const lifetimeMs = readValue('--lifetime', values.lifetime, durationBetween(...AUTHORITY_LIFETIME_MS));
    const root = createRoot({ commonName: 'root.weft.cluster.local', lifetimeMs });
    const issuer = createIssuer({ commonName: 'identity.weft.cluster.local', lifetimeMs }, root);
    const files = [
      ['root.crt', root.certificate, 0o644],
      ['root.key', privateKeyPem(root.keyPair), 0o600],
      ['ca.crt', root.certificate, 0o644],
      ['tls.crt', issuer.certificate, 0o644],
      ['tls.key', privateKeyPem(issuer.keyPair), 0o600],
    ].map(([name, text, mode]) => ({
      file: join(values.directory!, String(name)),
      text: String(text),
      mode: Number(mode),
    }));
    makeFolder(values.directory);
    // All or none: a root beside another one's issuer is of no use.
    const there = files.find(({ file }) => existsSync(file));
    if (there) throw fileError({ code: 'EEXIST' }, there.file);
    for (const { file, text, mode } of files) {
      writeNew(file, text, mode);
      process.stdout.write(`wrote ${file}\n`);
    }
    return 0;
  },
};

function makeFolder(path: string): void {
  if (existsSync(path) && !statSync(path).isDirectory()) throw fileError({ code: 'ENOTDIR' }, path);
  mkdirSync(path, { recursive: true });
}
