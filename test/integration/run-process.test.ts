/** `weft run` as a process: how it is stopped, what it says of a start that failed, and how to look inside. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

import { openLoopback } from '../../cli/run/loopback.ts';
import { startMesh } from '../../cli/run/mesh.ts';
import { readFolder } from '../../cli/run/objects.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { takenPort } from '../support/local-mesh.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const rootOnly = { skip: process.getuid!() === 0 ? false : 'root is missing' };
const obstacle = takenPort();
const free = { skip: obstacle ? `another program listens on every address at port ${obstacle}` : false };
const folder = mkdtempSync(join(tmpdir(), 'weft-process-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const port = await freePort();

/** A folder with one Deployment and its Service. @param program a line of JavaScript */
function meshOf(name: string, program: string): string {
  const place = mkdtempSync(join(folder, `${name}-`));
  const container = { name: 'main', command: ['node', '-e', program], ports: [{ containerPort: port }] };
  const labels = { app: name };
  const objects = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: { template: { metadata: { labels }, spec: { containers: [container] } } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { selector: labels, ports: [{ port: 80, targetPort: port }] },
    },
  ];
  writeFileSync(join(place, 'mesh.yaml'), objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  return place;
}

const web = meshOf(
  'web',
  `require('node:http').createServer((q, r) => r.end('hello')).listen(${port}, process.env.HOST)`,
);

/** The command as a process that leads a group of its own, as a shell or a CI starts it. */
class Command {
  readonly process: ChildProcess;
  readonly ended: Promise<number | string>;
  output = '';

  constructor(t: Test, ...args: readonly string[]) {
    this.process = spawn(process.execPath, [join(root, 'cli/weft.mjs'), ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout!, this.process.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    this.ended = new Promise((resolve) => this.process.on('close', (code, signal) => resolve(signal ?? code ?? 0)));
    t.teardown(() => this.process.kill('SIGKILL'));
  }

  says(pattern: RegExp): Promise<boolean> {
    return eventually(() => pattern.test(this.output));
  }

  /** @returns the exit code, or that it still runs after 15 s */
  within(): Promise<number | string> {
    const late = new Promise<string>((resolve) => setTimeout(() => resolve('still runs'), 15_000).unref());
    return Promise.race([this.ended, late]);
  }
}

for (const network of ['loopback', 'namespaces']) {
  const needs = network === 'namespaces' ? rootOnly : free;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    t.test(`${signal} to the process alone ends weft run (${network})`, needs, async (t) => {
      const command = new Command(t, 'run', '--network', network, web);
      t.ok(await command.says(/logs: /), command.output);
      command.process.kill(signal);
      t.equal(await command.within(), 0);
    });
  }

  t.test(`what is stopped while it starts ends with 130, whenever that is (${network})`, needs, async (t) => {
    for (const ms of [150, 400, 700]) {
      for (const target of ['alone', 'group'] as const) {
        const command = new Command(t, 'run', '--network', network, web);
        await new Promise((resolve) => setTimeout(resolve, ms));
        if (/logs: /.test(command.output)) t.comment(`up within ${ms} ms`);
        process.kill(target === 'alone' ? command.process.pid! : -command.process.pid!, 'SIGINT');
        // Before the command itself has begun there is nobody to say 130.
        t.match(String(await command.within()), /^(130|0|SIGINT)$/, `${target} after ${ms} ms`);
      }
    }
  });
}

t.test('SIGINT to the process alone ends a demo under load', rootOnly, async (t) => {
  const command = new Command(t, 'demo');
  t.ok(await command.says(/the mesh is up/), command.output);
  command.process.kill('SIGINT');
  t.equal(await command.within(), 130);
});

t.test('what it prints to look inside network namespaces works as it is printed', rootOnly, async (t) => {
  const command = new Command(t, 'run', '--network', 'namespaces', web);
  t.ok(await command.says(/logs: .*\n/), command.output);
  const sh = (script: string) => spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  const inside = /^to look inside: (.*)$/m.exec(command.output)?.[1] ?? 'false';
  t.match(sh(`${inside} -- ip link show`).stdout, 'weft0', inside);
  const request = /^to send a request as web-0 would: (.*)$/m.exec(command.output)?.[1] ?? 'false';
  t.equal(sh(request).stdout, 'hello', request);
  const logs = /^logs: (.*)$/m.exec(command.output)?.[1] ?? 'none';
  t.ok(existsSync(join(logs, 'destination.log')), logs);
  command.process.kill('SIGTERM');
  t.equal(await command.within(), 0);
});

t.test('the reason of a failed start is in the error, and its logs are kept', free, async (t) => {
  const failure = async (place: string, certificateLifetime: string) => {
    const network = await openLoopback(() => {});
    const { objects } = readFolder(place);
    const options = { folder: place, objects, network, progress() {}, onOutput() {}, certificateLifetime };
    const error = (await startMesh(options).then(
      () => null,
      (each) => each,
    )) as Error & { hint: string };
    const kept = /logs: (\S+)$/.exec(error.hint)?.[1] ?? '';
    t.ok(kept.startsWith(tmpdir()), error.hint);
    t.teardown(() => rmSync(kept, { recursive: true, force: true }));
    t.notOk(existsSync(network.layout.state), 'nothing else is left');
    return { text: `${error.message}; ${error.hint}`, log: (name: string) => readFileSync(join(kept, name), 'utf8') };
  };

  await t.test('of the control plane', async (t) => {
    const { text, log } = await failure(web, '5s');
    t.match(text, /identity ended with 64 before it was ready: WEFT_IDENTITY_ISSUANCE_LIFETIME must be from 10s/);
    t.match(log('identity.log'), 'WEFT_IDENTITY_ISSUANCE_LIFETIME');
  });

  await t.test('of a program', async (t) => {
    const { text, log } = await failure(meshOf('bad', 'throw new Error("no settings")'), '24h');
    t.match(text, /default\.bad-0\.main ended with 1 before it listened on port \d+: Error: no settings/);
    t.match(log('default.bad-0.main.log'), 'no settings');
  });
});
