/** A pod that calls a Service which it stands behind: its own endpoint is reached within the process, by the inbound side. */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import * as tls from 'node:tls';
import t, { type Test } from 'tap';

import type { Endpoint, InboundPolicy, OutboundTarget } from '../../api/routing.ts';
import { request } from '../support/http-request.ts';
import { endpoint, identityOf, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
/** The pod's addresses; its neighbours are at 127.0.0.1. */
const OWN = { ipv4: '127.0.0.2', ipv6: '::1' };

async function listening(t: Test, server: net.Server | http2.Http2Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ port: 0, host }, resolve));
  t.teardown(() => {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
  });
  return (server.address() as net.AddressInfo).port;
}

/** The pod's own endpoint, as discovery describes it to everybody: with mutual TLS. */
function own(port: number, address = OWN.ipv4): Endpoint {
  return { ...endpoint(port, 'api'), address, uid: 'uid-own' };
}

const echo: http.RequestListener = (incoming, outgoing) => {
  outgoing.setHeader('x-headers', JSON.stringify(incoming.headers));
  incoming.pipe(outgoing);
};

/** A pod with its proxy, whose Service it calls. */
async function pod(
  t: Test,
  { application, host = OWN.ipv4, ...options }: { application: net.Server; host?: string } & Partial<OutboundTarget>,
) {
  const proxy = new TestProxy('api', authority, { podIps: Object.values(OWN) });
  const applicationPort = await listening(t, application, host);
  proxy.describe('10.96.0.1:80', service('api', [own(applicationPort, host)], options));
  t.teardown(() => proxy.close());
  return { proxy, applicationPort, port: await proxy.listenOutbound() };
}

const policy = (mode: InboundPolicy['mode']): InboundPolicy => ({ mode, origin: 'test' });

t.test('a request to itself is served, in both families, and counted on both sides', async (t) => {
  for (const host of Object.values(OWN)) {
    const { proxy, port } = await pod(t, { application: http.createServer(echo), host });
    const { status, headers, body } = await request(
      port,
      { method: 'POST', headers: { host: 'api', 'l5d-client-id': 'admin', 'x-forwarded-client-cert': 'URI=admin' } },
      'hello',
    );
    t.same([status, body.toString()], [200, 'hello']);
    const seen = JSON.parse(String(headers['x-headers'])) as http.IncomingHttpHeaders;
    t.same(
      Object.keys(seen).filter((name) => /l5d|client-cert|weft/.test(name)),
      [],
      'the application is told no identity, and nothing that was made up',
    );
    const text = proxy.metrics.registry.text();
    t.match(text, /request_total\{direction="outbound".*tls="no_identity",no_tls_reason="loopback".*\} 1/);
    t.match(text, /request_total\{direction="inbound".*tls="no_identity",no_tls_reason="loopback".*\} 1/);
    t.notMatch(text, /tls="true"/);
  }
});

t.test('it is let in under every policy, as it proves itself by being itself', async (t) => {
  const { proxy, port } = await pod(t, { application: http.createServer(echo) });
  for (const mode of ['all-authenticated', 'cluster-authenticated', 'deny'] as const) {
    proxy.ports.update({ ...proxy.ports.config, defaultPolicy: policy(mode) });
    t.equal((await request(port)).status, 200, mode);
  }
});

t.test('routes of its port count it, limits of its port do not hold it', async (t) => {
  const { proxy, port, applicationPort } = await pod(t, { application: http.createServer(echo) });
  const routes = {
    'api.default.svc.cluster.local': [route('GET /seen', { when: { path: { exact: '/seen' } } })],
  };
  const rateLimit = { totalPerSecond: 1, origin: 'HTTPLocalRateLimitPolicy/default/api' };
  const { config } = proxy.ports;
  const rules = { port: applicationPort, protocol: 'http1' as const, policy: config.defaultPolicy, routes, rateLimit };
  proxy.ports.update({ ...config, ports: [rules] });
  for (let i = 0; i < 5; i++)
    t.equal((await request(port, { path: '/seen', headers: { host: '10.96.0.1' } })).status, 200);
  t.match(
    proxy.metrics.registry.text(),
    /route_request_total\{direction="inbound",dst="api\..*rt_route="GET \/seen"\} 5/,
  );
});

t.test('why the application cannot be reached is told to it, and another endpoint is tried', async (t) => {
  const { proxy, port, applicationPort } = await pod(t, { application: http.createServer(echo) });
  const closed = net.createServer();
  const nobody = await listening(t, closed, OWN.ipv4);
  await new Promise((resolve) => closed.close(resolve));
  proxy.describe('10.96.0.1:80', service('api', [own(nobody)]));
  const refused = await request(port);
  t.same([refused.status, refused.headers['weft-proxy-error']], [502, 'connect_failed']);
  proxy.describe('10.96.0.1:80', service('api', [own(nobody), { ...own(applicationPort), uid: 'uid-other' }]));
  for (let i = 0; i < 10; i++) t.equal((await request(port)).status, 200);
});

t.test('HTTP/2 to itself keeps its streams, trailers and resets', async (t) => {
  const application = http2.createServer();
  application.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':path'] === '/reset') return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  const { port } = await pod(t, { application, protocol: 'grpc' });
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.teardown(() => session.destroy());
  const calls = Array.from({ length: 50 }, async (_, i) => {
    const stream = session.request({ ':method': 'POST', ':path': '/echo', 'content-type': 'application/grpc' });
    let heard = '';
    let status: unknown;
    stream.on('data', (chunk) => {
      heard += chunk;
    });
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.end(`message ${i}`);
    await new Promise((resolve) => stream.once('close', resolve));
    return [heard, status];
  });
  t.same(
    await Promise.all(calls),
    Array.from({ length: 50 }, (_, i) => [`message ${i}`, '0']),
  );
  const reset = session.request({ ':path': '/reset', 'content-type': 'application/grpc' });
  let status: unknown;
  reset.on('response', (headers) => {
    status = headers['grpc-status'];
  });
  reset.on('error', () => {});
  await new Promise((resolve) => reset.once('close', resolve));
  t.equal(status, '14', 'a stream that the application reset has a failure of the proxy');
});

t.test('octets, TLS and protocols whose server speaks first reach itself', async (t) => {
  const said = (socket: net.Socket) =>
    new Promise<string>((resolve) => {
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('end', () => resolve(heard));
    });
  for (const protocol of ['detect', 'opaque'] as const) {
    const echoing = net.createServer((socket) => socket.pipe(socket));
    const { port } = await pod(t, { application: echoing, protocol });
    const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.end('PING\r\n'.repeat(50_000));
    t.equal((await said(client)).length, 300_000, protocol);

    const greeting = net.createServer((socket) => void socket.end('220 ready\r\n'));
    const first = await pod(t, { application: greeting, protocol });
    t.equal(await said(net.connect(first.port, '127.0.0.1')), '220 ready\r\n', `${protocol}: the server speaks first`);
  }
  const { chain: cert, key } = authority.credentials('api');
  const secure = tls.createServer({ cert, key }, (socket) => void socket.end('secret'));
  const { port } = await pod(t, { application: secure, protocol: 'tls' });
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'api' });
  t.equal(await said(client), 'secret');
});

t.test(
  'a split whose backend is the pod itself, a pod address and an address that nobody knows lead to itself',
  async (t) => {
    const { proxy, port, applicationPort } = await pod(t, { application: http.createServer(echo) });
    proxy.ports.update({ ...proxy.ports.config, defaultPolicy: policy('deny') });
    const split = [{ backend: 'self', weight: 1 }];
    const backends = {
      '': { service: 'api', port: 80, endpoints: [] },
      self: { service: 'api', port: 80, subset: 'v1', endpoints: [own(applicationPort)] },
    };
    proxy.describe('10.96.0.1:80', service('api', [], { routes: [route('all', { split })], backends }));
    t.equal((await request(port)).status, 200);

    const address = `${OWN.ipv4}:${applicationPort}`;
    proxy.outboundDestination = { host: OWN.ipv4, port: applicationPort };
    proxy.describe(
      address,
      service('api', [own(applicationPort)], { kind: 'pod', name: OWN.ipv4, port: applicationPort }),
    );
    t.equal((await request(port)).status, 200);
    proxy.describe(address, null);
    t.equal((await request(port)).status, 200);
    t.match(
      proxy.metrics.registry.text(),
      /inbound_http_authz_allow_total\{.*authz_name="deny".*\} 3/,
      'all by the inbound side',
    );
  },
);

t.test('of two endpoints, one of them itself, both answer', async (t) => {
  const named =
    (name: string): http.RequestListener =>
    (_, outgoing) =>
      void outgoing.end(name);
  const { proxy, port, applicationPort } = await pod(t, { application: http.createServer(named('self')) });
  const peer = new TestProxy('api', authority);
  const peerPort = await peer.listenInbound(await listening(t, http.createServer(named('peer')), '127.0.0.1'));
  t.teardown(() => peer.close());
  proxy.describe('10.96.0.1:80', service('api', [own(applicationPort), endpoint(peerPort, 'api')]));
  const answers = new Set<string>();
  for (let i = 0; i < 200; i++) answers.add((await request(port)).body.toString());
  t.same([...answers].sort(), ['peer', 'self']);
  t.match(
    proxy.metrics.registry.text(),
    new RegExp(`tls="true",server_id="${identityOf('api')}"`),
    'the peer by mutual TLS',
  );
});
