/** Connections that the application keeps, while what they are for goes, comes back, and becomes something else. */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { eventually } from '../support/eventually.ts';
import { request } from '../support/http-request.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const ADDRESS = '10.96.0.1:80';

interface Pod {
  /** Of its proxy. */
  readonly port: number;
  /** Connections that its proxy has taken. */
  connections: number;
  readonly name: string;
}

/** A pod with its proxy, which says its name to every request and to every connection. */
async function pod(t: Test, name: string, protocol: 'http1' | 'http2' | 'octets' = 'http1'): Promise<Pod> {
  const application =
    protocol === 'octets'
      ? net.createServer((socket) => {
          socket.on('error', () => {});
          socket.on('data', () => socket.write(name));
        })
      : protocol === 'http2'
        ? http2.createServer((_, response) => void response.end(name))
        : http.createServer((_, response) => void response.end(name));
  await new Promise<void>((resolve) => application.listen({ port: 0, host: '127.0.0.1' }, resolve));
  const proxy = new TestProxy('api', authority);
  const inbound = await proxy.listenInbound((application.address() as net.AddressInfo).port);
  const counted = { port: 0, connections: 0, name };
  // In between, so that connections can be counted.
  const counter = net.createServer((socket) => {
    counted.connections++;
    const onward = net.connect(inbound, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    for (const [side, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      side.on('error', () => other.destroy());
      side.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => counter.listen({ port: 0, host: '127.0.0.1' }, resolve));
  counted.port = (counter.address() as net.AddressInfo).port;
  t.teardown(() => {
    application.close();
    counter.close();
    proxy.close();
    if (application instanceof http.Server) application.closeAllConnections();
  });
  return counted;
}

async function client(t: Test): Promise<{ proxy: TestProxy; port: number }> {
  const proxy = new TestProxy('web', authority);
  t.teardown(() => proxy.close());
  return { proxy, port: await proxy.listenOutbound() };
}

const leadsTo = ({ port }: Pod, options: Parameters<typeof service>[2] = {}) =>
  service('api', [endpoint(port, 'api')], options);

/** A connection of HTTP/1.1 that its client keeps. */
function kept(t: Test, port: number): { ask(): Promise<{ status: number; body: string; closes: boolean }> } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  return {
    async ask() {
      const { status, body, headers } = await request(port, { agent });
      return { status, body: body.toString(), closes: headers.connection === 'close' };
    },
  };
}

t.test('a kept connection of HTTP/1.1 is served again by a Service that comes back, or is ended', async (t) => {
  const { proxy, port } = await client(t);
  const [first, second] = [await pod(t, 'first'), await pod(t, 'second')];
  proxy.describe(ADDRESS, leadsTo(first));
  const { ask } = kept(t, port);
  t.equal((await ask()).body, 'first');
  for (let i = 0; i < 20; i++) {
    proxy.describe(ADDRESS, null);
    const { status, closes } = await ask();
    t.same([status, closes], [502, true], 'what is asked meanwhile fails at once, and its connection ends');
    const there = i % 2 === 0 ? second : first;
    proxy.describe(ADDRESS, leadsTo(there));
    t.same(await ask(), { status: 200, body: there.name, closes: false });
  }
  t.ok(first.connections + second.connections <= 22, `${first.connections + second.connections} connections`);
});

t.test('a kept connection is served again at once by a Service that went while it was silent', async (t) => {
  const { proxy, port } = await client(t);
  const [first, second] = [await pod(t, 'first'), await pod(t, 'second')];
  proxy.describe(ADDRESS, leadsTo(first));
  const { ask } = kept(t, port);
  await ask();
  proxy.describe(ADDRESS, null);
  proxy.describe(ADDRESS, leadsTo(second));
  t.same(await ask(), { status: 200, body: 'second', closes: false });
});

t.test('an address that is given to another Service leads there', async (t) => {
  const { proxy, port } = await client(t);
  const [first, second] = [await pod(t, 'first'), await pod(t, 'second')];
  proxy.describe(ADDRESS, leadsTo(first));
  const { ask } = kept(t, port);
  await ask();
  proxy.describe(ADDRESS, {
    ...leadsTo(second),
    name: 'web.default.svc.cluster.local',
    labels: { dst_service: 'web' },
  });
  t.equal((await ask()).body, 'second');
  t.match(proxy.metrics.registry.text(), /route_request_total\{.*dst="web\.default.*dst_service="web".*\} 1/);
});

t.test(
  'a session of HTTP/2 is told to go, and what is asked on it later is served or refused, never left',
  async (t) => {
    const { proxy, port } = await client(t);
    const there = await pod(t, 'there', 'http2');
    proxy.describe(ADDRESS, leadsTo(there));
    const session = http2.connect(`http://127.0.0.1:${port}`);
    t.teardown(() => session.destroy());
    let goneAway = false;
    session.on('goaway', () => {
      goneAway = true;
    });
    const ask = () =>
      new Promise<unknown>((resolve) => {
        const stream = session.request({ ':path': '/', 'content-type': 'application/grpc' });
        let status: unknown;
        stream.on('response', (headers) => {
          status = headers['grpc-status'] ?? headers[':status'];
        });
        stream.on('error', () => {});
        stream.on('close', () => resolve(status));
        stream.resume();
      });
    t.equal(await ask(), 200);
    proxy.describe(ADDRESS, null);
    t.equal(await ask(), '14');
    proxy.describe(ADDRESS, leadsTo(there));
    if (!goneAway) t.equal(await ask(), 200);
    t.ok(await eventually(() => goneAway && session.closed));
  },
);

t.test('what waits for an endpoint of a Service that goes is told at once', async (t) => {
  const { proxy, port } = await client(t);
  proxy.describe(ADDRESS, service('api', []));
  const waiting = request(port);
  await new Promise((resolve) => setTimeout(resolve, 100));
  proxy.describe(ADDRESS, null);
  const { status, headers, tookMs } = await waiting;
  t.same([status, headers['weft-proxy-error']], [502, 'target_unknown']);
  t.ok(tookMs < 2000, 'it does not wait for an endpoint to come');
});

t.test('octets go on as they are while their Service goes, and new ones find the one that comes', async (t) => {
  const { proxy, port } = await client(t);
  const [first, second] = [await pod(t, 'first', 'octets'), await pod(t, 'second', 'octets')];
  const said = async (socket: net.Socket) => {
    socket.write('PING\r\n');
    return String(await new Promise((resolve) => socket.once('data', resolve)));
  };
  proxy.describe(ADDRESS, leadsTo(first, { protocol: 'opaque' }));
  const old = net.connect(port, '127.0.0.1');
  t.teardown(() => old.destroy());
  t.equal(await said(old), 'first');
  proxy.describe(ADDRESS, null);
  t.equal(await said(old), 'first');
  proxy.describe(ADDRESS, leadsTo(second, { protocol: 'opaque' }));
  t.equal(await said(old), 'first', 'the endpoint is there still, as without a mesh');
  const fresh = net.connect(port, '127.0.0.1');
  t.teardown(() => fresh.destroy());
  t.equal(await said(fresh), 'second');
});

t.test('a port that becomes one of octets ends the connections of HTTP that are kept to it', async (t) => {
  const { proxy, port } = await client(t);
  const there = await pod(t, 'there');
  proxy.describe(ADDRESS, leadsTo(there));
  const { ask } = kept(t, port);
  t.same(await ask(), { status: 200, body: 'there', closes: false });
  proxy.describe(ADDRESS, leadsTo(there, { protocol: 'opaque' }));
  t.same(await ask(), { status: 200, body: 'there', closes: true });
});

t.test('an explicit proxy and its tunnels find what is there now', async (t) => {
  const proxy = new TestProxy('web', authority);
  t.teardown(() => proxy.close());
  const port = await proxy.listenExplicit();
  const [first, second] = [await pod(t, 'first'), await pod(t, 'second')];
  proxy.describe('api:80', leadsTo(first));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ask = async () => (await request(port, { agent, path: 'http://api/' })).body.toString();

  const tunnel = net.connect(port, '127.0.0.1');
  t.teardown(() => tunnel.destroy());
  const said = async (text: string) => {
    tunnel.write(text);
    return String(await new Promise((resolve) => tunnel.once('data', resolve)));
  };
  t.match(await said('CONNECT api:80 HTTP/1.1\r\nHost: api:80\r\n\r\n'), /^HTTP\/1.1 200/);
  t.match(await said('GET / HTTP/1.1\r\nHost: api\r\n\r\n'), /first/);
  t.equal(await ask(), 'first');
  proxy.describe('api:80', null);
  t.match(await ask(), /^target_unknown/);
  proxy.describe('api:80', leadsTo(second));
  t.equal(await ask(), 'second');
  t.match(await said('GET / HTTP/1.1\r\nHost: api\r\n\r\n'), /second/);
});

t.test('an endpoint that goes under a request that waits for its connection is no end of it', async (t) => {
  const { proxy, port } = await client(t);
  const there = await pod(t, 'there');
  // Takes connections, and never completes a handshake.
  const silent = net.createServer(() => {});
  await new Promise<void>((resolve) => silent.listen({ port: 0, host: '127.0.0.1' }, resolve));
  t.teardown(() => silent.close());
  proxy.describe(ADDRESS, service('api', [endpoint((silent.address() as net.AddressInfo).port, 'api')]));
  const asked = Promise.all(Array.from({ length: 20 }, () => request(port)));
  await new Promise((resolve) => setTimeout(resolve, 100));
  proxy.describe(ADDRESS, leadsTo(there));
  t.same(new Set((await asked).map(({ status }) => status)), new Set([200]));
  t.equal(there.connections, 1);
});
