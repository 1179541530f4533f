import { type AddressInfo, createServer } from 'node:net';
import t, { type Test } from 'tap';

import type { Endpoint, EndpointTls } from '../../api/routing.ts';
import { Log } from '../log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { ConnectError } from '../transport/dialer.ts';
import { Http1Pool } from '../transport/http1-pool.ts';
import { Http2Pool } from '../transport/http2-pool.ts';
import { Loopback } from '../transport/loopback.ts';
import { MutualTls } from '../transport/mutual-tls.ts';
import type { BackendShare } from './backend-share.ts';
import { EndpointClient } from './endpoint-client.ts';

const WEFT: EndpointTls = { identity: 'api', mesh: 'weft', mode: 'transparent', inboundPort: 4143 };

function client(endpoint: Partial<Endpoint> = {}, limits: BackendShare['limits'] = {}, own: readonly string[] = []) {
  const metrics = new Metrics();
  const share: BackendShare = { limits, connections: 0, pending: 0, active: 0, retries: 0 };
  const whole: Endpoint = {
    uid: 'u',
    address: '10.1.0.1',
    port: 8080,
    tls: null,
    protocol: 'detect',
    labels: {},
    ...endpoint,
  };
  const context = {
    mutualTls: new MutualTls(() => 0),
    metrics,
    log: new Log('silent'),
    connectTimeoutMs: 1000,
    loopback: new Loopback(own, () => {}),
  };
  return { made: new EndpointClient(whole, { authority: 'api:80' }, share, context, 5), metrics, share };
}

/** The time, which passes as it is told. */
function clock(t: Test) {
  let nowMs = 10_000;
  t.intercept(performance, 'now', { value: () => nowMs, configurable: true, writable: true });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { now: () => nowMs, pass };
}

t.test('is known by its address and port, and since when it is there', async (t) => {
  const { made } = client({ locality: 2 });
  t.match(made, { id: '10.1.0.1:8080', sinceMs: 5, locality: 2 });
  t.equal(client().made.locality, 0);
});

t.test('who is at the far end decides what may be said', async (t) => {
  const is = (endpoint: Partial<Endpoint>, own?: readonly string[]) => {
    const { made } = client(endpoint, {}, own);
    return [made.isLoopback, made.tls !== null, made.keepsCase, made.hasWeftProxy];
  };
  t.same(is({ tls: WEFT }), [false, true, true, true], 'a proxy of ours');
  t.same(is({ tls: { ...WEFT, mode: 'direct' } }), [false, true, false, true], 'one that is dialled directly');
  t.same(is({ tls: { ...WEFT, mesh: 'linkerd' } }), [false, true, false, false], 'one of another mesh');
  t.same(is({}), [false, false, false, false], 'a server');
  t.same(is({ tls: WEFT }, ['10.1.0.1']), [true, false, false, true], 'the pod itself');
});

t.test('its series say where it is, and whether TLS proves who', async (t) => {
  const series = (endpoint: Partial<Endpoint>, own?: readonly string[]) => {
    const { made, metrics } = client(endpoint, {}, own);
    made.responses.request();
    return [...metrics.requests.series.keys()][0];
  };
  const where = 'direction="outbound",target_addr="10.1.0.1:8080",target_ip="10.1.0.1",target_port="8080",';
  t.equal(series({ tls: WEFT }), `${where}tls="true",server_id="api",authority="api:80"`);
  const labels = { dst_pod: 'api-1' };
  const reason = 'not_provided_by_service_discovery';
  t.equal(series({ labels }), `${where}tls="no_identity",no_tls_reason="${reason}",authority="api:80",dst_pod="api-1"`);
  t.equal(series({ tls: WEFT }, ['10.1.0.1']), `${where}tls="no_identity",no_tls_reason="loopback",authority="api:80"`);
});

t.test('its requests go by the version that the far end takes, on pools that are kept', async (t) => {
  const kind = (endpoint: Partial<Endpoint>, version: 'http1' | 'http2', limits = {}) => {
    const { made } = client(endpoint, limits);
    const pool = made.pool(version);
    t.equal(made.pool(version), pool);
    return pool instanceof Http2Pool ? 'HTTP/2' : pool instanceof Http1Pool ? 'HTTP/1.1' : '';
  };
  t.equal(kind({}, 'http1'), 'HTTP/1.1');
  t.equal(kind({}, 'http2'), 'HTTP/2');
  t.equal(kind({ tls: WEFT }, 'http1'), 'HTTP/2');
  t.equal(kind({}, 'http1', { upgradesToHttp2: true }), 'HTTP/2');
  t.equal(client({}, { upgradesToHttp2: true }).made.upgrades, true);
  t.equal(
    client({ tls: WEFT }, { upgradesToHttp2: true }).made.upgrades,
    false,
    'between proxies it is HTTP/2 already',
  );
});

t.test('is avoided when connecting fails, longer each time, up to five seconds', async (t) => {
  const { now, pass } = clock(t);
  const { made } = client();
  t.equal(made.isReady(now()), true);
  for (const ms of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
    made.onUnreachable(new ConnectError('connect_failed', ''));
    t.equal(made.isReady(now() + ms - 1), false, `${ms} ms`);
    t.equal(made.isReady(now() + ms), true);
    pass(ms);
  }
  made.onAnswer();
  made.onUnreachable(new ConnectError('connect_timeout', ''));
  t.equal(made.isReady(now() + 99), false);
  t.equal(made.isReady(now() + 100), true, 'an answer makes it new');
  made.onAnswer();
  t.equal(made.isReady(now()), true, 'at once');
});

t.test('is not avoided for what is not its fault', async (t) => {
  const { now } = clock(t);
  const { made } = client();
  for (const reason of ['overflow', 'identity_not_ready', 'policy_denied'] as const) {
    made.onUnreachable(new ConnectError(reason, ''));
    t.equal(made.isReady(now()), true, reason);
  }
  made.onUnreachable(new ConnectError('destination_identity_mismatch', ''));
  t.equal(made.isReady(now()), false, 'somebody else is there');
});

t.test('one request alone tries it again: others do not wait with it', async (t) => {
  const { now, pass } = clock(t);
  const { made } = client();
  made.onAttempt(now());
  t.equal(made.isReady(now()), true, 'as long as nothing has failed');
  made.onUnreachable(new ConnectError('connect_failed', ''));
  pass(100);
  t.equal(made.isReady(now()), true);
  made.onAttempt(now());
  t.equal(made.isReady(now()), false);
  t.equal(made.isReady(now() + 1000), true, 'until connecting must have ended');
});

t.test('opens no more connections for octets than may be', async (t) => {
  const { made, share } = client({}, { maxConnections: 2 });
  share.connections = 2;
  await t.rejects(made.open(), { message: '2 connections are open, as many as may be' });
  t.equal(share.connections, 2);
});

t.test('what cannot be opened counts for nothing afterwards', async (t) => {
  const { made, share } = client({ address: '127.0.0.1', port: 1 });
  const reasonOf = (error: ConnectError) => error.reason;
  t.equal(await made.open().catch(reasonOf), 'connect_failed');
  t.equal(share.connections, 0);
  t.equal(made.isReady(performance.now()), false);
  const untrusted = client({ tls: WEFT });
  t.equal(await untrusted.made.open().catch(reasonOf), 'identity_not_ready');
  t.equal(untrusted.share.connections, 0);
});

/** A server that takes connections. @returns its port */
async function server(t: Test): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

t.test('a server that takes a connection for octets can be reached, and owes nothing any more', async (t) => {
  const { made, share, metrics } = client({ address: '127.0.0.1', port: await server(t) });
  const openNow = () => [...metrics.tcpOpen.series.values()].map(({ value }) => value);
  made.onUnreachable(new ConnectError('connect_failed', 'away'));
  const socket = await made.open();
  t.equal(made.isReady(performance.now()), true);
  t.equal(share.connections, 1);
  t.same(openNow(), [1]);
  const nowMs = performance.now();
  t.ok(made.cost(nowMs + 10_000) < made.cost(nowMs) / 2, 'what it cost fades with time');
  await new Promise((resolve) => socket.once('close', resolve).destroy());
  t.equal(share.connections, 0);
  t.same(openNow(), [0]);
});

t.test('an endpoint that is gone keeps no connection, and no breaker', async (t) => {
  for (const version of ['http1', 'http2'] as const) {
    const { made } = client();
    let ended = '';
    made.pool(version).shutdown = () => {
      ended = version;
    };
    made.retire();
    t.equal(ended, version);
    t.equal(made.breaker, null);
  }
});

t.test('a server of HTTP/2 that is to give signs of life, and gives none, is avoided, and then given up', async (t) => {
  const port = await server(t);
  const http2KeepAlive = { quietMs: 20, answerMs: 1400 }; // doubted after a second
  const { made, share } = client({ address: '127.0.0.1', port }, { http2KeepAlive });
  const ended = new Promise<number>((resolve) => {
    made.pool('http2').acquire({
      cancelled: false,
      listener: {
        onReset: resolve,
        ...{ onResponse() {}, onInformational() {}, onData() {}, onTrailers() {}, onSent() {} },
      },
      onStream: (stream) =>
        stream.sendRequest(
          { method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', fields: [], version: '' },
          true,
        ),
      onUnavailable: (error) => t.fail(error.message),
    });
  });
  while (made.isReady(performance.now())) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(share.connections, 1, 'before it is given up');
  await ended;
  t.equal(made.isReady(performance.now()), false, 'and afterwards for a while');
});

t.test('is out as long as its breaker says, which ends with it', async (t) => {
  const { made } = client();
  t.equal(made.isEjected(0), false);
  let isRetired = false;
  made.breaker = {
    isEjected: (nowMs) => nowMs < 10,
    onAttempt() {},
    onResult() {},
    onAbandoned() {},
    retire: () => {
      isRetired = true;
    },
    stateAt: () => ({ state: 'open', ejections: 1, untilMs: 10 }),
  };
  t.equal(made.isEjected(9), true);
  t.equal(made.isEjected(10), false);
  made.retire();
  t.equal(isRetired, true);
  t.equal(made.isEjected(9), false);
});
