import { once } from 'node:events';
import type { Socket } from 'node:net';
import t, { type Test } from 'tap';

import { systemClock } from '../../core/time/clock.ts';
import { FailureLog } from '../admin/failure-log.ts';
import type { Failure } from '../answers.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { type SocketPair, socketPair } from '../transport/testing/socket-pair.ts';
import { ExplicitProxy } from './explicit-proxy.ts';
import type { OutboundListener } from './listener.ts';
import type { Target } from './target.ts';
import type { FoundTarget, Targets } from './targets.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

const AWAY: Failure = { reason: 'discovery_unavailable', message: 'destination has not said' };

/** An explicit proxy for which discovery finds `found`, and what it asks of the outbound side. */
function start(t: Test, found: FoundTarget | Promise<FoundTarget>, mayForward = true) {
  const keys: string[] = [];
  const carried: { socket: Socket; target: Target }[] = [];
  const joined: { socket: Socket; upstream: Socket }[] = [];
  const dialled: { host: string; port: number; far: Socket }[] = [];
  let refuses = false;
  const pairs: SocketPair[] = [];
  const outbound = {
    carry: (socket: Socket, target: Target) => void carried.push({ socket, target }),
    join: (socket: Socket, upstream: Socket) => void joined.push({ socket, upstream }),
    dialUnknown(address: { host: string; port: number }): Socket {
      const { near, far } = pairs.shift()!;
      dialled.push({ ...address, far });
      process.nextTick(() => (refuses ? near.destroy(new Error('refused')) : near.emit('connect')));
      return near;
    },
  };
  const metrics = new Metrics();
  const context = { metrics, failures: new FailureLog(), clock: systemClock, random: Math.random };
  const targets = {
    find(key: string) {
      keys.push(key);
      return found;
    },
  } as unknown as Targets;
  const proxy = new ExplicitProxy(targets, context, outbound as unknown as OutboundListener, {
    mayForward: () => mayForward,
  });
  /** Says something to the proxy as an application. */
  const say = async (words: string) => {
    pairs.push(await socketPair(t));
    const { near, far } = await socketPair(t);
    proxy.accept(near);
    far.write(words);
    return far;
  };
  return {
    ...{ say, keys, carried, joined, dialled, metrics },
    refuse: () => {
      refuses = true;
    },
  };
}

const connect = (to: string) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`;
const heard = async (socket: Socket) => String((await once(socket.resume(), 'data'))[0]);
/** Resolves once the other end has gone, however. */
const gone = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.destroyed || socket.readableEnded) return resolve();
    socket.once('end', resolve).once('close', resolve).resume();
  });
const withEndpoints = () => new FakeEndpoints(['10.1.0.1']);

t.test('a tunnel to a name that is known is carried like a redirected connection', async (t) => {
  const { target } = withEndpoints();
  const { say, keys, carried, dialled } = start(t, target);
  const far = await say(`${connect('api.default:80')}GET / HTTP/1.1\r\n`);
  t.equal(await heard(far), 'HTTP/1.1 200 OK\r\n\r\n');
  t.same(keys, ['api.default:80']);
  t.equal(carried.length, 1);
  t.equal(carried[0]!.target, target);
  t.equal(String(carried[0]!.socket.read()), 'GET / HTTP/1.1\r\n', 'with what is asked in it');
  t.same(dialled, []);
});

t.test('none is opened where there is nobody to carry it to', async (t) => {
  const { say, carried } = start(t, new FakeEndpoints([]).target);
  t.match(await heard(await say(connect('api.default:80'))), /^HTTP\/1\.1 502 [\s\S]*weft-proxy-error: connect_failed/);
  t.equal(carried.length, 0);
});

t.test('one to an address that nobody knows leads there', async (t) => {
  const { say, joined, dialled } = start(t, null);
  t.equal(await heard(await say(connect('192.0.2.1:443'))), 'HTTP/1.1 200 OK\r\n\r\n');
  t.match(dialled, [{ host: '192.0.2.1', port: 443 }]);
  t.equal(joined.length, 1);
});

t.test('and is refused where that cannot be connected to', async (t) => {
  const { say, joined, refuse } = start(t, null);
  refuse();
  t.match(await heard(await say(connect('192.0.2.1:443'))), /^HTTP\/1\.1 502 [\s\S]*weft-proxy-error: connect_failed/);
  t.equal(joined.length, 0);
});

t.test('an address that nobody has spoken of yet has no tunnel', async (t) => {
  const { say, dialled } = start(t, AWAY);
  t.match(await heard(await say(connect('10.96.0.1:80'))), /^HTTP\/1\.1 503 [\s\S]*discovery_unavailable/);
  t.same(dialled, []);
});

t.test('a name that nobody has spoken of yet has one where it leads outside', async (t) => {
  const outside = start(t, AWAY, true);
  t.equal(await heard(await outside.say(connect('example.com:443'))), 'HTTP/1.1 200 OK\r\n\r\n');
  t.equal(outside.joined.length, 1);
  const inside = start(t, AWAY, false);
  t.match(await heard(await inside.say(connect('api.default:443'))), /^HTTP\/1\.1 503 [\s\S]*discovery_unavailable/);
  t.equal(inside.joined.length, 0);
  await gone(inside.dialled[0]!.far);
});

t.test('a client that has left meanwhile leaves no connection behind', async (t) => {
  const found = Promise.withResolvers<FoundTarget>();
  const { say, joined, dialled } = start(t, found.promise);
  const far = await say(connect('192.0.2.1:443'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  far.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  found.resolve(null);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(joined.length, 0);
  await gone(dialled[0]!.far);
});

t.test('an error that nobody has thought of ends the connection', async (t) => {
  const failed = Promise.reject<FoundTarget>(new Error('a bug'));
  failed.catch(() => {});
  const { say } = start(t, failed);
  const far = await say(connect('api.default:80'));
  await gone(far);
});

t.test('a request in absolute form goes to the target that it names', async (t) => {
  const endpoints = withEndpoints();
  const { say, keys } = start(t, endpoints.target);
  await say('GET http://api.default/a?b HTTP/1.1\r\nHost: api.default\r\n\r\n');
  while (endpoints.attempts.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.same(keys, ['api.default:80']);
  t.equal(endpoints.open().sent[0], 'GET /a?b');
});

t.test('one whose name nobody knows, or that names none, is refused', async (t) => {
  const unknown = start(t, null);
  const answer = await heard(await unknown.say('GET http://nobody/ HTTP/1.1\r\nHost: nobody\r\n\r\n'));
  t.match(answer, /^HTTP\/1\.1 502 [\s\S]*target_unknown[\s\S]*destination knows no target nobody/);
  t.match(
    await heard(await start(t, null).say('GET http://nobody:99999/ HTTP/1.1\r\nHost: nobody:99999\r\n\r\n')),
    /^HTTP\/1\.1 400 /,
  );
});

t.test('what is malformed is counted, and told to the application', async (t) => {
  const { say, metrics } = start(t, null);
  const far = await say('GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  t.match(await heard(far), /^HTTP\/1\.1 400 [\s\S]*weft-proxy-error: request_malformed/);
  t.equal(metrics.malformed.with({ direction: 'outbound', reason: 'host_repeated' }).value, 1);
});

t.test('who ends without a word is let go', async (t) => {
  const { say, keys } = start(t, null);
  const far = await say('');
  far.end();
  await gone(far);
  t.same(keys, []);
});
