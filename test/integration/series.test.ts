/** Whatever strangers, applications and servers make up, metrics stay within their budget and honest series keep their place. */
import * as http from 'node:http';
import * as net from 'node:net';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';

import { endpoint, identityOf, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
/** Of each kind of value that is made up. */
const MANY = 1200;
/** Identities take a certificate and a handshake each. */
const IDENTITIES = 200;
/** Series of one family that a whole crowd may bring about; the families hold 5,000. */
const BUDGET = 1000;

type Fields = Record<string, string>;

/** An application that answers as it is asked to: status, fields and trailers are in the request. */
async function puppet(t: Test): Promise<number> {
  const server = http.createServer({ insecureHTTPParser: true }, (request, answer) => {
    const said = JSON.parse(String(request.headers['x-answer'] ?? '{}')) as { status?: number; fields?: Fields };
    answer.writeHead(said.status ?? 200, { ...said.fields });
    answer.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as net.AddressInfo).port;
}

/** Asks `count` times on a few kept connections. @param of what is asked the n-th time */
async function crowd(port: number, count: number, of: (n: number) => http.RequestOptions): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const ask = (n: number) =>
    new Promise<void>((resolve) => {
      http
        .request({ port, host: '127.0.0.1', agent, ...of(n) }, (answer) => answer.resume().on('close', resolve))
        .on('error', () => resolve())
        .setTimeout(5000, resolve)
        .end();
    });
  let next = 0;
  const worker = async () => {
    while (next < count) await ask(next++);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  agent.destroy();
}

/** Opens connections one after another, says something on each and waits for its end. */
async function connections(port: number, count: number, says: (n: number) => string, before: (n: number) => void) {
  for (let n = 0; n < count; n++) {
    before(n);
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    socket.end(says(n));
    await new Promise((resolve) => socket.on('close', resolve));
  }
}

/** No family has more series than a crowd may bring about, nor any that stands for those beyond the limit. */
function withinBudget(t: Test, proxy: TestProxy): void {
  for (const { name, series } of proxy.metrics.registry.families) {
    t.ok(series.size < BUDGET, `${name}: ${series.size} series`);
    t.notOk(series.has('overflow="true"'), `${name}: nothing falls into overflow`);
  }
}

const answer = (said: { status?: number; fields?: Fields }): Fields => ({ 'x-answer': JSON.stringify(said) });
/** But CONNECT, which opens a tunnel. */
const METHODS = http.METHODS.filter((method) => method !== 'CONNECT');
const HOST = 'api.default.svc.cluster.local';
const ROUTES = [route('users', { when: { path: { prefix: '/users' } } }), route('rest', {})];

/** Answers of every status, gRPC status and reason that a server can make up. */
const ANSWERS: readonly ((n: number) => Fields)[] = [
  (n) => answer({ status: 200 + (n % 800) }),
  (n) => answer({ fields: { 'grpc-status': String(n) } }),
  (n) => answer({ fields: { 'grpc-status': `made-up-${n}` } }),
  (n) => answer({ status: 502, fields: { 'weft-proxy-error': `made_up_${n}` } }),
  (n) => answer({ status: 200 + (n % 800), fields: { 'grpc-status': String(n % 17), 'weft-proxy-error': 'overflow' } }),
];

t.test('inbound', async (t) => {
  const applicationPort = await puppet(t);
  const policy = { mode: 'all-unauthenticated', origin: 'test' } as const;
  const rateLimit = { totalPerSecond: 1_000_000, identityPerSecond: 1_000_000, origin: 'a/b/c' };
  const port = { port: applicationPort, protocol: 'detect', policy, routes: { [HOST]: ROUTES }, rateLimit } as const;
  // Rules that tell of everybody, and refuse nobody.
  const every = [{ when: { all: [] }, origin: 'AuthorizationPolicy/default/x' }];
  const layers = [{ deny: [], allow: null, audit: every, dryRun: { deny: every, allow: null }, origin: '' }];
  const access = { mutualTls: { mode: 'permissive', origin: 'default' } as const, layers };
  const proxy = new TestProxy('api', authority, { inbound: { ports: [port], access } });
  const inbound = await proxy.listenInbound(applicationPort);
  t.teardown(() => proxy.close());

  await crowd(inbound, 1, () => ({ path: '/users', headers: { host: HOST } }));
  await crowd(inbound, MANY, (n) => ({ headers: { host: `h${n}.made.up`, 'l5d-dst-canonical': `c${n}.made.up:80` } }));
  await crowd(inbound, MANY, (n) => ({ path: `/p${n}?q=${n}`, headers: { host: HOST, 'l5d-client-id': `i${n}` } }));
  await crowd(inbound, 500, (n) => ({ method: METHODS[n % METHODS.length]!, headers: { host: HOST } }));
  for (const of of ANSWERS) await crowd(inbound, MANY, (n) => ({ headers: { host: HOST, ...of(n) } }));
  for (const says of [
    (n: number) => `GET / HTTP/9.${n}\r\n\r\n`,
    (n: number) => `M${n} \r\n\r\n`,
    (n: number) => `${n}\n`,
  ])
    await connections(inbound, 300, says, () => {});

  // Ports that nobody has named, by HTTP and by octets.
  const scanned = await proxy.listenInbound(applicationPort);
  const http1 = (n: number) => (n % 2 === 0 ? 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' : 'octets\r\n');
  await connections(scanned, MANY, http1, (n) => proxy.redirectInbound(scanned, 20_000 + n));

  // Identities, each with its certificate.
  for (let n = 0; n < IDENTITIES; n++) {
    const { chain: cert, key, trustBundle: ca } = authority.credentials(`made-up-${n}`);
    const secure = connectTls({ port: inbound, host: '127.0.0.1', servername: identityOf('api'), cert, key, ca });
    secure.on('error', () => {}).resume();
    secure.end(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
    await new Promise((resolve) => secure.on('close', resolve));
  }

  withinBudget(t, proxy);
  const text = proxy.metrics.registry.text();
  t.match(text, `route_request_total{direction="inbound",dst="${HOST}:${applicationPort}",rt_route="users"}`);
  t.notMatch(text, /made.up(?!-\d+\.default\.)/);
  t.match(text, /client_id="made-up-0\./, 'the first clients have series of their own');
  t.match(text, /client_id="other"/, 'those beyond them share one, and nothing is lost');
  t.match(text, new RegExp(`tcp_open_total\\{direction="inbound",[^}]*target_port="${applicationPort}"`));
  for (const name of HEARD_INBOUND) t.match(text, new RegExp(`^${name}[{_ ]`, 'm'), name);

  // A port that serves is known from then on, however many were tried before it.
  const honest = await puppet(t);
  const late = await proxy.listenInbound(honest);
  await crowd(late, 3, () => ({ headers: { host: 'late' } }));
  await crowd(await proxy.listenInbound(honest), 3, () => ({ headers: { host: 'late' } }));
  t.match(
    proxy.metrics.registry.text(),
    new RegExp(`\\Wrequest_total\\{direction="inbound",[^}]*target_port="${honest}"`),
  );
});

t.test('outbound', async (t) => {
  const applicationPort = await puppet(t);
  const server = new TestProxy('api', authority);
  const meshed = await server.listenInbound(applicationPort);
  const proxy = new TestProxy('frontend', authority);
  const routes = ROUTES.map((each) => ({
    ...each,
    retry: { on: { outcomes: ['failure'] as const }, limit: 1, maxBodyBytes: 0 },
  }));
  proxy.describe('10.96.0.1:80', service('api', [endpoint(meshed, 'api')], { routes }));
  proxy.describe('10.96.0.2:80', service('plain', [endpoint(applicationPort)], { routes }));
  t.teardown(() => {
    proxy.close();
    server.close();
  });
  for (const host of ['10.96.0.1', '10.96.0.2']) {
    proxy.outboundDestination = { host, port: 80 };
    const outbound = await proxy.listenOutbound();
    await crowd(outbound, 1, () => ({ path: '/users' }));
    await crowd(outbound, MANY, (n) => ({
      path: `/p${n}`,
      headers: { host: `h${n}.made.up`, 'l5d-dst-canonical': `c${n}:1` },
    }));
    await crowd(outbound, 500, (n) => ({ method: METHODS[n % METHODS.length]! }));
    for (const of of ANSWERS) await crowd(outbound, MANY, (n) => ({ headers: of(n) }));
    await connections(
      outbound,
      300,
      (n) => `GET / HTTP/9.${n}\r\n\r\n`,
      () => {},
    );
  }

  // Addresses that nobody knows.
  const forwarding = await proxy.listenOutbound();
  await connections(
    forwarding,
    MANY,
    () => 'octets\r\n',
    (n) => {
      proxy.outboundDestination = { host: `127.1.${n >> 8}.${n & 255}`, port: 20_000 + n };
      proxy.describe(`127.1.${n >> 8}.${n & 255}:${20_000 + n}`, null);
    },
  );

  withinBudget(t, proxy);
  const text = proxy.metrics.registry.text();
  t.match(
    text,
    `route_request_total{direction="outbound",dst="${HOST}:80",dst_service="api",dst_namespace="default",rt_route="users"} 1`,
  );
  t.notMatch(text, /made.up/);
  for (const name of HEARD_OUTBOUND) t.match(text, new RegExp(`^${name}[{_ ]`, 'm'), name);
});

t.test('an ingress that is sent to strangers', async (t) => {
  const proxy = new TestProxy('ingress', authority, { ingress: true });
  const outbound = await proxy.listenOutbound();
  t.teardown(() => proxy.close());
  const ask = () => 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  await connections(outbound, MANY / 2, ask, (n) => {
    proxy.outboundDestination = { host: `127.1.${n >> 8}.${n & 255}`, port: 20_000 + n };
    proxy.describe(`127.1.${n >> 8}.${n & 255}:${20_000 + n}`, null);
  });
  withinBudget(t, proxy);
});

t.test('every family of the proxy is heard of above, or has no label that anybody else chooses', async (t) => {
  const proxy = new TestProxy('api', authority);
  const names = proxy.metrics.registry.families.map(({ name }) => name);
  t.same([...new Set([...HEARD_INBOUND, ...HEARD_OUTBOUND, ...OWN_LABELS])].sort(), names.sort());
});

const HEARD_INBOUND = [
  'request_total',
  'response_total',
  'response_latency_ms',
  'route_request_total',
  'route_response_total',
  'route_response_latency_ms',
  'weft_proxy_added_latency_seconds',
  'tcp_open_total',
  'tcp_open_connections',
  'tcp_close_total',
  'tcp_read_bytes_total',
  'tcp_write_bytes_total',
  'inbound_http_authz_allow_total',
  'inbound_authz_audit_total',
  'inbound_authz_dry_run_total',
  'inbound_http_local_ratelimit_total',
  'inbound_tcp_authz_allow_total',
  'inbound_http_errors_total',
  'weft_proxy_protocol_detections_total',
  'weft_proxy_malformed_messages_total',
];
const HEARD_OUTBOUND = [
  'request_total',
  'response_total',
  'route_request_total',
  'route_response_total',
  'route_actual_request_total',
  'route_actual_response_total',
  'route_retryable_total',
  'weft_proxy_unknown_target_connections_total',
];
/** Labels are of this proxy, or those of a family above: what lets in and what refuses have the same. */
const OWN_LABELS = [
  'inbound_http_authz_deny_total',
  'inbound_tcp_authz_deny_total',
  'outbound_http_errors_total',
  'weft_proxy_ping_round_trip_seconds',
  'weft_proxy_endpoint_ejections_total',
  'weft_proxy_ejected_endpoints',
  'weft_limit_exceeded_total',
  'weft_proxy_destination_connected',
  'weft_proxy_destination_streams_total',
  'weft_proxy_key_exchanges_total',
  'control_identity_cert_refreshes_total',
  'control_identity_cert_expiration_timestamp_seconds',
];
