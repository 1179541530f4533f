import t from 'tap';

import { data, frame } from '../../test/support/http2-frames.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import * as h2 from './wire-vocabulary.ts';

/** Writes down what a reader delivers; pieces of a body as they come. */
class Sink implements FrameSink {
  readonly heard: string[] = [];
  failed = false;

  fail(code: number, reason: string): void {
    this.heard.push(`fail ${code} ${reason}`);
    this.failed = true;
  }

  onDataFrame(streamId: number, length: number, padding: number, last: boolean): void {
    this.heard.push(`frame ${streamId} ${length} padding ${padding}${last ? ' last' : ''}`);
  }

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.heard.push(`data ${streamId} ${textOf(bytes, start, end)}${last ? ' last' : ''}`);
  }

  onHeaders(streamId: number, flags: number, dependency: number, bytes: Uint8Array, start: number, end: number): void {
    this.heard.push(`headers ${streamId} ${flags} on ${dependency} ${textOf(bytes, start, end)}`);
  }

  onContinuation(streamId: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    this.heard.push(`continuation ${streamId} ${flags} ${textOf(bytes, start, end)}`);
  }

  onPriority(streamId: number, dependency: number): void {
    this.heard.push(`priority ${streamId} on ${dependency}`);
  }

  onReset(streamId: number, code: number): void {
    this.heard.push(`reset ${streamId} ${code}`);
  }

  onSettings(flags: number, bytes: Uint8Array, start: number, end: number): void {
    this.heard.push(`settings ${flags} ${textOf(bytes, start, end)}`);
  }

  onPing(flags: number, bytes: Uint8Array, start: number): void {
    this.heard.push(`ping ${flags} ${textOf(bytes, start, start + 8)}`);
  }

  onGoAway(lastStreamId: number, code: number): void {
    this.heard.push(`goaway ${lastStreamId} ${code}`);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.heard.push(`window ${streamId} ${increment}`);
  }

  onUnknown(streamId: number): void {
    this.heard.push(`unknown ${streamId}`);
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString('latin1');
}

/** What is heard of octets that come in pieces of `size`, behind others that are not to be read. */
function heard(octets: Uint8Array, size = octets.length): string[] {
  const sink = new Sink();
  const reader = new FrameReader(sink, 16_384);
  for (let at = 0; at < octets.length; at += size) {
    const piece = octets.subarray(at, at + size);
    reader.receive(Buffer.concat([Buffer.alloc(5, 1), piece, Buffer.alloc(5, 1)]), 5, 5 + piece.length);
  }
  return sink.heard;
}

const text = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));
const HIGH_BIT = 0x8000_0000;

/** Frames of every kind and what is heard of each; the reserved bit counts nowhere. */
const FRAMES: readonly (readonly [octets: Buffer, ...heard: string[]])[] = [
  [data(1, 'hello'), 'frame 1 5 padding 0', 'data 1 hello'],
  [data(1, 'hello', true), 'frame 1 5 padding 0 last', 'data 1 hello last'],
  [data(1, '', true), 'frame 1 0 padding 0 last', 'data 1  last'],
  [data(1, ''), 'frame 1 0 padding 0', 'data 1 '],
  [frame(h2.DATA, h2.FLAG_PADDED, 1, text([2], 'hello..')), 'frame 1 8 padding 3', 'data 1 hello'],
  [frame(h2.DATA, h2.FLAG_PADDED, 1, text([0], 'hello')), 'frame 1 6 padding 1', 'data 1 hello'],
  [frame(h2.DATA, h2.FLAG_PADDED | 1, 1, text([2], '..')), 'frame 1 3 padding 3 last', 'data 1  last'],
  [frame(h2.HEADERS, 5, HIGH_BIT + 0x01020304, text('block')), `headers ${0x01020304} 5 on -1 block`],
  [frame(h2.HEADERS, 4, 1), 'headers 1 4 on -1 '],
  [frame(h2.HEADERS, h2.FLAG_PADDED, 1, text([2], 'block..')), 'headers 1 8 on -1 block'],
  [frame(h2.HEADERS, h2.FLAG_PADDED, 1, text([2], '..')), 'headers 1 8 on -1 '],
  [frame(h2.HEADERS, h2.FLAG_PRIORITY, 1, text([0x80, 0, 1, 3, 99], 'block')), `headers 1 32 on ${0x103} block`],
  [frame(h2.HEADERS, h2.FLAG_PRIORITY, 1, text([0, 0, 0, 3, 99])), 'headers 1 32 on 3 '],
  [frame(h2.HEADERS, 0x28, 1, text([1, 0, 0, 0, 3, 99], 'block.')), 'headers 1 40 on 3 block'],
  [frame(h2.PRIORITY, 0, 1, [0x80, 0, 0, 7, 1]), 'priority 1 on 7'],
  [frame(h2.PRIORITY, 0, 1, [0, 0, 0, 7]), 'priority 1 on -1'],
  [frame(h2.PRIORITY, 0, 1, [0, 0, 0, 7, 1, 1]), 'priority 1 on -1'],
  [frame(h2.RST_STREAM, 0, 1, [0xff, 0, 0, 8]), `reset 1 ${0xff00_0008}`],
  [frame(h2.RST_STREAM, 0, 1, [0, 1, 2, 3]), `reset 1 ${0x0001_0203}`],
  [frame(h2.SETTINGS, 0, 0, text('abcdefghijkl')), 'settings 0 abcdefghijkl'],
  [frame(h2.SETTINGS, 1, HIGH_BIT), 'settings 1 '],
  [frame(h2.PING, 1, 0, text('12345678')), 'ping 1 12345678'],
  [frame(h2.GOAWAY, 0, 0, [0x80, 0, 0, 9, 0x80, 0, 0, 2]), `goaway 9 ${HIGH_BIT + 2}`],
  [frame(h2.GOAWAY, 0, 0, text([0, 0, 0, 9, 0, 0, 0, 2], 'why')), 'goaway 9 2'],
  [frame(h2.WINDOW_UPDATE, 0, 3, [0xff, 0xff, 0xff, 0xff]), `window 3 ${h2.MAX_WINDOW}`],
  [frame(h2.WINDOW_UPDATE, 0, 0, [1, 2, 3, 4]), `window 0 ${0x0102_0304}`],
  [frame(h2.CONTINUATION, 4, 1, text('block')), 'continuation 1 4 block'],
  [frame(0xbe, 0xff, 7, text('what is it')), 'unknown 7'],
];

t.test('delivers a frame of each kind', async (t) => {
  for (const [octets, ...expected] of FRAMES) t.same(heard(octets), expected);
});

t.test('delivers frames one after another, whatever the pieces they come in', async (t) => {
  const all = Buffer.concat(FRAMES.map(([octets]) => octets));
  const expected = FRAMES.flatMap(([, ...each]) => each);
  t.same(heard(all), expected);
  for (const size of [1, 2, 3, 8, 9, 10, 13, 64, 65]) t.same(joined(heard(all, size)), joined(expected), `${size}`);
});

/** Pieces of a body made one: a piece that follows another of its stream is its continuation. */
function joined(lines: readonly string[]): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    if (line.startsWith('data 1 ') && whole.at(-1)?.startsWith('data 1 ')) whole.push(whole.pop()! + line.slice(7));
    else whole.push(line);
  }
  return whole;
}

t.test('delivers a body as it comes: `last` with its last octet', async (t) => {
  t.same(heard(data(1, 'abcde', true), 11), ['frame 1 5 padding 0 last', 'data 1 ab', 'data 1 cde last']);
  t.same(heard(data(1, 'abc'), 9), ['frame 1 3 padding 0', 'data 1 abc'], 'a header alone has no piece');
  const padded = frame(h2.DATA, h2.FLAG_PADDED | 1, 1, text([3], 'abc...'));
  t.same(heard(Buffer.concat([padded, frame(0xbe, 0, 1)]), 12), [
    'frame 1 7 padding 4 last',
    'data 1 ab',
    'data 1 c last',
    'unknown 1',
  ]);
});

t.test('delivers other frames whole, the largest too', async (t) => {
  const block = text('x'.repeat(16_384));
  for (const size of [100, 16_384, 20_000])
    t.same(heard(Buffer.concat([frame(h2.HEADERS, 4, 1, block), frame(0xbe, 0, 1)]), size), [
      `headers 1 4 on -1 ${block.toString()}`,
      'unknown 1',
    ]);
});

t.test('breaches of a frame’s own rules end the connection, and nothing is delivered after them', async (t) => {
  const { FRAME_SIZE_ERROR, PROTOCOL_ERROR } = h2;
  for (const [code, reason, octets] of [
    [FRAME_SIZE_ERROR, 'frame_too_large', frame(h2.DATA, 0, 1, [], 16_385)],
    [FRAME_SIZE_ERROR, 'frame_too_large', frame(h2.HEADERS, 0, 1, [], 0xff_0000)],
    [FRAME_SIZE_ERROR, 'data_size', frame(h2.DATA, h2.FLAG_PADDED, 1)],
    [PROTOCOL_ERROR, 'data_padding_too_large', frame(h2.DATA, h2.FLAG_PADDED, 1, [1])],
    [FRAME_SIZE_ERROR, 'headers_size', frame(h2.HEADERS, h2.FLAG_PADDED, 1)],
    [FRAME_SIZE_ERROR, 'headers_size', frame(h2.HEADERS, h2.FLAG_PRIORITY, 1, [0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'headers_padding_too_large', frame(h2.HEADERS, h2.FLAG_PADDED, 1, [1])],
    [PROTOCOL_ERROR, 'headers_padding_too_large', frame(h2.HEADERS, 0x28, 1, [1, 0, 0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'priority_on_stream_0', frame(h2.PRIORITY, 0, 0, [0, 0, 0, 1, 0])],
    [FRAME_SIZE_ERROR, 'rst_stream_size', frame(h2.RST_STREAM, 0, 1, [0, 0, 0])],
    [FRAME_SIZE_ERROR, 'rst_stream_size', frame(h2.RST_STREAM, 0, 1, [0, 0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'rst_stream_on_stream_0', frame(h2.RST_STREAM, 0, 0, [0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'settings_on_a_stream', frame(h2.SETTINGS, 0, 1)],
    [FRAME_SIZE_ERROR, 'settings_size', frame(h2.SETTINGS, 0, 0, [0, 0, 0, 0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'push_promise', frame(h2.PUSH_PROMISE, 4, 1, [0, 0, 0, 2])],
    [FRAME_SIZE_ERROR, 'ping_size', frame(h2.PING, 0, 0, [0, 0, 0, 0, 0, 0, 0])],
    [FRAME_SIZE_ERROR, 'ping_size', frame(h2.PING, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'ping_on_a_stream', frame(h2.PING, 0, 1, [0, 0, 0, 0, 0, 0, 0, 0])],
    [FRAME_SIZE_ERROR, 'goaway_size', frame(h2.GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'goaway_on_a_stream', frame(h2.GOAWAY, 0, 1, [0, 0, 0, 0, 0, 0, 0, 0])],
    [FRAME_SIZE_ERROR, 'window_update_size', frame(h2.WINDOW_UPDATE, 0, 1, [0, 0, 0])],
    [FRAME_SIZE_ERROR, 'window_update_size', frame(h2.WINDOW_UPDATE, 0, 1, [0, 0, 0, 0, 1])],
  ] as const)
    for (const size of [1, 9, 100])
      t.same(heard(Buffer.concat([octets, frame(0xbe, 0, 1)]), size), [`fail ${code} ${reason}`], `${reason} ${size}`);
});

t.test('a frame of the largest size that was announced is no fault', async (t) => {
  t.equal(heard(data(1, 'x'.repeat(16_384)))[0], 'frame 1 16384 padding 0');
});

t.test('holds something only of a frame that is not whole, the payload of DATA apart', async (t) => {
  const reader = new FrameReader(new Sink(), 16_384);
  t.equal(reader.unfinished, null);
  const octets = Buffer.concat([data(1, 'abc'), frame(h2.PING, 0, 0, text('12345678'))]);
  const states = Array.from(octets, (_, at) => {
    reader.receive(octets, at, at + 1);
    return reader.unfinished === null ? '.' : 'h';
  });
  t.equal(states.join(''), `${'h'.repeat(8)}....${'h'.repeat(16)}.`);
});

t.test('a sink that fails in the middle hears nothing more', async (t) => {
  const sink = new Sink();
  sink.onDataFrame = () => sink.fail(1, 'enough');
  const octets = Buffer.concat([data(1, 'abc'), frame(0xbe, 0, 1)]);
  new FrameReader(sink, 16_384).receive(octets, 0, octets.length);
  t.same(sink.heard, ['fail 1 enough']);
});
