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
