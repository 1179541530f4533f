import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { AUTHORITY_LIFETIME_MS } from '../../api/identity-environment.ts';
import { durationBetween } from '../../core/config/setting-kinds.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { privateKeyPem } from '../../core/pki/key-pair.ts';
import { UsageError } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { fileError, writeNew } from '../file-error.ts';

/** `weft identity create-ca`. @returns the exit code */
export async function createCa(args: readonly string[]): Promise<number> {
  const { values } = readArguments('identity create-ca', args, {
    directory: { type: 'string', short: 'd' },
    lifetime: { type: 'string', default: '87600h' },
  });
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
}

function makeFolder(path: string): void {
  if (existsSync(path) && !statSync(path).isDirectory()) throw fileError({ code: 'ENOTDIR' }, path);
  mkdirSync(path, { recursive: true });
}
