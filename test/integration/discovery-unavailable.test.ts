/** Addresses that destination has not answered for yet are not "outside". */
import { once } from 'node:events';
import { Agent } from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import type { DiscoveryFailurePolicy } from '../../api/names.ts';
import { request } from '../support/http-request.ts';
import { TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
/** In the cluster's networks, as the test has them, and outside of them. */
const INSIDE = '127.0.0.2';
const OUTSIDE = '127.0.1.2';

/** A server at both addresses that counts who comes, and a proxy whose destination says nothing. */
async function silence(
  t: Test,
  host: string,
  discoveryFailurePolicy: DiscoveryFailurePolicy = 'fail-cluster',
  options: ConstructorParameters<typeof TestProxy>[2] = {},
) {
  let came = 0;
  const server = net.createServer((socket) => {
    came++;
    socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as net.AddressInfo;
  const proxy = new TestProxy('frontend', authority, {
    discoveryFailurePolicy,
    clusterNetworks: ['127.0.0.0/24'],
    ...options,
  });
  proxy.outboundDestination = { host, port };
  const outbound = await proxy.listenOutbound();
  t.teardown(() => {
    proxy.close();
    server.close();
  });
  return { proxy, outbound, port, came: () => came };
}

/** Sends octets. @returns how the connection ends */
function octets(port: number, said: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let heard = '';
  let how = 'end';
  socket.on('data', (piece) => {
    heard += piece;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    how = error.code!;
  });
  if (said !== '') socket.write(said);
  return new Promise((resolve) => socket.on('close', () => resolve(heard === '' ? how : heard)));
}

async function grpc(port: number) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc' });
  const [head] = await new Promise<[http2.IncomingHttpHeaders]>((resolve, reject) => {
    stream.on('response', (head) => resolve([head])).on('error', reject);
  });
  stream.resume();
  session.destroy();
  return head;
}

t.test('an address of the cluster waits, and then fails', { jobs: 8 }, async (t) => {
  t.test('HTTP has 503 and is told why', async (t) => {
    const { proxy, outbound, came } = await silence(t, INSIDE);
    const { status, headers, body, tookMs } = await request(outbound);
    t.equal(status, 503);
    t.equal(headers['weft-proxy-error'], 'discovery_unavailable');
    t.match(String(body), /destination has not said what 127\.0\.0\.2:\d+ is within 3 s/);
    t.ok(tookMs > 2900, `${Math.round(tookMs)} ms`);
    t.equal(came(), 0, 'nothing has left in the clear');
    t.match(proxy.failures.entries, [{ direction: 'outbound', reason: 'discovery_unavailable' }]);
    t.match(proxy.metrics.registry.text(), /outbound_http_errors_total\{error="discovery_unavailable"\} 1/);
    t.notMatch(proxy.metrics.registry.text(), /weft_proxy_unknown_target_connections_total 1/);
  });

  t.test('HTTP is told that the connection ends: no other request is sent on it', async (t) => {
    const { outbound } = await silence(t, INSIDE);
    const agent = new Agent({ keepAlive: true });
    t.teardown(() => agent.destroy());
    const { headers } = await request(outbound, { agent });
    t.equal(headers.connection, 'close');
  });
  t.test('gRPC has 14', async (t) => {
    const { outbound, came } = await silence(t, INSIDE);
    t.match(await grpc(outbound), { ':status': 200, 'grpc-status': '14', 'weft-proxy-error': 'discovery_unavailable' });
    t.equal(came(), 0);
  });

  t.test('octets, TLS and silence are reset', async (t) => {
    const { proxy, outbound, came } = await silence(t, INSIDE);
    const hello = '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00';
    const ends = ['PING\r\n', hello, ''].map((said) => octets(outbound, said));
    t.same(await Promise.all(ends), ['ECONNRESET', 'ECONNRESET', 'ECONNRESET']);
    t.equal(came(), 0);
    t.same(new Set(proxy.failures.entries.map(({ reason }) => reason)), new Set(['discovery_unavailable']));
    t.equal(proxy.failures.entries.length, 3);
  });

  t.test('an answer that comes meanwhile is followed', async (t) => {
    const { proxy, outbound, port, came } = await silence(t, INSIDE);
    setTimeout(() => proxy.describe(`${INSIDE}:${port}`, null), 300);
    t.equal((await request(outbound)).status, 200, 'it is nobody’s, and forwarded');
    t.equal(came(), 1);
  });

  t.test('in ingress mode too', async (t) => {
    const { outbound, came } = await silence(t, INSIDE, 'fail-cluster', { ingress: true });
    t.match(await request(outbound), { status: 503, headers: { 'weft-proxy-error': 'discovery_unavailable' } });
    t.equal(came(), 0);
  });

  t.test('but the pod itself does not: it is reached within the process', async (t) => {
    const { outbound } = await silence(t, INSIDE, 'fail-cluster', { podIps: [INSIDE] });
    t.equal((await request(outbound)).status, 200);
  });
});

t.test('any other address is forwarded', async (t) => {
  const { proxy, outbound, came } = await silence(t, OUTSIDE);
  t.equal((await request(outbound)).status, 200);
  t.equal(came(), 1);
  t.match(proxy.metrics.registry.text(), /weft_proxy_unknown_target_connections_total 1/);
});

t.test('a setting chooses', { jobs: 4 }, async (t) => {
  t.test('that no address is forwarded', async (t) => {
    const { outbound, came } = await silence(t, OUTSIDE, 'fail');
    t.equal((await request(outbound)).status, 503);
    t.equal(came(), 0);
  });

  t.test('or every one', async (t) => {
    const { outbound } = await silence(t, INSIDE, 'forward');
    t.equal((await request(outbound)).status, 200);
  });
});

t.test('networks that destination has named take the place of those of the environment', async (t) => {
  const { proxy, outbound } = await silence(t, INSIDE);
  proxy.ports.update({ ...proxy.ports.config, clusterNetworks: ['10.0.0.0/8'] });
  t.equal((await request(outbound)).status, 200);
});

t.test('a name that an explicit proxy is asked for', { jobs: 4 }, async (t) => {
  t.test('has 503 while nobody has said what it is', async (t) => {
    const { proxy } = await silence(t, INSIDE);
    const explicit = await proxy.listenExplicit();
    const { status, headers } = await request(explicit, { path: 'http://api.shop/', headers: { host: 'api.shop' } });
    t.equal(status, 503);
    t.equal(headers['weft-proxy-error'], 'discovery_unavailable');
  });

  t.test('has no tunnel where it leads into the cluster, and one where it leads elsewhere', async (t) => {
    const { proxy, port, came } = await silence(t, '127.0.0.1');
    const explicit = await proxy.listenExplicit();
    const connect = async () => {
      const socket = net.connect(explicit, '127.0.0.1');
      socket.write(`CONNECT localhost:${port} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
      const [head] = await once(socket, 'data');
      socket.destroy();
      return String(head);
    };
    t.match(await connect(), /^HTTP\/1.1 503/);
    proxy.ports.update({ ...proxy.ports.config, clusterNetworks: ['10.0.0.0/8'] });
    t.match(await connect(), /^HTTP\/1.1 200/);
    t.ok(came() >= 1);
  });
});
