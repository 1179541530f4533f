/** What a proxy refuses says why, to whom it may. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import t, { type Test } from 'tap';

import { request } from '../support/http-request.ts';
import { endpoint, identityOf, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

function proxyOf(t: Test, ...options: ConstructorParameters<typeof TestProxy>): TestProxy {
  const proxy = new TestProxy(...options);
  t.teardown(() => proxy.close());
  return proxy;
}

async function listening(t: Test, onConnection: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer((socket) => onConnection(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  t.teardown(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** Resolves when a connection is over. */
const over = (socket: net.Socket) =>
  new Promise((resolve) =>
    socket
      .on('error', () => {})
      .on('close', resolve)
      .resume(),
  );

t.test('endpoint_reset: the endpoint cuts the request off before it has answered', async (t) => {
  const client = proxyOf(t, 'web', authority);
  const port = await listening(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  client.describe('10.96.0.1:80', service('api', [endpoint(port)]));
  const { status, headers } = await request(await client.listenOutbound());
  t.same([status, headers['weft-proxy-error']], [502, 'endpoint_reset']);
});

t.test('identity_not_ready: a proxy without a certificate reaches no endpoint that demands one', async (t) => {
  const client = proxyOf(t, 'web', authority, { credentials: null });
  client.describe('10.96.0.1:80', service('api', [endpoint(1, 'api')]));
  const { status, headers } = await request(await client.listenOutbound());
  t.same([status, headers['weft-proxy-error']], [502, 'identity_not_ready']);
});

t.test(
  'loop_detected: a connection that nobody redirected is not answered, as it would go to the proxy itself',
  async (t) => {
    const client = proxyOf(t, 'web', authority);
    const port = await client.listenOutbound();
    client.outboundDestination = { host: '127.0.0.1', port };
    await over(net.connect(port, '127.0.0.1'));
    t.match(client.metrics.registry.text(), /outbound_http_errors_total\{error="loop_detected"\} 1/);
  },
);

t.test('not_own_address: what was redirected here and is for another pod goes no further', async (t) => {
  const server = proxyOf(t, 'api', authority, { podIps: ['127.0.0.9'] });
  await over(net.connect(await server.listenInbound(1), '127.0.0.1'));
  t.match(server.metrics.registry.text(), /inbound_http_errors_total\{error="not_own_address"\} 1/);
});

t.test('a direct connection is that of a peer, who names the port', async (t) => {
  const { chain: cert, key } = authority.credentials('web');
  for (const [reason, alpn, octets] of [
    ['direct_without_transport_header', 'weft.http/1', ''],
    ['transport_header_invalid', 'transport.l5d.io/v1', 'GET / HTTP/1.1\r\n\r\n'],
  ] as const) {
    const server = proxyOf(t, 'api', authority);
    const port = await server.listenDirect();
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: identityOf('api'),
      rejectUnauthorized: false,
      ALPNProtocols: [alpn],
      cert,
      key,
    });
    if (octets) socket.write(octets);
    await over(socket);
    t.match(server.metrics.registry.text(), new RegExp(`inbound_http_errors_total\\{error="${reason}"\\} 1`));
  }
});
