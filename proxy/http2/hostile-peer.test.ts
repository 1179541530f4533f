import t, { type Test } from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Recorder } from '../../test/support/recorder.ts';
import { Connection } from './connection.ts';
import type { ConnectionListener } from './connection-listener.ts';
import { type ConnectionOptions, DEFAULT_CONNECTION_OPTIONS } from './connection-options.ts';
import { priceOfReset } from './flood-guard.ts';
import * as write from './frame-writer.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import type { RequestHead, StreamListener } from './message.ts';
import type { Stream } from './stream.ts';
import * as h2 from './wire-vocabulary.ts';

const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

/** A server's connection and the frames that its client sends, by hand. */
class Victim implements ConnectionListener {
  readonly wire = new MemoryWire();
  readonly #sent = new MemoryWire();
  readonly #encoder = new HpackEncoder(4096);
  readonly connection: Connection;
  readonly streams: Stream[] = [];
  readonly limits: string[] = [];
  failure: [code: number, reason: string] | null = null;
  nowMs = 0;
  next = 1;

  constructor(settings: readonly (readonly [number, number])[] = [], change: Partial<ConnectionOptions> = {}) {
    const options = { ...DEFAULT_CONNECTION_OPTIONS, nowMs: () => this.nowMs, ...change };
    this.connection = new Connection('server', this.wire, this, latin1, options);
    this.octets(Buffer.from(h2.PREFACE));
    this.frames((out) => write.writeSettings(out, settings));
    this.wire.take();
  }

  /** Hands over frames that `writer` writes. */
  frames(writer: (out: MemoryWire) => void): void {
    writer(this.#sent);
    this.octets(this.#sent.take());
  }

  octets(bytes: Uint8Array): void {
    this.connection.receive(bytes, 0, bytes.length);
  }

  /** Does something until the connection fails; how often it was done. */
  until(max: number, act: (i: number) => void): number {
    for (let i = 0; i < max; i++) {
      if (this.connection.failed) return i;
      act(i);
    }
    return max;
  }

  request(fields: readonly string[] = [], last = true): number {
    const id = this.next;
    this.next += 2;
    this.headers(id, [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'api', ...fields], last);
    return id;
  }

  headers(id: number, fields: readonly string[], last: boolean): void {
    const block = new Uint8Array(this.#encoder.bound(fields));
    const octets = this.#encoder.encode(fields, block, 0);
    this.frames((out) => write.writeHeaders(out, id, block, octets, last, 16_384));
  }

  reset(id: number): void {
    this.frames((out) => write.writeReset(out, id, h2.CANCEL));
  }

  data(id: number, octets: number): void {
    this.frames((out) => write.writeData(out, id, new Uint8Array(octets), 0, octets, false));
  }

  /** A frame of any kind. */
  frame(type: number, flags: number, id: number, payload: Uint8Array): void {
    const head = Buffer.from([0, payload.length >> 8, payload.length & 255, type, flags, 0, 0, 0, 0]);
    head.writeUInt32BE(id, 5);
    this.octets(Buffer.concat([head, payload]));
  }

  onRequest(stream: Stream, _head: RequestHead, end: boolean): StreamListener {
    this.streams.push(stream);
    const recorder = new Recorder();
    if (!end) recorder.stream = stream;
    return recorder;
  }

  onGoAway(): void {}
  onStreamEnd(): void {}
  onRoom(): void {}
  onPong(): void {}

  onLimit(limit: string): void {
    this.limits.push(limit);
  }

  onFailed(code: number, reason: string): void {
    this.failure = [code, reason];
  }
}

function isCut(t: Test, victim: Victim, limit: string, times: number, [least, most]: [number, number]): void {
  t.same(victim.failure, [h2.ENHANCE_YOUR_CALM, limit]);
  t.equal(victim.limits.at(-1), limit);
  t.ok(times >= least && times <= most, `after ${times}`);
  t.equal(victim.connection.streamCount, 0);
  t.ok(victim.wire.closed);
}

t.test('cuts off who resets what it has just asked for', async (t) => {
  const victim = new Victim();
  const times = victim.until(5000, () => victim.reset(victim.request()));
  isCut(t, victim, 'rapid_reset', times, [950, 1050]);
});

t.test('lets a client cancel every second call, and all of its calls after a second', async (t) => {
  const victim = new Victim();
  for (let i = 0; i < 5000; i++) {
    victim.request();
    victim.streams.at(-1)!.sendResponse({ status: 200, fields: [] }, true);
    victim.reset(victim.request());
  }
  for (let second = 0; second < 60; second++) {
    const ids = Array.from({ length: 250 }, () => victim.request());
    victim.nowMs += 1000;
    for (const id of ids) victim.reset(id);
  }
  t.equal(victim.failure, null);
});

/** Resets each of `times` requests after `ageMs`, `each` at a time. @returns how many it got to */
function resets(victim: Victim, times: number, ageMs: number, each = 250): number {
  let done = 0;
  while (done < times && victim.failure === null) {
    const ids = Array.from({ length: each }, () => victim.request());
    victim.nowMs += ageMs;
    for (const id of ids) victim.reset(id);
    done += each;
  }
  return done;
}

t.test('lets all clients give up what they have waited for, as often as there are streams for it', async (t) => {
  t.equal(resets(new Victim(), 100_000, 100), 100_000);
  t.ok(resets(new Victim(), 100_000, 50) < 5000, 'half as long costs half');
  t.ok(resets(new Victim(), 100_000, 1) < 1500);
});

t.test('lets a proxy give up for its clients, unless it does so at once', async (t) => {
  t.equal(resets(new Victim([], { keepCase: true }), 100_000, 10), 100_000);
  t.ok(resets(new Victim([], { keepCase: true }), 100_000, 1) < 1500);
});

t.test('a reset costs the less the longer its stream was there', async (t) => {
  t.same(
    [-5, 0, 1, 25, 50, 99, 100, 1_000_000].map((ageMs) => priceOfReset(ageMs, 100)),
    [80, 80, 80, 70, 60, 41, 40, 40],
  );
});

t.test('cuts off who makes us reset its streams', async (t) => {
  // A request that is well-formed and then a fault on its stream: what was asked for has begun.
  const faults: Record<string, (victim: Victim) => void> = {
    'window of 0': (victim) => {
      const id = victim.request([], false);
      victim.frames((out) => write.writeWindowUpdate(out, id, 0));
    },
    'window overflow': (victim) => {
      const id = victim.request([], false);
      victim.frames((out) => write.writeWindowUpdate(out, id, h2.MAX_WINDOW));
    },
    'DATA after the end': (victim) => victim.data(victim.request(), 1),
    'more than content-length': (victim) => victim.data(victim.request(['content-length', '1'], false), 2),
    'PRIORITY of the wrong size': (victim) => victim.frame(h2.PRIORITY, 0, victim.request(), new Uint8Array(4)),
    'malformed request': (victim) => void victim.request(['Upper', 'case']),
  };
  for (const [name, fault] of Object.entries(faults)) {
    const victim = new Victim();
    const times = victim.until(5000, () => fault(victim));
    t.test(name, async (t) => isCut(t, victim, 'stream_error_flood', times, [900, 2100]));
  }
});

t.test('refuses streams above the limit, and who does not stop', async (t) => {
  const victim = new Victim();
  for (let i = 0; i < 1000; i++) victim.request();
  t.equal(victim.connection.streamCount, 250);
  t.same([...new Set(victim.limits)], ['stream_limit']);
  t.equal(victim.failure, null, 'a client may send more before it has read our SETTINGS');
  isCut(t, victim, 'stream_error_flood', 750 + victim.until(5000, () => victim.request()), [1900, 2100]);
});

t.test('cuts off floods of frames that lead nowhere', async (t) => {
  const floods: Record<string, [limit: string, act: (victim: Victim, id: number) => void, most: number]> = {
    PING: ['ping_flood', (victim) => victim.frame(h2.PING, 0, 0, new Uint8Array(8)), 41_000],
    'PING answers': ['ping_flood', (victim) => victim.frame(h2.PING, h2.FLAG_ACK, 0, new Uint8Array(8)), 41_000],
    SETTINGS: ['settings_flood', (victim) => victim.frames((out) => write.writeSettings(out, [])), 2100],
    'SETTINGS with many parameters': [
      'settings_flood',
      (victim) =>
        victim.frames((out) => write.writeSettings(out, new Array(2000).fill([h2.SETTINGS_INITIAL_WINDOW_SIZE, 9]))),
      21,
    ],
    PRIORITY: ['priority_flood', (victim, id) => victim.frame(h2.PRIORITY, 0, id, new Uint8Array(5)), 41_000],
    'empty DATA': ['empty_frame_flood', (victim, id) => victim.data(id, 0), 41_000],
    'DATA of padding': [
      'empty_frame_flood',
      (victim, id) => victim.frame(h2.DATA, h2.FLAG_PADDED, id, Uint8Array.of(3, 0, 0, 0)),
      41_000,
    ],
    'WINDOW_UPDATE of the connection': [
      'window_update_flood',
      (victim) => victim.frames((out) => write.writeWindowUpdate(out, 0, 1)),
      41_000,
    ],
    'WINDOW_UPDATE of a stream': [
      'window_update_flood',
      (victim, id) => victim.frames((out) => write.writeWindowUpdate(out, id, 1)),
      41_000,
    ],
    'unknown types': ['useless_frame_flood', (victim) => victim.frame(0xbe, 0, 0, new Uint8Array(0)), 41_000],
  };
  for (const [name, [limit, act, most]] of Object.entries(floods)) {
    const victim = new Victim();
    const id = victim.request([], false);
    const times = victim.until(100_000, () => act(victim, id));
    t.test(name, async (t) => isCut(t, victim, limit, times, [15, most]));
  }
});

t.test('what is late on a stream that we reset is passed over, but not for ever', async (t) => {
  const late: Record<string, [act: (victim: Victim, id: number) => void, least: number, most: number]> = {
    DATA: [(victim, id) => victim.data(id, 1), 39_000, 41_000],
    'RST_STREAM again': [(victim, id) => victim.reset(id), 39_000, 41_000],
    HEADERS: [(victim, id) => victim.headers(id, ['a', 'b'], true), 1990, 2010],
  };
  for (const [name, [act, least, most]] of Object.entries(late)) {
    const victim = new Victim();
    const id = victim.request([], false);
    victim.streams[0]!.reset(h2.CANCEL);
    const times = victim.until(100_000, () => act(victim, id));
    t.test(name, async (t) => isCut(t, victim, 'useless_frame_flood', times, [least, most]));
  }
});

t.test('a connection on probation begins with a fortieth of the budget, and earns the rest', async (t) => {
  const resets = (onProbation: boolean, before: (victim: Victim) => void = () => {}) => {
    const victim = new Victim([], { onProbation });
    before(victim);
    return victim.until(5000, () => victim.reset(victim.request()));
  };
  // A reset costs 40 in the end; the client's SETTINGS have taken 20 already.
  t.equal(resets(false), 999);
  t.equal(resets(true), 24);
  const earning = (victim: Victim) => {
    for (let i = 0; i < 2000; i++) {
      victim.request();
      victim.streams.at(-1)!.sendResponse({ status: 204, fields: [] }, true);
    }
  };
  t.equal(resets(true, earning), 1000);
});

t.test('cuts off who pings and does not read the answers before they are many', async (t) => {
  const victim = new Victim();
  victim.wire.blocked = true;
  const times = victim.until(100_000, () => victim.frame(h2.PING, 0, 0, new Uint8Array(8)));
  isCut(t, victim, 'ping_flood', times, [390, 410]);
});

t.test('cuts off header blocks in endless or empty pieces', async (t) => {
  const endless = new Victim();
  endless.frame(h2.HEADERS, 0, 1, new Uint8Array(0));
  const octets = endless.until(100, () => endless.frame(h2.CONTINUATION, 0, 1, new Uint8Array(16_000)));
  isCut(t, endless, 'continuation_flood', octets, [6, 6]);
  const empty = new Victim();
  empty.frame(h2.HEADERS, 0, 1, new Uint8Array(0));
  const pieces = empty.until(10, () => empty.frame(h2.CONTINUATION, 0, 1, new Uint8Array(0)));
  isCut(t, empty, 'continuation_flood', pieces, [1, 1]);
  const tiny = new Victim();
  tiny.frame(h2.HEADERS, 0, 1, new Uint8Array(0));
  const times = tiny.until(10_000, () => tiny.frame(h2.CONTINUATION, 0, 1, new Uint8Array(1)));
  isCut(t, tiny, 'continuation_flood', times, [795, 805]);
});

/** A block that puts one field of `octets` into the table and names it `times` times more, an octet each. */
function bomb(octets: number, times: number): Uint8Array {
  const value = Buffer.alloc(octets, 'a');
  const length = Buffer.from([0x7f, ((octets - 127) & 0x7f) | 0x80, (octets - 127) >> 7]);
  return Buffer.concat([Buffer.from([0x40, 1, 0x78]), length, value, Buffer.alloc(times, 0xbe)]);
}

t.test('answers a header list that is too large, and gives up a bomb before it has gone off', async (t) => {
  const large = new Victim();
  large.frame(h2.HEADERS, h2.FLAG_END_HEADERS | h2.FLAG_END_STREAM, 1, bomb(3900, 20));
  t.equal(large.failure, null);
  t.same(large.limits, ['header_list_too_large']);
  t.ok(large.wire.takeText().includes('431') || large.wire.end === 0, 'answered');
  const victim = new Victim();
  victim.frame(h2.HEADERS, h2.FLAG_END_HEADERS | h2.FLAG_END_STREAM, 1, bomb(3900, 12_000));
  t.same(victim.failure, [h2.ENHANCE_YOUR_CALM, 'header_bomb']);
});

t.test('answers too many fields like too large a list, and cuts off who goes on', async (t) => {
  const victim = new Victim();
  const fields = Array.from({ length: 260 }, (_, i) => [`x${i}`, '1']).flat();
  victim.request(fields);
  t.same(victim.limits, ['header_list_too_large']);
  t.equal(victim.streams.length, 0, 'nobody heard of it');
  isCut(t, victim, 'stream_error_flood', 1 + victim.until(1000, () => victim.request(fields)), [90, 125]);
});

t.test('cuts off who takes an answer octet by octet', async (t) => {
  const victim = new Victim([[h2.SETTINGS_INITIAL_WINDOW_SIZE, 1]]);
  const id = victim.request();
  const stream = victim.streams[0]!;
  stream.sendResponse({ status: 200, fields: [] }, false);
  stream.sendData(Buffer.alloc(60_000), 0, 60_000, true);
  const times = victim.until(59_000, () => victim.frames((out) => write.writeWindowUpdate(out, id, 1)));
  isCut(t, victim, 'window_update_flood', times, [39_000, 41_000]);
});

t.test('lets a client answer each frame with WINDOW_UPDATE, twice, and a PING', async (t) => {
  const victim = new Victim();
  const id = victim.request();
  const stream = victim.streams[0]!;
  stream.sendResponse({ status: 200, fields: [] }, false);
  for (let i = 0; i < 50_000; i++) {
    stream.sendData(Buffer.from('a'), 0, 1, false);
    victim.frames((out) => {
      write.writeWindowUpdate(out, 0, 1);
      write.writeWindowUpdate(out, id, 1);
      write.writePing(out, false, new Uint8Array(8), 0);
    });
    victim.wire.take();
  }
  t.equal(victim.failure, null);
});

t.test('lets a client stream octet by octet', async (t) => {
  const victim = new Victim();
  const id = victim.request([], false);
  const stream = victim.streams[0]!;
  stream.listener.onData = (_bytes, start, end) => stream.grant(end - start);
  for (let i = 0; i < 50_000; i++) victim.data(id, 1);
  t.equal(victim.failure, null);
});

t.test('lets a client ping each 10 s for days, and a browser say its priorities', async (t) => {
  const victim = new Victim();
  for (let i = 0; i < 45_000; i++) {
    victim.nowMs += 10_000;
    victim.frame(h2.PING, 0, 0, new Uint8Array(8));
    victim.wire.end = 0;
  }
  for (let i = 0; i < 10_000; i++) {
    const id = victim.request();
    for (let frame = 0; frame < 5; frame++) victim.frame(h2.PRIORITY, 0, id, new Uint8Array(5));
    victim.streams.at(-1)!.sendResponse({ status: 200, fields: [] }, true);
  }
  t.equal(victim.failure, null);
});

t.test('keeps no stream that is over among those that wait for a window', async (t) => {
  const victim = new Victim([[h2.SETTINGS_INITIAL_WINDOW_SIZE, 0]]);
  let waited = 0;
  for (let i = 0; i < 500; i++) {
    const id = victim.request();
    const stream = victim.streams.at(-1)!;
    stream.sendResponse({ status: 200, fields: [] }, false);
    stream.sendData(Buffer.alloc(10), 0, 10, true);
    if (stream.leftQueue >= 0) waited++;
    victim.reset(id);
    if (stream.leftQueue >= 0) t.fail('something is kept');
  }
  t.equal(waited, 500);
  t.equal(victim.connection.streamCount, 0);
});

t.test('overflowing the window of the connection ends it', async (t) => {
  const victim = new Victim();
  victim.frames((out) => write.writeWindowUpdate(out, 0, h2.MAX_WINDOW));
  t.same(victim.failure, [h2.FLOW_CONTROL_ERROR, 'window_overflow']);
});

t.test('says what has begun and not ended', async (t) => {
  const victim = new Victim();
  t.equal(victim.connection.unfinished, null);
  victim.octets(Uint8Array.of(0, 0));
  const begun = victim.connection.unfinished;
  t.ok(begun);
  victim.octets(Uint8Array.of(8, h2.PING));
  t.equal(victim.connection.unfinished, begun, 'the same while the frame is');
  victim.octets(new Uint8Array(13));
  t.equal(victim.connection.unfinished, null);
  victim.frame(h2.HEADERS, 0, 1, new Uint8Array(3));
  const block = victim.connection.unfinished;
  t.ok(block);
  for (let i = 0; i < 20; i++) victim.frame(h2.CONTINUATION, 0, 1, new Uint8Array(100));
  t.equal(victim.connection.unfinished, block, 'the same while the block grows');
});

t.test('a client cuts off a server that floods it, too', async (t) => {
  const wire = new MemoryWire();
  const limits: string[] = [];
  const failures: string[] = [];
  const listener: ConnectionListener = {
    onRequest: () => new Recorder(),
    onGoAway() {},
    onStreamEnd() {},
    onRoom() {},
    onPong() {},
    onLimit: (limit) => void limits.push(limit),
    onFailed: (_code, reason) => void failures.push(reason),
  };
  const connection = new Connection('client', wire, listener, latin1);
  const recorder = new Recorder();
  connection
    .open(recorder)
    .sendRequest({ method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] }, true);
  const out = new MemoryWire();
  write.writeSettings(out, []);
  for (let i = 0; i < 41_000; i++) write.writePing(out, false, new Uint8Array(8), 0);
  const octets = out.take();
  connection.receive(octets, 0, octets.length);
  t.same([limits, failures], [['ping_flood'], ['ping_flood']]);
  t.same(recorder.heard, [`reset ${h2.ENHANCE_YOUR_CALM}`]);
});
