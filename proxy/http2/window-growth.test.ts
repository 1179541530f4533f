import t from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Connection } from './connection.ts';
import { type ConnectionOptions, DEFAULT_CONNECTION_OPTIONS } from './connection-options.ts';
import type { StreamListener } from './message.ts';
import type { Stream } from './stream.ts';
import { WindowBudget, WindowGrowth } from './window-growth.ts';
import { FLAG_ACK, PING } from './wire-vocabulary.ts';

const MIB = 1_048_576;

t.test('the budget gives what is left, and nothing for a step that is not worth it', async (t) => {
  const budget = new WindowBudget(100_000);
  t.equal(budget.take(65_535), 65_535);
  t.equal(budget.take(65_535), 100_000 - 65_535);
  t.equal(budget.take(65_535), 0);
  budget.giveBack(10_000);
  t.equal(budget.take(65_535), 0, '10,000 octets');
  budget.giveBack(10_000);
  t.equal(budget.take(65_535), 20_000);
});

t.test('what waits for slow readers leaves less for growth', async (t) => {
  const budget = new WindowBudget(100_000);
  budget.held = 80_000;
  t.equal(budget.take(65_535), 20_000);
});

t.test('a window holds its sender back when a third of it comes within a round trip', async (t) => {
  let ms = 1000;
  const growth = new WindowGrowth(() => ms);
  const at = growth.nowUs();
  t.equal(growth.holdsBack(1000, 500, at, at), false, 'nothing is known of the path');
  ms += 20;
  growth.settingsAnswered();
  t.equal(growth.holdsBack(1200, 400, at, at + 20_000), true);
  t.equal(growth.holdsBack(1200, 400, at, at + 20_001), false);
  t.equal(growth.holdsBack(1200, 600, at, at + 30_000), true);
  t.equal(growth.holdsBack(1000, 500, 0, at), false, 'the first grant');
});

t.test('the shortest round trip counts, once a PING was answered', async (t) => {
  let ms = 1000;
  const growth = new WindowGrowth(() => ms);
  ms += 20;
  growth.settingsAnswered();
  t.equal(growth.isProven, false);
  for (const roundTripMs of [5, 50]) {
    growth.probeSent();
    ms += roundTripMs;
    growth.probeAnswered();
  }
  t.equal(growth.isProven, true);
  const at = growth.nowUs();
  t.equal(growth.holdsBack(1200, 400, at, at + 5000), true);
  t.equal(growth.holdsBack(1200, 400, at, at + 5001), false);
});

t.test('an answer that nobody asked for proves nothing', async (t) => {
  const growth = new WindowGrowth(() => 0);
  growth.probeAnswered();
  t.equal(growth.isProven, false);
});

t.test('the clock may wrap between two grants', async (t) => {
  let ms = 2 ** 31 / 1000 - 1;
  const growth = new WindowGrowth(() => ms);
  const at = growth.nowUs();
  ms += 2;
  growth.settingsAnswered();
  t.equal(growth.holdsBack(1200, 400, at, growth.nowUs()), true, '2 ms later');
  t.equal(growth.holdsBack(1200, 399, at, growth.nowUs()), false);
});

/** What a path does to a connection. */
interface Path {
  /** There and back, milliseconds. */
  readonly roundTripMs: number;
  /** Octets of body to the client. */
  readonly octets: number;
  /** What the client does with what it hears; without one it disposes of everything at once. */
  readonly reader?: (stream: Stream, octets: number) => void;
  /** Streams at once. */
  readonly streams?: number;
  /** The server's answers to PING get lost. */
  readonly isMute?: boolean;
}

/** Carries answers over a path with a delay, fast but for it, in simulated time of tenths of milliseconds. */
function download(path: Path, options: Partial<ConnectionOptions>) {
  const { roundTripMs, octets, streams = 1, isMute = false } = path;
  const reader = path.reader ?? ((stream: Stream, count: number) => stream.grant(count));
  let tick = 0;
  const all = { ...DEFAULT_CONNECTION_OPTIONS, nowMs: () => 1000 + tick / 10, ...options };
  let failure = '';
  const listener = (onRequest: (stream: Stream) => StreamListener) => ({
    onRequest,
    onGoAway() {},
    onStreamEnd() {},
    onRoom() {},
    onPong() {},
    onLimit() {},
    onFailed(_code: number, reason: string) {
      failure = reason;
    },
  });
  const latin1 = (bytes: Uint8Array, start: number, end: number) => Buffer.from(bytes).toString('latin1', start, end);
  const ends = { client: new MemoryWire(), server: new MemoryWire() };
  const answer = (stream: Stream) => {
    stream.sendResponse({ status: 200, fields: [] }, false);
    stream.sendData(new Uint8Array(octets), 0, octets, true);
    return deaf;
  };
  const client = new Connection('client', ends.client, listener(answer), latin1, all);
  const server = new Connection('server', ends.server, listener(answer), latin1, all);
  const windows: number[] = [];
  let left = streams * octets;
  for (let i = 0; i < streams; i++) {
    const stream = client.open({
      ...deaf,
      onData(_bytes, start, end) {
        left -= end - start;
        reader(stream, end - start);
        windows[i] = stream.windowSize;
      },
    });
    stream.sendRequest({ method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', fields: [] }, true);
  }
  const flying: { at: number; to: Connection; bytes: Uint8Array }[] = [];
  let peakHeld = 0;
  for (; left > 0 && tick < 200_000; tick++) {
    while (flying[0] !== undefined && flying[0].at <= tick) {
      const { to, bytes } = flying.shift()!;
      to.receive(bytes, 0, bytes.length);
    }
    peakHeld = Math.max(peakHeld, ends.server.held);
    for (const [wire, to] of [
      [ends.client, server],
      [ends.server, client],
    ] as const) {
      const bytes = wire.take();
      if (isMute && to === client) dropPongs(bytes);
      if (bytes.length > 0) flying.push({ at: tick + roundTripMs * 5, to, bytes });
    }
  }
  return { ms: tick / 10, windows, heldAtEnd: ends.server.held, peakHeld, failure, client };
}

/** Makes frames of an unknown type of the answers to PING; `bytes` are whole frames. */
function dropPongs(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at + 3] === PING && bytes[at + 4] === FLAG_ACK) bytes[at + 3] = 0xbb;
    at += 9 + ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!);
  }
}

const deaf: StreamListener = {
  onResponse() {},
  onInformational() {},
  onData() {},
  onTrailers() {},
  onReset() {},
  onSent() {},
};

t.test('a body over a long path takes a tenth of the time once its window may grow', async (t) => {
  const path = { roundTripMs: 50, octets: 16 * MIB };
  const fixed = download(path, {});
  const windowBudget = new WindowBudget(16 * MIB);
  const growing = download(path, { windowBudget });
  t.equal(fixed.failure + growing.failure, '');
  t.ok(fixed.ms > 256 * 50, `${fixed.ms} ms`);
  t.ok(growing.ms < fixed.ms / 10, `${growing.ms} ms`);
  t.equal(growing.windows[0], DEFAULT_CONNECTION_OPTIONS.maxStreamWindow);
});

t.test('the connection’s window grows for many streams at once', async (t) => {
  const path = { roundTripMs: 50, octets: 4 * MIB, streams: 16 };
  const windowBudget = new WindowBudget(32 * MIB);
  const { ms, failure } = download(path, { windowBudget });
  t.equal(failure, '');
  // 64 MiB through a window of 1 MiB would take 64 round trips.
  t.ok(ms < 32 * 50, `${ms} ms`);
});

t.test('streams share the budget, and give it back when they end', async (t) => {
  const windowBudget = new WindowBudget(MIB);
  const { windows, failure } = download({ roundTripMs: 50, octets: 4 * MIB, streams: 8 }, { windowBudget });
  t.equal(failure, '');
  const grown = windows.reduce((sum, size) => sum + size - 65_535, 0);
  t.ok(grown > MIB / 2, `${grown} octets`);
  t.equal(windowBudget.grown, 0);
});

t.test('a connection that is lost gives back what its streams had grown by', async (t) => {
  const windowBudget = new WindowBudget(16 * MIB);
  let seen = 0;
  const { client } = download(
    {
      roundTripMs: 50,
      octets: 16 * MIB,
      reader(stream, octets) {
        seen += octets;
        if (seen < 8 * MIB) stream.grant(octets);
      },
    },
    { windowBudget },
  );
  t.ok(windowBudget.grown > MIB);
  client.onClosed(0);
  t.equal(windowBudget.grown, 0);
});

t.test('a reader that takes nothing is sent one window and no more', async (t) => {
  const windowBudget = new WindowBudget(16 * MIB);
  let seen = 0;
  const reader = (_stream: Stream, octets: number) => {
    seen += octets;
  };
  download({ roundTripMs: 5, octets: MIB, reader }, { windowBudget });
  t.equal(seen, 65_535);
  t.equal(windowBudget.grown, 0);
});

t.test('a reader that lags behind gets no larger window, however long the path is', async (t) => {
  const windowBudget = new WindowBudget(16 * MIB);
  let held = 0;
  const { windows } = download(
    {
      roundTripMs: 50,
      octets: MIB,
      // Always half a window behind.
      reader(stream, octets) {
        held += octets;
        if (held <= 32_768) return;
        stream.grant(held - 32_768);
        held = 32_768;
      },
    },
    { windowBudget },
  );
  t.same(windows, [65_535]);
});

t.test('a short path grows nothing', async (t) => {
  const windowBudget = new WindowBudget(16 * MIB);
  const { windows } = download({ roundTripMs: 0.2, octets: 4 * MIB }, { windowBudget });
  t.same(windows, [65_535]);
});

t.test('a peer that answers no PING gets nothing', async (t) => {
  const windowBudget = new WindowBudget(16 * MIB);
  const { windows } = download({ roundTripMs: 50, octets: MIB, isMute: true }, { windowBudget });
  t.same(windows, [65_535]);
});

t.test('what waits for windows is told to the wire, and nothing is left of it at the end', async (t) => {
  const { peakHeld, heldAtEnd } = download({ roundTripMs: 5, octets: MIB }, {});
  t.equal(peakHeld, MIB - 65_535);
  t.equal(heldAtEnd, 0);
});
