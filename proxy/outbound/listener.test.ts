import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import type { OutboundTarget, Protocol } from '../../api/routing.ts';
import { PortRanges } from '../../core/config/port-ranges.ts';
import type { SocketAddress } from '../../core/config/socket-address.ts';
import { systemClock } from '../../core/time/clock.ts';
import { FailureLog } from '../admin/failure-log.ts';
import type { Failure } from '../answers.ts';
import { Connections } from '../connections.ts';
import type { StreamListener } from '../http.ts';
import { Log } from '../log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { DEFAULT_CLIENT_LIMITS } from '../transport/client-limits.ts';
import { ConnectError } from '../transport/dialer.ts';
import { Loopback } from '../transport/loopback.ts';
import { clientHello } from '../transport/testing/client-hello.ts';
import { socketPair } from '../transport/testing/socket-pair.ts';
import type { Ingress } from './ingress.ts';
import { OutboundListener, type OutboundOptions } from './listener.ts';
import type { FoundTarget } from './targets.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

const SILENCE_MS = 30;
const ADDRESS = { host: '10.96.0.1', port: 80 };
const KEY = '10.96.0.1:80';
const GET = 'GET / HTTP/1.1\r\nHost: api\r\n\r\n';
/** The preface of HTTP/2 and no settings (RFC 9113 section 3.4). */
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0)]);

/** A listener for whose connections discovery finds `found`, and which were going to {@link ADDRESS}. */
function start(t: Test, found: FoundTarget | Promise<FoundTarget>, options: Partial<OutboundOptions> = {}) {
  const metrics = new Metrics();
  const failures = new FailureLog();
  const connections = new Connections();
  const keys: string[] = [];
  const listener = new OutboundListener({
    context: { metrics, failures, clock: systemClock, random: Math.random },
    targets: {
      find(key) {
        keys.push(key);
        return found;
      },
    },
    named: { find: () => null, request: () => t.fail('no name decides here') as never },
    ingress: null,
    originalDestination: { of: () => ADDRESS },
    loopback: new Loopback([], () => {}),
    connections,
    log: new Log('silent'),
    connectTimeoutMs: 1000,
    silenceMs: SILENCE_MS,
    undecidedMs: 100,
    limits: DEFAULT_CLIENT_LIMITS,
    halfClosedPorts: PortRanges.EMPTY,
    ...options,
  });
  /** An application's connection, once it is accepted. */
  const connect = async () => {
    const { near, far } = await socketPair(t);
    listener.accept(near);
    return far;
  };
  const detected = () =>
    Object.fromEntries(
      ['http1', 'http2', 'opaque', 'server_first']
        .map((result) => [result, metrics.detected.with({ direction: 'outbound', result }).value] as const)
        .filter(([, count]) => count > 0),
    );
  const labels = { direction: 'outbound', peer: 'src', tls: 'no_identity', no_tls_reason: 'loopback' };
  /** Of the application's connections: that came, that are open, octets from them and to them. */
  const counted = () => {
    const { tcpOpenTotal, tcpOpen, tcpRead, tcpWrite } = metrics;
    return [tcpOpenTotal, tcpOpen, tcpRead, tcpWrite].map((each) => each.with(labels).value);
  };
  return { listener, metrics, failures, connections, keys, connect, counted, detected };
}

/** A target whose endpoint is the far end of each pair in `opened`. */
function target(t: Test, protocol: Protocol, description: Partial<OutboundTarget> = {}) {
  const fake = new FakeEndpoints(['10.1.0.1']);
  fake.target.update({ ...fake.target.description, protocol, ...description });
  const opened: Socket[] = [];
  const onOpen: ((endpoint: Socket) => void)[] = [];
  for (const client of fake.clients)
    client.open = async () => {
      const { near, far } = await socketPair(t);
      opened.push(near);
      for (const each of onOpen) each(near);
      return far;
    };
  return { fake, opened, onOpen, target: fake.target };
}

/** What comes next. */
const heard = async (socket: Socket) => String((await once(socket.resume(), 'data'))[0]);

/** How a side sees the end, and what it heard before. */
const all = (socket: Socket) =>
  new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (octets) => {
      text += octets.toString('latin1');
    });
    socket.on('end', () => resolve(text || 'end'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(text + error.code));
    socket.resume();
  });

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

t.test('asks discovery for where a connection was going', async (t) => {
  const { fake } = target(t, 'http1');
  const { connect, keys } = start(t, fake.target);
  (await connect()).write(GET);
  await until(() => fake.attempts.length === 1);
  t.same(keys, [KEY]);
});

t.test('refuses what nobody redirected: it would be connected to the proxy itself', async (t) => {
  for (const isKnown of [false, true]) {
    const { near, far } = await socketPair(t);
    const own = { host: near.localAddress!, port: near.localPort! };
    const { listener, metrics, keys } = start(t, null, { originalDestination: { of: () => (isKnown ? own : null) } });
    listener.accept(near);
    t.match(await all(far), /^end$|^ECONNRESET$/);
    t.equal(metrics.outboundErrors.with({ error: 'loop_detected' }).value, 1);
    t.same(keys, []);
  }
});

t.test('another port of its own address, or its own port of another address, is none', async (t) => {
  for (const own of [
    (near: Socket) => ({ host: near.localAddress!, port: 80 }),
    (near: Socket) => ({ host: '10.96.0.1', port: near.localPort! }),
  ]) {
    const { near } = await socketPair(t);
    const { fake } = target(t, 'http1');
    const { listener, keys } = start(t, fake.target, { originalDestination: { of: own } });
    listener.accept(near);
    t.equal(keys.length, 1);
  }
});

for (const [protocol, words, version] of [
  ['detect', GET, 'http1'],
  ['detect', PREFACE, 'http2'],
  ['http1', GET, 'http1'],
  ['http2', PREFACE, 'http2'],
  ['grpc', PREFACE, 'http2'],
] as const)
  t.test(`serves ${version} where ${protocol} is declared`, async (t) => {
    const { fake } = target(t, protocol);
    const { connect, detected, counted, connections } = start(t, fake.target);
    const far = await connect();
    far.write(words);
    if (version === 'http1') {
      await until(() => fake.attempts.length === 1);
      fake.open();
      fake.listener.onResponse({ status: 204, fields: [] }, true);
    }
    t.match(await heard(far), version === 'http1' ? /^HTTP\/1\.1 204/ : /^\0\0.\x04\0/s);
    t.same(detected(), { [version]: 1 });
    t.equal(connections.size, 1);
    t.equal(fake.target.active, 1);
    far.destroy();
    await until(() => connections.size === 0);
    t.equal(fake.target.active, 0);
    t.equal(counted()[2], words.length);
  });

t.test('takes no header of HTTP/2 in upper case from its application: only proxies of ours send such', async (t) => {
  const { fake } = target(t, 'http2');
  const { connect } = start(t, fake.target);
  const far = await connect();
  // GET, /, http, and a literal header (RFC 7541 sections 6.1 and 6.2.2).
  const block = Buffer.concat([
    Buffer.of(0x82, 0x84, 0x86, 0x00, 3),
    Buffer.from('X-A'),
    Buffer.of(1),
    Buffer.from('b'),
  ]);
  far.write(Buffer.concat([PREFACE, Buffer.of(0, 0, block.length, 1, 5, 0, 0, 0, 1), block]));
  let heard = Buffer.alloc(0);
  far.on('data', (octets) => {
    heard = Buffer.concat([heard, octets]);
  });
  // RST_STREAM of stream 1, PROTOCOL_ERROR.
  await until(() => heard.includes(Buffer.of(0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 1)));
  t.equal(fake.attempts.length, 0);
});

for (const [protocol, answer] of [
  ['http1', /^HTTP\/1\.1 400/],
  ['http2', /^\0\0.\x04\0/s],
  ['grpc', /^\0\0.\x04\0/s],
] as const)
  t.test(`octets where ${protocol} is declared are refused in its words`, async (t) => {
    const { fake, opened } = target(t, protocol);
    const { connect } = start(t, fake.target);
    const far = await connect();
    far.write('\0\x01no HTTP at all\r\n\r\n');
    t.match(await all(far), answer);
    t.same([opened.length, fake.attempts.length], [0, 0]);
  });

t.test('octets go to an endpoint, nobody being asked what they are where they are declared', async (t) => {
  const { fake, opened } = target(t, 'opaque');
  const { connect, detected } = start(t, fake.target);
  const far = await connect();
  far.write(GET);
  await until(() => opened.length === 1);
  t.equal(await heard(opened[0]!), GET);
  t.same(detected(), {});
});

t.test('octets of a client that was not waited for go to one endpoint', async (t) => {
  const { fake, opened } = target(t, 'detect');
  const { connect, detected } = start(t, fake.target);
  const far = await connect();
  far.write('\0ruok');
  await until(() => opened.length === 1);
  t.equal(await heard(opened[0]!), '\0ruok');
  t.same(detected(), { opaque: 1 });
});

t.test('and those of one that was go on the connection that was opened meanwhile', async (t) => {
  const { fake, opened } = target(t, 'detect');
  const { connect, detected } = start(t, fake.target);
  const far = await connect();
  await until(() => opened.length === 1);
  far.write('\0ruok');
  t.equal(await heard(opened[0]!), '\0ruok');
  t.equal(opened.length, 1);
  t.same(detected(), { opaque: 1 });
});

t.test('but for TLS whose name may mean another server: that one is let go', async (t) => {
  const hello = await clientHello({ servername: 'api.example' });
  const { fake, opened } = target(t, 'detect', { connectionRoutes: [{ sni: ['x.example'], split: [], origin: '' }] });
  const { connect } = start(t, fake.target);
  const far = await connect();
  await until(() => opened.length === 1);
  const first = all(opened[0]!);
  far.write(hello);
  await until(() => opened.length === 2);
  t.equal((await once(opened[1]!.resume(), 'data'))[0].length, hello.length);
  t.equal(await first, 'end');
});

t.test('a client of HTTP that was slow lets go of that connection, too', async (t) => {
  const { fake, opened } = target(t, 'detect');
  const { connect, detected } = start(t, fake.target);
  const far = await connect();
  await until(() => opened.length === 1);
  const first = all(opened[0]!);
  far.write(GET);
  await until(() => fake.attempts.length === 1);
  t.equal(await first, 'end');
  t.same(detected(), { http1: 1 });
});

t.test('a client that ends within its request is told nothing', async (t) => {
  const { fake, opened } = target(t, 'http1');
  const { connect, connections } = start(t, fake.target);
  const far = await connect();
  far.end('GE');
  t.equal(await all(far), 'end');
  t.same([opened.length, fake.attempts.length, connections.size], [0, 0, 0]);
});

t.test('a client that has to speak, and does not, is let go', async (t) => {
  const { fake, opened } = target(t, 'http1');
  const { connect } = start(t, fake.target, { limits: { ...DEFAULT_CLIENT_LIMITS, idleTimeoutMs: 40 } });
  const begunMs = performance.now();
  t.equal(await all(await connect()), 'end');
  t.ok(performance.now() - begunMs >= 39);
  t.equal(opened.length, 0);
});

t.test('what octets had said when their direction ended goes on with them', async (t) => {
  const { fake, opened } = target(t, 'detect');
  const { connect } = start(t, fake.target);
  const far = await connect();
  far.end('\0ruok');
  await until(() => opened.length === 1);
  t.equal(await all(opened[0]!), '\0ruok');
  opened[0]!.end('imok');
  t.equal(await all(far), 'imok');
});

/** How long a greeting takes. */
async function greetingMs(connect: () => Promise<Socket>): Promise<number> {
  const begunMs = performance.now();
  const far = await connect();
  t.equal(await heard(far), '220');
  far.destroy();
  return performance.now() - begunMs;
}

t.test('a server that speaks first is not waited on again, until a client does', async (t) => {
  const { fake, opened, onOpen } = target(t, 'detect');
  const { connect, detected } = start(t, fake.target, { silenceMs: 200 });
  onOpen.push((endpoint) => endpoint.write('220'));
  t.ok((await greetingMs(connect)) >= 190);
  t.ok((await greetingMs(connect)) < 150);
  t.same(detected(), { server_first: 2 });
  const far = await connect();
  far.write('\0ruok');
  await until(() => opened.length === 3);
  t.ok((await greetingMs(connect)) >= 190);
});

t.test('that one side left without a word is no reason', async (t) => {
  const { fake, onOpen } = target(t, 'detect');
  const { connect, detected } = start(t, fake.target, { silenceMs: 100 });
  onOpen.push((endpoint) => endpoint.end());
  for (let i = 0; i < 2; i++) {
    const begunMs = performance.now();
    const far = await connect();
    t.equal(await all(far), 'end');
    t.ok(performance.now() - begunMs >= 90);
    far.destroy();
  }
  t.same(detected(), { server_first: 2 });
});

t.test('octets that no endpoint takes are reset, and the operator is told why', async (t) => {
  const { fake } = target(t, 'opaque');
  for (const client of fake.clients)
    client.open = () => Promise.reject(new ConnectError('connect_timeout', 'nobody is there'));
  const { connect, failures, metrics } = start(t, fake.target);
  t.equal(await all(await connect()), 'ECONNRESET');
  const [{ time: _, ...failure }] = failures.entries as [(typeof failures.entries)[0]];
  t.same(failure, {
    direction: 'outbound',
    reason: 'connect_timeout',
    message: 'nobody is there',
    target: KEY,
    route: '',
    method: '',
    path: '',
    endpoint: '',
  });
  t.equal(metrics.outboundErrors.with({ error: 'connect_timeout' }).value, 1);
});

t.test('an error that nobody has thought of ends one connection', async (t) => {
  const { connect, failures } = start(t, null, { targets: { find: () => Promise.reject(new Error('a bug')) } });
  t.equal(await all(await connect()), 'ECONNRESET');
  t.match(failures.entries, [{ reason: 'unexpected', message: 'a bug', target: KEY }]);
});

t.test('an application that resets while discovery is asked hurts nobody', async (t) => {
  const found = Promise.withResolvers<FoundTarget>();
  const { listener } = start(t, found.promise);
  const { near, far } = await socketPair(t);
  near.removeAllListeners('error');
  listener.accept(near);
  near.resume();
  const closed = new Promise((resolve) => near.once('close', resolve));
  far.resetAndDestroy();
  await closed;
  found.resolve(target(t, 'opaque').target);
  await new Promise((resolve) => setImmediate(resolve));
});

t.test('a tunnel is told apart by the name that it was opened for', async (t) => {
  const { fake } = target(t, 'opaque');
  for (const client of fake.clients)
    client.open = () => Promise.reject(new ConnectError('connect_failed', 'nobody is there'));
  const { listener, failures, counted } = start(t, null);
  const { near, far } = await socketPair(t);
  listener.carry(near, fake.target);
  t.equal(await all(far), 'ECONNRESET');
  t.match(failures.entries, [{ target: fake.target.key }]);
  t.equal(counted()[0], 1);
  await until(() => counted()[1] === 0);
});

/** Who hears nothing more of a request. */
const UNHEARD = { onData() {}, onTrailers() {}, onReset() {}, onWritable() {} } as unknown as StreamListener;

const AWAY: Failure = { reason: 'discovery_unavailable', message: 'destination has not said what it is' };

t.test('HTTP that goes nowhere has an answer, which ends the connection', async (t) => {
  const { connect, failures, counted, connections } = start(t, AWAY);
  const far = await connect();
  far.write(GET);
  const answer = await all(far);
  t.match(answer, /^HTTP\/1\.1 503 /);
  t.match(answer, /connection: close/i);
  t.match(answer, /weft-proxy-error: discovery_unavailable/);
  t.match(failures.entries, [{ ...AWAY, target: 'api', method: 'GET', path: '/' }]);
  far.end();
  await until(() => connections.size === 0);
  t.same(counted().slice(2), [GET.length, answer.length]);
});

for (const [who, say] of [
  ['octets', (far) => void far.write('\0ruok')],
  ['silence', () => {}],
  ['half a request', (far) => void far.end('GE')],
] as readonly (readonly [string, (far: Socket) => void])[])
  t.test(`${who} that goes nowhere is reset`, async (t) => {
    const { connect, failures, connections } = start(t, AWAY);
    const far = await connect();
    say(far);
    t.equal(await all(far), 'ECONNRESET');
    t.match(failures.entries, [
      { ...AWAY, direction: 'outbound', target: KEY, route: '', method: '', path: '', endpoint: '' },
    ]);
    t.equal(connections.size, 0);
  });

t.test('what is malformed is counted, and named to the application', async (t) => {
  for (const found of [target(t, 'http1').target, AWAY]) {
    const { connect, metrics } = start(t, found);
    const far = await connect();
    far.write('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    const answer = await all(far);
    t.match(answer, /^HTTP\/1\.1 400 /);
    t.match(answer, /weft-proxy-error: request_malformed/);
    t.equal(metrics.malformed.with({ direction: 'outbound', reason: 'host_repeated' }).value, 1);
  }
});

/** A server that nobody knows, and what it heard. */
async function stranger(t: Test): Promise<SocketAddress> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (octets) => socket.end(`heard ${octets}`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as { port: number }).port };
}

t.test('an address that discovery does not know is forwarded to, untouched, and counted', async (t) => {
  const address = await stranger(t);
  const { connect, metrics, counted, connections, detected } = start(t, null, {
    originalDestination: { of: () => address },
  });
  const far = await connect();
  far.write(GET);
  t.equal(await all(far), `heard ${GET}`);
  far.end();
  await until(() => connections.size === 0);
  t.equal(metrics.unknownTargets.with({}).value, 1);
  t.same(detected(), {});
  t.same(counted().slice(2), [GET.length, GET.length + 6]);
});

t.test('where nobody is there, the connection is reset', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const { connect, failures } = start(t, null, { originalDestination: { of: () => ({ host: '127.0.0.1', port }) } });
  t.equal(await all(await connect()), 'ECONNRESET');
  t.same(failures.entries, [], 'as it would be without a proxy');
});

t.test('an address of the pod itself is reached within the process', async (t) => {
  const went: SocketAddress[] = [];
  const loopback = new Loopback(['10.1.0.7'], (socket, destination) => {
    went.push(destination);
    socket.on('error', () => {}).end('within');
  });
  const address = { host: '10.1.0.7', port: 8080 };
  const { connect } = start(t, null, { loopback, originalDestination: { of: () => address } });
  t.equal(await all(await connect()), 'within');
  t.same(went, [address]);
});

t.test('a tunnel to an unknown address is joined to the connection that was opened for it', async (t) => {
  const { listener, metrics, connections } = start(t, null);
  const { near, far } = await socketPair(t);
  const upstream = await socketPair(t);
  listener.join(near, upstream.far);
  far.write('hello');
  t.equal(await heard(upstream.near), 'hello');
  t.equal(metrics.unknownTargets.with({}).value, 1);
  t.equal(connections.size, 1);
  connections.destroy();
  t.equal(await all(upstream.near), 'ECONNRESET');
});

t.test('in ingress mode a stranger at an unknown address is looked at', async (t) => {
  const { fake } = target(t, 'detect');
  const asked: unknown[] = [];
  const ingress = {
    stranger(address: SocketAddress) {
      asked.push(address);
      return fake.target;
    },
    request: (...[, head, , of, client]: Parameters<Ingress['request']>) => {
      asked.push(head.path, of.key, client);
      return UNHEARD;
    },
  } as unknown as Ingress;
  const { connect, metrics } = start(t, null, { ingress });
  const far = await connect();
  far.write(GET);
  await until(() => asked.length > 1);
  t.same(asked, [ADDRESS, '/', fake.target.key, `127.0.0.1:${far.localPort}`]);
  t.equal(metrics.unknownTargets.with({}).value, 1);
});

t.test('on a port of many hosts a request goes to the host that it names, on the port that was dialled', async (t) => {
  const { fake } = target(t, 'http1', { byHost: true, port: 8080 });
  const asked: unknown[] = [];
  const named: OutboundOptions['named'] = {
    find: () => null,
    request: (_, head, end, { address, original, client }) => {
      asked.push([head.path, end, address, original.key, client]);
      return UNHEARD;
    },
  };
  for (const [authority, address] of [
    ['api.example', { host: 'api.example', port: 8080 }],
    ['api.example:9090', { host: 'api.example', port: 8080 }],
  ] as const) {
    asked.length = 0;
    const { connect } = start(t, fake.target, { named });
    const far = await connect();
    far.write(`GET /a HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    await until(() => asked.length > 0);
    t.same(asked, [['/a', true, address, fake.target.key, `127.0.0.1:${far.localPort}`]]);
  }
});
