import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const weft = `${process.execPath} ${join(dirname(fileURLToPath(import.meta.url)), 'weft.mjs')}`;
const shell = (script: string) => execFileSync('sh', ['-c', script], { encoding: 'utf8' });

t.test('prints manifests whole, however late a pipe is read', async (t) => {
  const text = shell(`${weft} install --crds=all | { sleep 0.5; cat; }`);
  t.ok(text.length > 65_536, `${text.length} octets, more than a pipe takes at once`);
  t.match(text, /\n$/);
  t.match(text, 'trafficsplits.split.smi-spec.io');
});

t.test('fails when what it prints is lost', async (t) => {
  t.match(
    shell(`${weft} install --crds=all 2>&1 > /dev/full || echo failed $?`),
    /^weft: cannot print: .*\nfailed 1\n$/,
  );
});

t.test('ends quietly when nobody reads any more', async (t) => {
  t.equal(shell(`{ ${weft} install --crds=all || echo failed; } 2>&1 | head -c 20 | wc -c`).trim(), '20');
});

t.test('helps by "help COMMAND" as by "COMMAND --help"', async (t) => {
  t.equal(shell(`${weft} help install`), shell(`${weft} install --help`));
});

t.test('says its version by --version', async (t) => {
  t.equal(shell(`${weft} --version`), shell(`${weft} version`));
});

t.test('names the command that may have been meant', async (t) => {
  t.equal(
    shell(`${weft} instal 2>&1 || echo failed $?`),
    'weft: there is no command "instal"\nhint: did you mean "weft install"? weft --help lists them\nfailed 64\n',
  );
});

t.test('says why a file cannot be read, and what to do', async (t) => {
  t.equal(
    shell(`${weft} inject /proc 2>&1 || echo failed $?`),
    'weft: /proc: is a folder, not a file\nhint: name a file in it\nfailed 1\n',
  );
});
