import t from 'tap';

import { HEARTBEAT_INTERVAL_MS, type ServerMessage } from '../../api/watch.ts';
import { Reports } from '../objects/reports.ts';
import { TEST_DOMAIN } from '../testing/cluster.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { FakeSource } from '../testing/fake-source.ts';
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

/** A stream that has said hello, on a clock of the test. */
function open() {
  const clock = new FakeClock();
  const reports = new Reports();
  const publisher = new Publisher({ objects: new FakeSource(reports).objects, domain: TEST_DOMAIN, reports, clock });
  const lines: ServerMessage[] = [];
  const ends: string[] = [];
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
    trust: new Publication('trust'),
    clock,
    observer: { onEnd: (_stream, reason) => ends.push(reason), onSkip: () => {}, onNack: () => {} },
  });
  stream.onText('{"type":"hello","version":1,"features":[],"resume":{}}\n');
  lines.length = 0;
  return { clock, stream, lines, ends, outlet };
}
