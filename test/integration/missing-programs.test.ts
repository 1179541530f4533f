/** What root gets on a machine that lacks a program of the namespaces mode: the loopback mode, and a line that says why. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const isRoot = process.getuid!() === 0;
const rootOnly = { skip: isRoot ? false : 'root is missing' };
const empty = mkdtempSync(join(tmpdir(), 'weft-nothing-'));
t.teardown(() => rmSync(empty, { recursive: true }));

/** A folder with every program of the machine but some, to be the PATH. */
function pathWithout(t: Test, isMissing: (name: string) => boolean): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-path-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const from of ['/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    for (const name of readdirSync(from))
      if (!isMissing(name) && !existsSync(join(folder, name)) && existsSync(join(from, name)))
        symlinkSync(join(from, name), join(folder, name));
  }
  return folder;
}

/** The line in which a command says its mode; all that it says, where it says none or several. An empty folder ends it then. */
async function modeOf(path: string, ...args: readonly string[]): Promise<string> {
  const command = spawn(process.execPath, [join(root, 'cli/weft.mjs'), ...args], {
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [command.stdout, command.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (args[0] === 'demo' && output.includes('mode:')) command.kill('SIGTERM');
    });
  await new Promise((resolve) => command.on('close', resolve));
  const lines = output.split('\n').filter((line) => line.startsWith('mode:'));
  return lines.length === 1 ? lines[0]! : output;
}

/** Ids of the processes with this PATH. */
function processesWith(path: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`PATH=${path}`);
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

for (const [program, name] of Object.entries({
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
})) {
  t.test(`without ${program} root gets the loopback mode, and is told what to install`, rootOnly, async (t) => {
    const path = pathWithout(t, (each) => each === program);
    t.equal(await modeOf(path, 'run', empty), `mode: loopback (namespaces need ${program}: install ${name})`);
  });
}

t.test('every program that is missing is named', rootOnly, async (t) => {
  const path = pathWithout(t, (name) => name === 'ip' || name === 'unshare' || name.includes('tables'));
  t.equal(
    await modeOf(path, 'run', empty),
    'mode: loopback (namespaces need unshare, ip and iptables: install util-linux, iproute2 and iptables)',
  );
});

t.test('without iptables root gets the loopback mode', rootOnly, async (t) => {
  const path = pathWithout(t, (name) => name.includes('tables'));
  const expected = 'mode: loopback (namespaces need iptables: install iptables)';
  t.equal(await modeOf(path, 'run', empty), expected);
  t.equal(await modeOf(path, 'demo'), expected);
  t.same(processesWith(path), [], 'what is stopped while it starts leaves nothing behind');
});

const namesOf = (flavour: string) =>
  ['iptables', 'ip6tables'].flatMap((name) => ['save', 'restore'].map((what) => `${name}-${flavour}-${what}`));
for (const missing of [...namesOf('nft').map((name) => [name]), namesOf('nft'), namesOf('legacy')]) {
  t.test(`without ${missing.join(', ')} the trial decides, as the start would`, rootOnly, async (t) => {
    const line = await modeOf(
      pathWithout(t, (name) => missing.includes(name)),
      'run',
      empty,
    );
    t.comment(line);
    // Which flavour is wanted depends on the kernel.
    if (!line.startsWith('mode: namespaces ('))
      for (const name of missing)
        t.match(line, new RegExp(`^mode: loopback \\(namespaces need .*${name}.*: install iptables\\)$`));
  });
}
