import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { eitherVersion } from '../support/either-version.ts';
import { ATTACKS, HostileClient } from '../support/hostile-client.ts';
import { TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
/** An application and its proxy, whose time limits are short. */
async function victim(t: Test, options: ConstructorParameters<typeof TestProxy>[2] = {}) {
  const application = await eitherVersion();
  const proxy = new TestProxy('api', authority, {
    limits: { headerTimeoutMs: 300, bodyTimeoutMs: 300, stallTimeoutMs: 300 },
    ...options,
  });
  const port = await proxy.listenInbound(application.port);
  t.teardown(() => {
    proxy.close();
    application.close();
  });
  return { port, proxy };
}

function counted(proxy: TestProxy, limit: string): number {
  const line = proxy.metrics.registry
    .text()
    .split('\n')
    .find((each) => each.startsWith('weft_limit_exceeded_total{') && each.includes(`limit="${limit}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** A neighbour's request. @returns the status */
function ask(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path: '/', agent, headers: { host: 'api' } }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode!));
      })
      .on('error', reject);
  });
}

for (const attack of ATTACKS) {
  t.test(`stands ${attack.name}`, async (t) => {
    const { port, proxy } = await victim(t);
    t.equal(await ask(port), 200);
    const memory = process.memoryUsage();
    const begun = performance.now();
    const client = new HostileClient(port, attack);
    // Some cost a stream alone, some are not read to the end: then the count says it.
    const isOver =
      attack.limit !== '' && attack.verdict === 0
        ? (async () => {
            while (counted(proxy, attack.limit) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
          })()
        : client.closed;
    let isUnderWay = true;
    let asked = 0;
    let answered = 0;
    void isOver.then(() => {
      isUnderWay = false;
    });
    do {
      if ((await ask(port)) === 200) answered++;
      asked++;
    } while (isUnderWay && asked < 10_000);
    t.equal(answered, asked, 'the neighbour is answered');
    await isOver;
    const now = process.memoryUsage();
    const growth = now.heapUsed + now.arrayBuffers - memory.heapUsed - memory.arrayBuffers;
    t.comment(
      `over after ${Math.round(performance.now() - begun)} ms, ${asked} answers beside it, ${Math.round(growth / 1024)} KiB`,
    );
    if (attack.limit !== '') t.ok(counted(proxy, attack.limit) >= 1, `${attack.limit} is counted`);
    if (attack.verdict !== 0) t.equal(client.verdict, attack.verdict);
    // 16 MiB of windows and what both ends of this process hold beside them.
    t.ok(growth < 64 << 20, `${growth} octets`);
    t.equal(await ask(port), 200);
    client.socket.destroy();
  });
}

t.test('refuses connections above the limit, and takes them again when there is room', async (t) => {
  const { port, proxy } = await victim(t, { maxConnections: 3 });
  const open = () =>
    new Promise<net.Socket>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => {
        socket.write('GET / HTTP/1.1\r\n');
        resolve(socket);
      });
      socket.on('error', () => {});
    });
  const held = [await open(), await open(), await open()];
  // Its reset may come before it knows that it is connected.
  const refused = net.connect(port, '127.0.0.1').on('error', () => {});
  await new Promise((resolve) => refused.once('close', resolve).resume());
  t.equal(counted(proxy, 'connection_limit'), 1);
  await new Promise((resolve) => held[0]!.once('close', resolve).destroy());
  let status = 0;
  for (let i = 0; i < 50 && status === 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    status = await ask(port).catch(() => 0);
  }
  t.equal(status, 200);
  for (const socket of held) socket.destroy();
});

t.test('ends a connection gently that has been idle for long', async (t) => {
  const { port, proxy } = await victim(t, { limits: { idleTimeoutMs: 200 } });
  t.equal(await ask(port), 200);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  const code = await new Promise((resolve) => session.on('goaway', resolve));
  t.equal(code, 0);
  session.close();
  t.equal(counted(proxy, 'idle_timeout'), 0);
});

t.teardown(() => agent.destroy());
