import { once } from 'node:events';
import type { Socket } from 'node:net';
import t, { type Test } from 'tap';

import type { Backend, ConnectionRoute, OutboundTarget } from '../../api/routing.ts';
import { Connections } from '../connections.ts';
import { TcpSeries } from '../telemetry/metrics.ts';
import { ConnectError } from '../transport/dialer.ts';
import { clientHello } from '../transport/testing/client-hello.ts';
import { socketPair } from '../transport/testing/socket-pair.ts';
import { OctetsRelay } from './octets-relay.ts';
import type { Target } from './target.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

const SILENCE_MS = 30;

/** A relay to endpoints that the test plays: each connection to one is a pair, whose far end is the endpoint's. */
function start(t: Test, addresses: readonly string[], backend: Partial<Backend> = {}) {
  const fake = new FakeEndpoints(addresses, {}, backend);
  const connections = new Connections();
  const asked: string[] = [];
  const opened: Socket[] = [];
  /** Why an endpoint is not to be reached; none: it is. */
  const refusals = new Map<string, ConnectError['reason']>();
  for (const client of fake.clients)
    client.open = async () => {
      const { address } = client.endpoint;
      asked.push(address);
      const refusal = refusals.get(address);
      if (refusal) throw new ConnectError(refusal, `${address} is away`);
      const { near, far } = await socketPair(t);
      opened.push(near);
      return far;
    };
  const named = new Map<string, Target>();
  const names: string[] = [];
  const relay = new OctetsRelay(
    {
      named: {
        find: ({ host, port }) => {
          names.push(`${host}:${port}`);
          return named.get(host) ?? null;
        },
      },
      connections,
      silenceMs: SILENCE_MS,
    },
    new TcpSeries(fake.metrics, { peer: 'src' }),
  );
  return { fake, relay, connections, asked, opened, refusals, named, names };
}

/** A connection of the application that has been joined to the endpoint's. */
async function joined(t: Test, backend: Partial<Backend> = {}) {
  const started = start(t, ['10.1.0.1'], backend);
  const { near, far: application } = await socketPair(t);
  await started.relay.relay(near, started.fake.target);
  const [client] = started.fake.clients;
  return { ...started, near, application, endpoint: started.opened[0]!, client: client! };
}

/** What comes next. Nothing is read that nobody asked for. */
const heard = async (socket: Socket) => {
  const [octets] = await once(socket.resume(), 'data');
  socket.pause();
  return String(octets);
};

/** How a side sees the end. */
const seenBy = (socket: Socket) =>
  new Promise<string>((resolve) => {
    socket.resume();
    socket.on('end', () => resolve('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
  });

t.test('carries octets both ways, and counts them for the application', async (t) => {
  const { fake, application, endpoint } = await joined(t);
  application.write('question');
  t.equal(await heard(endpoint), 'question');
  endpoint.write('answer!');
  t.equal(await heard(application), 'answer!');
  t.match(fake.metrics.registry.text(), 'tcp_read_bytes_total{peer="src"} 8');
  t.match(fake.metrics.registry.text(), 'tcp_write_bytes_total{peer="src"} 7');
});

t.test('counts them for the endpoint, from which they are read the other way round', async (t) => {
  const { client, application, endpoint } = await joined(t);
  const counted: number[][] = [];
  client.countOctets = (read, written) => void counted.push([read, written]);
  application.write('abc');
  await heard(endpoint);
  endpoint.write('de');
  await heard(application);
  t.same(counted, [
    [0, 3],
    [2, 0],
  ]);
});

t.test('is under way until both sides have ended', async (t) => {
  const { fake, connections, client, application, endpoint } = await joined(t);
  const state = () => [connections.size, fake.target.active, client.load.inFlight];
  t.same(state(), [1, 1, 1]);
  application.end();
  t.equal(await seenBy(endpoint), 'end');
  t.same(state(), [1, 1, 1], 'one direction goes on');
  endpoint.end();
  t.equal(await seenBy(application), 'end');
  t.same(state(), [0, 0, 0]);
});

t.test('is not ended by a drain, but cut off with the rest', async (t) => {
  const { connections, application, endpoint } = await joined(t);
  connections.drain();
  application.write('still here');
  t.equal(await heard(endpoint), 'still here');
  const end = seenBy(endpoint);
  connections.destroy();
  t.equal(await end, 'ECONNRESET');
});

t.test('passes on first what a client had said before it ended', async (t) => {
  const { fake, relay, opened, connections } = start(t, ['10.1.0.1']);
  const { near, far } = await socketPair(t);
  far.end();
  near.resume();
  await once(near, 'end');
  await relay.relay(near, fake.target, Buffer.from('ruok'));
  t.equal(await heard(opened[0]!), 'ruok');
  t.equal(await seenBy(opened[0]!), 'end');
  opened[0]!.end('imok');
  t.equal(await heard(far), 'imok');
  await once(far, 'close');
  t.equal(connections.size, 0);
});

t.test('asks another endpoint where one cannot be reached', async (t) => {
  const { fake, relay, asked, refusals } = start(t, ['10.1.0.1', '10.1.0.2']);
  refusals.set('10.1.0.1', 'connect_failed');
  for (let i = 0; i < 2; i++) t.equal((await relay.open(fake.target)).client.endpoint.address, '10.1.0.2');
  t.ok(asked.includes('10.1.0.1'));
});

t.test('asks three, none of them twice, and then says why the last could not be reached', async (t) => {
  const addresses = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4'];
  const { fake, relay, asked, refusals } = start(t, addresses);
  for (const address of addresses) refusals.set(address, 'connect_timeout');
  const error = await relay.open(fake.target).then(
    () => null,
    (error: ConnectError) => error,
  );
  t.equal(error?.reason, 'connect_timeout');
  t.equal(error?.message, `${asked.at(-1)} is away`);
  t.equal(asked.length, 3);
  t.equal(new Set(asked).size, 3);
});

t.test('asks nobody else with what policy refuses', async (t) => {
  const { fake, relay, asked, refusals } = start(t, ['10.1.0.1', '10.1.0.2']);
  for (const address of ['10.1.0.1', '10.1.0.2']) refusals.set(address, 'policy_denied');
  await t.rejects(relay.open(fake.target), /^10\.1\.0\.[12] is away$/);
  t.equal(asked.length, 1);
});

t.test('says which service has no endpoint', async (t) => {
  const { fake, relay } = start(t, []);
  await t.rejects(
    relay.open(fake.target),
    new ConnectError('connect_failed', 'api.default.svc.cluster.local has no endpoint'),
  );
});

/** Has an endpoint fail before or after its first word. @returns whether it is asked again at once */
async function afterFailure(t: Test, hasSpoken: boolean): Promise<boolean> {
  const { client, application, endpoint } = await joined(t);
  const end = seenBy(application);
  if (hasSpoken) {
    endpoint.write('220');
    await once(application, 'data');
  }
  endpoint.resetAndDestroy();
  t.equal(await end, 'ECONNRESET');
  return client.isReady(performance.now());
}

t.test('an endpoint that dies before its first word is left alone for a while', async (t) => {
  t.equal(await afterFailure(t, false), false);
});

t.test('one that had spoken is not', async (t) => {
  t.equal(await afterFailure(t, true), true);
});

t.test('nor one that ends without a word', async (t) => {
  const { client, application, endpoint } = await joined(t);
  application.end();
  endpoint.end();
  t.equal(await seenBy(application), 'end');
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(client.isReady(performance.now()), true);
});

t.test('a first word ends what failures before it have brought about', async (t) => {
  const { client, application, endpoint } = await joined(t);
  client.onUnreachable(new ConnectError('connect_failed', 'away'));
  t.equal(client.isReady(performance.now()), false);
  application.write('anybody there?');
  await heard(endpoint);
  t.equal(client.isReady(performance.now()), false, 'which no word of the client does');
  endpoint.write('yes');
  await heard(application);
  t.equal(client.isReady(performance.now()), true);
});

t.test('an idle connection is reset', async (t) => {
  const { application, endpoint } = await joined(t, { limits: { idleTimeoutMs: 60 } });
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    application.write('x');
    await heard(endpoint);
  }
  t.equal(await seenBy(endpoint), 'ECONNRESET');
});

t.test('a connection that is as old as may be is reset, however busy', async (t) => {
  const { near, application, endpoint, connections } = await joined(t, { limits: { maxConnectionMs: 60 } });
  const closed = once(near, 'close');
  endpoint.resume();
  const busy = setInterval(() => application.write('x'), 5);
  t.teardown(() => clearInterval(busy));
  t.equal(await seenBy(application), 'ECONNRESET');
  await closed;
  t.equal(connections.size, 0);
});

t.test('no time is as long as rules may say', async (t) => {
  const { application, endpoint } = await joined(t, { limits: { idleTimeoutMs: 2 ** 40, maxConnectionMs: 2 ** 40 } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  application.write('x');
  t.equal(await heard(endpoint), 'x');
});

const ROUTES: readonly ConnectionRoute[] = [
  {
    origin: 'VirtualService/default/api',
    sni: ['canary.example'],
    split: [{ backend: 'canary', weight: 1 }],
  },
];

/** A relay to two backends that a server name tells apart. */
function byServerName(t: Test) {
  const started = start(t, ['10.1.0.1']);
  const canary = new FakeEndpoints(['10.1.0.9']);
  const { description } = started.fake.target;
  const backends = { ...description.backends, canary: canary.target.description.backends['']! };
  started.fake.target.update({ ...description, backends, connectionRoutes: ROUTES });
  for (const client of started.fake.target.backends.flatMap(({ endpoints }) => endpoints))
    client.open = async () => {
      started.asked.push(client.endpoint.address);
      return (await socketPair(t)).far;
    };
  return started;
}

for (const [who, words, address] of [
  ['a client that asks for a name of a route', await clientHello({ servername: 'canary.example' }), '10.1.0.9'],
  ['one that asks for another name', await clientHello({ servername: 'api.example' }), '10.1.0.1'],
  ['one that is no TLS', Buffer.from('ruok\0'), '10.1.0.1'],
  ['one that says nothing', Buffer.alloc(0), '10.1.0.1'],
] as const)
  t.test(`${who} is carried to ${address}`, async (t) => {
    const { fake, relay, asked } = byServerName(t);
    const { near, far } = await socketPair(t);
    if (words.length > 0) far.write(words);
    await relay.relay(near, fake.target);
    t.same(asked, [address]);
  });

t.test('a name may come in pieces', async (t) => {
  const { fake, relay, asked } = byServerName(t);
  const { near, far } = await socketPair(t);
  const hello = await clientHello({ servername: 'canary.example' });
  far.write(hello.subarray(0, 40));
  const done = relay.relay(near, fake.target);
  await new Promise((resolve) => setTimeout(resolve, 10));
  far.write(hello.subarray(40));
  await done;
  t.same(asked, ['10.1.0.9']);
});

t.test('no word is waited for where no name makes a difference', async (t) => {
  const begunMs = performance.now();
  await joined(t);
  t.ok(performance.now() - begunMs < SILENCE_MS);
});

/** A relay from a target that stands for every host of a port to the host that a client names. */
function byHost(t: Test) {
  const started = start(t, ['10.1.0.1']);
  const other = start(t, ['10.1.0.7']);
  const description: OutboundTarget = { ...started.fake.target.description, byHost: true, port: 443 };
  started.fake.target.update(description);
  started.named.set('other.example', other.fake.target);
  return { ...started, other };
}

t.test('a TLS client goes to the host that it names, where a port is of many', async (t) => {
  const { fake, relay, names, asked, other } = byHost(t);
  const { near, far } = await socketPair(t);
  far.write(await clientHello({ servername: 'other.example' }));
  await relay.relay(near, fake.target);
  t.same(names, ['other.example:443']);
  t.same([asked, other.asked], [[], ['10.1.0.7']]);
  t.equal(other.fake.target.active, 1);
});

t.test('and to where it was going where that host is not known, or none is named', async (t) => {
  for (const [words, looked] of [
    [await clientHello({ servername: 'nobody.example' }), ['nobody.example:443']],
    [Buffer.from('ruok\0'), []],
  ] as const) {
    const { fake, relay, names, asked } = byHost(t);
    const { near, far } = await socketPair(t);
    far.write(words);
    await relay.relay(near, fake.target);
    t.same(names, looked);
    t.same(asked, ['10.1.0.1']);
  }
});

t.test('one that has ended is not asked for a name', async (t) => {
  const { fake, relay, names, asked } = byHost(t);
  const { near } = await socketPair(t);
  await relay.relay(near, fake.target, await clientHello({ servername: 'other.example' }));
  t.same([names, asked], [[], ['10.1.0.1']]);
});

t.test('a client that has left while an endpoint was dialled leaves nothing behind', async (t) => {
  const { fake, relay, connections, opened } = start(t, ['10.1.0.1']);
  const { near } = await socketPair(t);
  const done = relay.relay(near, fake.target);
  near.destroy();
  await done;
  t.equal(await seenBy(opened[0]!), 'ECONNRESET');
  t.same([connections.size, fake.target.active], [0, 0]);
});
