/** What a mesh does under load while a part of it fails: no storm of retries, nothing sent twice, nobody waits for long. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

import type { OutboundTarget } from '../../api/routing.ts';
import { freePort } from '../support/free-port.ts';
import { LocalMesh, unprivilegedObstacle } from '../support/local-mesh.ts';
import { endpoint, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';
import { OpenLoop, quantile, type Sent } from '../support/open-loop.ts';

const RATE = 1000;
const authority = new TestAuthority();
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A server that counts how often each `x-id` came. */
async function counting(t: Test, answer: http.RequestListener) {
  const heard = new Map<string, number>();
  const server = http.createServer((incoming, outgoing) => {
    const id = String(incoming.headers['x-id']);
    heard.set(id, (heard.get(id) ?? 0) + 1);
    incoming.resume();
    incoming.on('end', () => answer(incoming, outgoing));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const total = () => [...heard.values()].reduce((sum, count) => sum + count, 0);
  return { heard, total, port: (server.address() as AddressInfo).port };
}

async function proxyOf(t: Test, applicationPort: number, options: Partial<OutboundTarget>): Promise<number> {
  const proxy = new TestProxy('frontend', authority);
  proxy.describe('10.96.0.1:80', service('api', [endpoint(applicationPort)], options));
  t.teardown(() => proxy.close());
  return proxy.listenOutbound();
}

const load = (port: number) =>
  new OpenLoop(RATE, (index) => ({ host: '127.0.0.1', port, path: '/', method: 'POST', headers: { 'x-id': index } }));

const EVERY_FAILURE = {
  retry: { on: { outcomes: ['failure' as const] }, limit: 3, maxBodyBytes: 65_536 },
};
const BUDGET = { ratio: 0.2, minPerSecond: 10, windowMs: 10_000 };

t.test(`a backend that fails always sees no more than its budget above ${RATE} requests a second`, async (t) => {
  const { total, port } = await counting(t, (_, answer) => void answer.writeHead(503).end());
  const proxy = await proxyOf(t, port, { routes: [route('all', EVERY_FAILURE)], retryBudget: BUDGET });
  const loop = load(proxy);
  await wait(4000);
  const sent = (await loop.end()).length;
  const allowed = sent * BUDGET.ratio + BUDGET.minPerSecond * (BUDGET.windowMs / 1000);
  t.ok(sent > RATE * 2, `${sent} requests`);
  t.ok(total() - sent <= allowed, `${total() - sent} retries of ${Math.floor(allowed)} allowed`);
  t.comment(`${sent} requests, ${total()} arrived: ${((total() / sent - 1) * 100).toFixed(1)} % more`);
});

t.test('a backend that fails by turns is well again as soon as it answers', async (t) => {
  let fails = false;
  const { total, port } = await counting(t, (_, answer) => void answer.writeHead(fails ? 503 : 200).end());
  const proxy = await proxyOf(t, port, { routes: [route('all', EVERY_FAILURE)], retryBudget: BUDGET });
  const loop = load(proxy);
  const turns: [fromMs: number, toMs: number, fails: boolean][] = [];
  for (let turn = 0; turn < 8; turn++) {
    const from = loop.elapsedMs;
    fails = turn % 2 === 1;
    await wait(500);
    turns.push([from, loop.elapsedMs, fails]);
  }
  fails = false;
  const sent = await loop.end();
  const allowed = sent.length * BUDGET.ratio + BUDGET.minPerSecond * (BUDGET.windowMs / 1000);
  t.ok(total() - sent.length <= allowed, `${total() - sent.length} retries`);
  for (const [from, to, failed] of turns) {
    // The edges belong to both turns, and what is answered after a turn may have arrived after it.
    const within = sent.filter(({ atMs, ms }) => atMs > from + 100 && atMs + ms < to);
    if (failed) continue;
    const failures = within.filter(({ status }) => status !== 200);
    t.ok(within.length > 0 && failures.length === 0, `${failures.length} of ${within.length} requests failed`);
  }
});

t.test('where no rule is written nothing that may have arrived is sent twice', async (t) => {
  let count = 0;
  const { heard, port } = await counting(t, (incoming, answer) => {
    // By turns: an end without an answer, an answer that breaks off, a failure, an answer.
    const kind = count++ % 4;
    if (kind === 0) return void incoming.socket.destroy();
    if (kind === 1) {
      answer.writeHead(200, { 'content-length': '10' }).write('half');
      return void setTimeout(() => incoming.socket.destroy(), 2);
    }
    answer.writeHead(kind === 2 ? 503 : 200).end();
  });
  const loop = load(await proxyOf(t, port, {}));
  await wait(2000);
  const sent = await loop.end();
  t.ok(heard.size > sent.length * 0.9, `${heard.size} of ${sent.length} arrived`);
  t.same([...heard.values()].filter((times) => times > 1).length, 0);
});

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures');
const options = { skip: unprivilegedObstacle() || false, timeout: 120_000 };

t.test('one of three endpoints freezes', options, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-frozen-'));
  chmodSync(folder, 0o755);
  t.teardown(() => rmSync(folder, { recursive: true }));
  const text = readFileSync(join(fixtures, 'user-mesh/mesh.yaml'), 'utf8')
    .replaceAll('APPLICATION', join(fixtures, 'user-mesh/application.mjs'))
    .replaceAll('FAILURES', join(folder, 'failures'))
    .replaceAll('18080', String(await freePort()));
  writeFileSync(join(folder, 'mesh.yaml'), text);
  const mesh = new LocalMesh(folder);
  t.teardown(async () => {
    mesh.process.kill('SIGTERM');
    await mesh.ended;
  });
  await mesh.up();

  for (const [what, pod, names] of [
    ['its application', 'stable-0', ['application.mjs']],
    ['its application and its proxy', 'stable-1', ['application.mjs', 'proxy.js']],
  ] as const)
    await t.test(`${what}: requests go elsewhere within 3 s`, async (t) => {
      const frozen = processesOfPod(mesh, pod).filter(({ command }) => names.some((name) => command.includes(name)));
      t.equal(frozen.length, names.length);
      const url = 'http://api-service.default/';
      const loop = new OpenLoop(RATE / 2, () => ({
        host: mesh.ip('frontend-0'),
        port: 4140,
        path: url,
        headers: { host: 'api-service.default' },
      }));
      await wait(3000);
      const at = loop.elapsedMs;
      for (const { pid } of frozen) process.kill(pid, 'SIGSTOP');
      await wait(9000);
      for (const { pid } of frozen) process.kill(pid, 'SIGCONT');
      const sent = await loop.end(1000);
      const between = (from: number, to: number) => sent.filter(({ atMs }) => atMs >= from && atMs < to);
      const before = between(1000, at);
      const after = between(at + 3000, at + 9000);
      t.comment(
        `p99 before ${quantile(before, 0.99).toFixed(1)} ms; by second after: ${[0, 1, 2, 3, 4, 5, 6, 7, 8]
          .map((second) => describeSecond(between(at + second * 1000, at + second * 1000 + 1000)))
          .join(', ')}`,
      );
      const stuck = after.filter(({ ms }) => ms > 1000).length;
      t.ok(stuck < after.length / 100, `${stuck} of ${after.length} wait for the frozen one 3 s later`);
    });
});

function describeSecond(sent: readonly Sent[]): string {
  return `${quantile(sent, 0.99).toFixed(1)} (${sent.filter(({ ms }) => ms > 1000).length} stuck)`;
}

/** The processes of a pod of `weft run`. */
function processesOfPod(mesh: LocalMesh, pod: string): { pid: number; command: string }[] {
  return LocalMesh.processesOf(mesh.state)
    .filter((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mesh.ip(pod)))
    .map((pid) => ({ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }));
}
