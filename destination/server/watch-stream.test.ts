import t from 'tap';

import { HEARTBEAT_INTERVAL_MS, MAX_TARGETS, type ServerMessage } from '../../api/watch.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Reports } from '../objects/reports.ts';
import { TEST_DOMAIN } from '../testing/cluster.ts';
import { FakeSource } from '../testing/fake-source.ts';
import { pod, service, slice } from '../testing/manifests.ts';
import { Publication } from './publication.ts';
import { Publisher } from './publisher.ts';
import { WatchStream } from './watch-stream.ts';

t.test('a stream beats while there is nothing to say', async (t) => {
  const { clock, stream, lines } = open();
  for (let at = 0; at < 3; at++) {
    clock.advance(HEARTBEAT_INTERVAL_MS);
    stream.onText('{"type":"heartbeat"}\n');
  }
  t.same(
    lines.map(({ type }) => type),
    ['heartbeat', 'heartbeat', 'heartbeat'],
  );
});

t.test('a client that is silent for three intervals is given up', async (t) => {
  const { clock, ends } = open();
  clock.advance(HEARTBEAT_INTERVAL_MS);
  clock.advance(HEARTBEAT_INTERVAL_MS);
  t.same(ends, []);
  clock.advance(HEARTBEAT_INTERVAL_MS);
  t.same(ends, ['silent']);
  clock.advance(10 * HEARTBEAT_INTERVAL_MS);
  t.same(ends, ['silent'], 'once');
});

t.test('a server that was frozen blames nobody for it', async (t) => {
  const { clock, ends, stream } = open();
  clock.freeze(60_000);
  t.same(ends, []);
  stream.onText('{"type":"heartbeat"}\n');
  clock.advance(HEARTBEAT_INTERVAL_MS);
  t.same(ends, []);
});

t.test('nothing is written to a reader that is behind, not even a heartbeat', async (t) => {
  const { clock, stream, lines, outlet } = open();
  outlet.isFull = true;
  clock.advance(HEARTBEAT_INTERVAL_MS);
  stream.onText('{"type":"heartbeat"}\n');
  clock.advance(HEARTBEAT_INTERVAL_MS);
  t.equal(lines.length, 1, 'the one that filled it');
  outlet.isFull = false;
  stream.onDrain();
  clock.advance(HEARTBEAT_INTERVAL_MS);
  t.equal(lines.length, 2);
});

t.test('thousands of repeated subscriptions of a reader that is behind cost one entry', async (t) => {
  const { stream, lines, outlet } = open();
  outlet.isFull = true;
  for (let at = 0; at < 5000; at++) stream.onText('{"type":"subscribe","target":"api:80","version":"x"}\n');
  const before = lines.length;
  outlet.isFull = false;
  stream.onDrain();
  t.equal(lines.length - before, 1);
});

t.test('nothing is said of what nothing is known of yet', async (t) => {
  const { greeting } = open();
  t.same(
    greeting.map(({ type }) => type),
    ['hello'],
    'neither of roots nor of the pod itself',
  );
});

t.test('a stream that has ended hears and says nothing more', async (t) => {
  const { stream, lines, ends, publisher } = open();
  stream.onText('{"type":"subscribe","target":"api:80"}\n');
  t.equal(publisher.size, 2);
  const before = lines.length;
  stream.end('closed');
  stream.end('again');
  stream.onText('{"type":"subscribe","target":"b:80"}\n');
  t.same(ends, ['closed']);
  t.equal(lines.length, before);
  t.equal(publisher.size, 0, 'what it subscribed is released');
});

t.test('messages after one that is wrong are not looked at', async (t) => {
  const { stream, lines, ends, publisher } = open();
  stream.onText('{"type":"dance"}\n{"type":"subscribe","target":"b:80"}\n');
  t.match(lines, [{ type: 'error', target: null, reason: 'message_unknown' }]);
  t.equal(lines.length, 1);
  t.same(ends, ['message_unknown']);
  t.equal(publisher.size, 0);
});

t.test('a stream has 10,000 targets, the own configuration among them; more are refused one by one', async (t) => {
  const { stream, lines, ends, outlet } = open();
  for (let at = 1; at < MAX_TARGETS; at++) stream.onText(`{"type":"subscribe","target":"a${at}:80"}\n`);
  t.notOk(lines.some(({ type }) => type === 'error'));
  stream.onText('{"type":"subscribe","target":"b:80"}\n');
  t.match(lines.at(-1), { type: 'error', target: 'b:80', reason: 'too_many_targets' });
  t.same(ends, []);
  outlet.isFull = true;
  stream.onText('{"type":"subscribe","target":"c:80"}\n');
  const { length } = lines;
  stream.onText('{"type":"subscribe","target":"d:80"}\n');
  t.equal(lines.length, length, 'a reader that is behind is not told');
  stream.onText('{"type":"unsubscribe","target":"a1:80"}\n');
  outlet.isFull = false;
  stream.onDrain();
  stream.onText('{"type":"subscribe","target":"e:80"}\n');
  t.match(lines.at(-1), { type: 'snapshot', target: 'e:80' }, 'one that is given up makes room');
});

t.test('the own configuration cannot be given up', async (t) => {
  const { stream } = open();
  stream.onText('{"type":"unsubscribe","target":"inbound"}\n');
  stream.onText('{"type":"unsubscribe","target":"trust"}\n');
  t.match(stream.status(), [{ target: 'trust' }, { target: 'inbound' }], 'nor can what all are told');
});

t.test('what is said of a target that was not subscribed changes nothing', async (t) => {
  const { stream, nacks, ends } = open();
  stream.onText('{"type":"ack","target":"b:80","version":"v"}\n');
  stream.onText('{"type":"nack","target":"b:80","version":"v","reason":"r"}\n');
  stream.onText('{"type":"unsubscribe","target":"b:80"}\n');
  t.equal(stream.status().length, 2);
  t.same([nacks, ends], [[], []]);
});

t.test('a version that the proxy holds is not sent again: of the subscription first, else of the hello', async (t) => {
  const { stream, lines } = open();
  stream.onText('{"type":"subscribe","target":"api:80"}\n');
  const [snapshot] = lines as [ServerMessage & { readonly version: string }];
  const { version } = snapshot;
  const again = (resume: object, subscribe: object) => {
    const { stream, lines } = open(resume);
    stream.onText(`${JSON.stringify({ type: 'subscribe', target: 'api:80', ...subscribe })}\n`);
    return { type: lines[0]!.type, applied: statusOf(stream, 'api:80')!.applied };
  };
  t.same(again({ 'api:80': version }, {}), { type: 'unchanged', applied: version });
  t.same(again({}, { version }), { type: 'unchanged', applied: version });
  t.same(again({ 'api:80': version }, { version: 'old' }), { type: 'snapshot', applied: '' });
  t.same(again({ 'api:80': 'old' }, { version }), { type: 'unchanged', applied: version });
});

t.test('a version that the proxy holds is not sent again either where it is known only later', async (t) => {
  const known = open();
  known.source.put(pod('api-1', '10.244.0.1', { uid: 'u' }));
  await known.turns();
  const [inbound] = known.lines as [ServerMessage & { readonly version: string }];
  t.match(inbound, { type: 'inbound' });
  const { source, lines, turns } = open({ inbound: inbound.version });
  source.put(pod('api-1', '10.244.0.1', { uid: 'u' }));
  await turns();
  t.match(lines, [{ type: 'unchanged', target: 'inbound', version: inbound.version }]);
});

t.test('a version is refused once, and a step that is refused is followed by the whole, once', async (t) => {
  const { stream, lines, nacks, source, turns } = open();
  stream.onText('{"type":"subscribe","target":"api:80"}\n');
  source.put(pod('api-1', '10.244.0.1'), slice('api', [['api-1', '10.244.0.1']]));
  await turns();
  const delta = lines.at(-1) as ServerMessage & { readonly version: string };
  t.match(delta, { type: 'delta', add: [{ uid: 'uid-api-1' }] });
  const nack = `${JSON.stringify({ type: 'nack', target: 'api:80', version: delta.version, reason: 'r' })}\n`;
  const { length } = lines;
  stream.onText(nack);
  t.match(lines.slice(length), [{ type: 'snapshot', version: delta.version }]);
  stream.onText(nack);
  t.equal(lines.length, length + 1, 'the whole is not sent a second time');
  t.same(nacks, [`api:80 ${delta.version} r`], 'and told of once');
  t.match(statusOf(stream, 'api:80'), { sent: delta.version, refused: { version: delta.version, reason: 'r' } });
  stream.onText(`${JSON.stringify({ type: 'ack', target: 'api:80', version: delta.version })}\n`);
  t.match(statusOf(stream, 'api:80'), { applied: delta.version, refused: null });
});

t.test('versions that a reader is never told of are counted, and it gets the newest whole', async (t) => {
  const { stream, lines, outlet, source, turns, counts } = open();
  outlet.isFull = true;
  stream.onText('{"type":"subscribe","target":"api:80"}\n');
  for (const address of ['10.244.0.1', '10.244.0.2', '10.244.0.3']) {
    source.put(pod('api-1', address), slice('api', [['api-1', address]]));
    await turns();
  }
  t.equal(counts.skipped, 2, 'of three the last is owed');
  const { length } = lines;
  outlet.isFull = false;
  stream.onDrain();
  t.match(lines.slice(length), [
    { type: 'snapshot', outbound: { backends: { '': { endpoints: [{ address: '10.244.0.3' }] } } } },
  ]);
  t.equal(lines.length, length + 1);
});

/** What the proxy was sent and said of one target. */
function statusOf(stream: WatchStream, target: string) {
  return stream.status().find((each) => each.target === target);
}

/** A stream that has said hello, on a clock of the test, of a cluster with one Service. */
function open(resume: object = {}) {
  const clock = new FakeClock();
  const reports = new Reports();
  const source = new FakeSource(reports);
  source.put(service('api', '10.96.0.1'));
  const publisher = new Publisher({ objects: source.objects, domain: TEST_DOMAIN, reports, clock });
  const lines: ServerMessage[] = [];
  const ends: string[] = [];
  const nacks: string[] = [];
  const counts = { skipped: 0 };
  const outlet = { isFull: false };
  const stream = new WatchStream({
    workload: { namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'u' },
    outlet: {
      write: (line) => {
        lines.push(JSON.parse(String(line)));
        return !outlet.isFull;
      },
      end: () => {},
    },
    publisher,
    common: [new Publication('trust')],
    clock,
    observer: {
      onEnd: (_stream, reason) => ends.push(reason),
      onSkip: () => counts.skipped++,
      onNack: (_stream, ...nack) => nacks.push(nack.join(' ')),
    },
  });
  stream.onText(`${JSON.stringify({ type: 'hello', version: 1, features: [], resume })}\n`);
  const greeting = lines.splice(0);
  /** Lets the publisher tell of what has changed. */
  const turns = async () => {
    clock.advance(10);
    for (let at = 0; at < 2; at++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, stream, greeting, lines, ends, nacks, counts, outlet, publisher, source, turns };
}
