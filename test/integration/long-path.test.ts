/** Bodies over a path whose round trip is long, through two proxies: windows grow until they do not hold the sender back. */
import * as http from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import t, { type Test } from 'tap';

import { windowBudget } from '../../proxy/transport/window-budget.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const ROUND_TRIP_MS = 40;
const OCTETS = 24 << 20;

/** Passes connections to `port` on, each octet half a round trip later. @returns the port of the path's beginning */
async function longPath(t: Test, port: number): Promise<number> {
  const late = (work: () => void) => setTimeout(work, ROUND_TRIP_MS / 2);
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => late(() => to.write(bytes)));
      from.on('end', () => late(() => to.end()));
      from.on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Two proxies with a long path between them, before an application. @returns the port where its clients connect */
async function mesh(t: Test, application: http.RequestListener): Promise<number> {
  const server = http.createServer(application);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const authority = new TestAuthority();
  const proxies = { client: new TestProxy('client', authority), server: new TestProxy('server', authority) };
  const inbound = await proxies.server.listenInbound((server.address() as AddressInfo).port);
  const begin = await longPath(t, inbound);
  proxies.client.describe('10.96.0.1:80', service('server', [endpoint(begin, 'server')]));
  t.teardown(() => {
    proxies.client.close();
    proxies.server.close();
    server.close();
  });
  return proxies.client.listenOutbound();
}

/** Sends `upload` octets and reads the answer. @returns octets of the answer, milliseconds, the most that windows grew by */
async function exchange(port: number, upload: number): Promise<{ octets: number; ms: number; grown: number }> {
  const start = performance.now();
  let [octets, grown] = [0, 0];
  const watch = setInterval(() => {
    grown = Math.max(grown, windowBudget.grown);
  }, 1);
  await new Promise<void>((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', method: 'POST', agent: false }, (response) => {
      response.on('data', (bytes: Buffer) => {
        octets += bytes.length;
      });
      response.on('end', resolve);
    });
    request.on('error', reject);
    request.end(Buffer.alloc(upload));
  });
  clearInterval(watch);
  return { octets, ms: performance.now() - start, grown };
}

const rate = (octets: number, ms: number) =>
  `${(octets / ms / 1000).toFixed(1)} MB/s over ${ROUND_TRIP_MS} ms; windows of 65,535 octets carry ${(65.535 / ROUND_TRIP_MS).toFixed(1)}`;

t.test('a long download makes its window grow, and leaves nothing behind', async (t) => {
  const port = await mesh(t, (request, response) => {
    request.resume();
    response.end(Buffer.alloc(OCTETS));
  });
  const { octets, ms, grown } = await exchange(port, 0);
  t.comment(rate(OCTETS, ms));
  t.equal(octets, OCTETS);
  t.ok(grown >= 1 << 20, `by ${grown} octets`);
  t.equal(windowBudget.grown, 0);
  t.equal(windowBudget.held, 0);
});

t.test('so does a long upload', async (t) => {
  const port = await mesh(t, (request, response) => {
    let octets = 0;
    request.on('data', (bytes: Buffer) => {
      octets += bytes.length;
    });
    request.on('end', () => response.end(String(octets)));
  });
  const { ms, grown } = await exchange(port, OCTETS);
  t.comment(rate(OCTETS, ms));
  t.ok(grown >= 1 << 20, `by ${grown} octets`);
  t.equal(windowBudget.grown, 0);
  t.equal(windowBudget.held, 0);
});

t.test('without a budget it takes its time, and arrives', async (t) => {
  const { total } = windowBudget;
  windowBudget.total = 1;
  t.teardown(() => {
    windowBudget.total = total;
  });
  const port = await mesh(t, (request, response) => {
    request.resume();
    response.end(Buffer.alloc(OCTETS / 16));
  });
  const { octets, ms, grown } = await exchange(port, 0);
  t.comment(rate(OCTETS / 16, ms));
  t.equal(octets, OCTETS / 16);
  t.equal(grown, 0);
});
