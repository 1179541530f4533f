import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { identity } from './commands/identity.ts';
import { inject } from './commands/inject.ts';
import { run } from './commands/run.ts';
import { fileError, isFileError, readText, writeNew } from './file-error.ts';
import { readPaths } from './state/read-paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-files-'));
const file = join(folder, 'a.yaml');
writeFileSync(file, '');
t.teardown(() => rmSync(folder, { recursive: true }));

t.test('reads a file', async (t) => t.equal(readText(file), ''));

t.test('says why a path cannot be read or written, and what to do', async (t) => {
  const missing = join(folder, 'missing');
  for (const [act, message] of [
    [() => readText(missing), `${missing}: there is no such file or folder`],
    [() => readText(folder), `${folder}: is a folder, not a file`],
    [() => readText(join(file, 'x')), `${file}/x: a part of this path is a file, not a folder`],
    [() => writeNew(file, '', 0o600), `${file}: is there already, and is not overwritten`],
  ] as const)
    t.throws(act, { code: 'file', message, hint: /\w/ });
  t.match(fileError({ code: 'EACCES' }, 'x'), { message: 'x: you have no permission for it', hint: /run this as/ });
});

t.test('knows an error of the file system from others', async (t) => {
  t.ok(isFileError({ code: 'EACCES', path: '/x', syscall: 'scandir' }));
  t.notOk(isFileError({ code: 'ENOENT', path: 'nsenter', syscall: 'spawn nsenter' }), 'a program that is not there');
  t.notOk(isFileError(new Error('EACCES')));
});

t.test('no command that is given a wrong path answers with a code of the system', async (t) => {
  for (const [what, act] of [
    ['inject of a folder', () => inject.run([folder])],
    ['inject of nothing', () => inject.run([join(folder, 'missing')])],
    ['run of nothing', () => run.run([join(folder, 'missing')])],
    ['run of a file', () => run.run([file])],
    ['run below a file', () => run.run([join(file, 'x')])],
    ['create-ca at a file', () => identity.run(['create-ca', '-d', file])],
    ['analyze of nothing', async () => void readPaths([join(folder, 'missing')])],
  ] as const)
    await t.rejects(
      Promise.resolve(act()) as Promise<unknown>,
      { message: /^(?!.*\b[EU][A-Z]{3,}\b).*: (is|there is|a part of) /, hint: /\w/ },
      what,
    );
});

t.test('create-ca writes all of its files or none', async (t) => {
  const place = join(folder, 'ca');
  const { restore } = t.capture(process.stdout, 'write', () => true);
  t.equal(await identity.run(['create-ca', '-d', place]), 0);
  restore();
  rmSync(join(place, 'root.crt'));
  await t.rejects(identity.run(['create-ca', '-d', place]), { message: /root\.key: is there already/ });
  t.notOk(existsSync(join(place, 'root.crt')), 'not even what is missing');
});
