import t from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Recorder } from '../../test/support/recorder.ts';
import { Connection } from './connection.ts';
import { DEFAULT_CONNECTION_OPTIONS } from './connection-options.ts';
import * as h2 from './wire-vocabulary.ts';

const latin1 = (bytes: Uint8Array, start: number, end: number) => Buffer.from(bytes).toString('latin1', start, end);

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: readonly number[] = [],
  length = payload.length,
): Buffer {
  const head = Buffer.from([length >> 16, (length >> 8) & 255, length & 255, type, flags, 0, 0, 0, 0]);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

const SETTINGS = frame(4, 0, 0);
/** A request on a stream, by indexes of the static table; open, or with END_STREAM. */
const request = (stream: number, flags = h2.FLAG_END_HEADERS) =>
  frame(1, flags, stream, [0x82, 0x86, 0x84, 0x41, 1, 0x61]);
const setting = (id: number, value: number) =>
  frame(4, 0, 0, [id >> 8, id & 255, value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
const OPEN = request(1);
const CLOSED = request(1, h2.FLAG_END_HEADERS | h2.FLAG_END_STREAM);

/** The code and token with which a server's connection fails, where it does. */
function failure(octets: Buffer, isFirst = false): readonly [number, string] | null {
  let failed: readonly [number, string] | null = null;
  const connection = new Connection(
    'server',
    new MemoryWire(),
    {
      onRequest: () => new Recorder(),
      onGoAway() {},
      onStreamEnd() {},
      onRoom() {},
      onPong() {},
      onLimit() {},
      onFailed(code, reason) {
        failed = [code, reason];
      },
    },
    latin1,
    DEFAULT_CONNECTION_OPTIONS,
  );
  const all = Buffer.concat([Buffer.from(isFirst ? '' : h2.PREFACE), isFirst ? Buffer.alloc(0) : SETTINGS, octets]);
  connection.receive(all, 0, all.length);
  return failed;
}

t.test('what breaks a rule of the connection ends it, and the rule is named', async (t) => {
  const { PROTOCOL_ERROR, FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, COMPRESSION_ERROR } = h2;
  for (const [code, reason, octets] of [
    [PROTOCOL_ERROR, 'data_on_stream_0', frame(0, 0, 0, [1])],
    [PROTOCOL_ERROR, 'data_on_idle_stream', frame(0, 0, 1, [1])],
    [FRAME_SIZE_ERROR, 'data_size', frame(0, h2.FLAG_PADDED, 1)],
    [PROTOCOL_ERROR, 'data_padding_too_large', Buffer.concat([OPEN, frame(0, h2.FLAG_PADDED, 1, [9, 1])])],
    [PROTOCOL_ERROR, 'headers_on_stream_0', request(0)],
    [FRAME_SIZE_ERROR, 'headers_size', frame(1, h2.FLAG_PADDED, 1)],
    [FRAME_SIZE_ERROR, 'headers_size', frame(1, h2.FLAG_PRIORITY, 1, [0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'headers_padding_too_large', frame(1, h2.FLAG_PADDED, 1, [9, 1])],
    [STREAM_CLOSED, 'headers_on_closed_stream', Buffer.concat([request(3), request(1)])],
    [PROTOCOL_ERROR, 'stream_id_invalid', request(2)],
    [COMPRESSION_ERROR, 'header_block_invalid', frame(1, h2.FLAG_END_HEADERS, 1, [0x80])],
    [PROTOCOL_ERROR, 'continuation_unexpected', frame(9, 0, 1)],
    [PROTOCOL_ERROR, 'header_block_interrupted', Buffer.concat([request(1, 0), frame(6, 0, 0, Array(8).fill(0))])],
    [PROTOCOL_ERROR, 'header_block_interrupted', Buffer.concat([request(1, 0), SETTINGS])],
    [PROTOCOL_ERROR, 'continuation_unexpected', Buffer.concat([request(1, 0), frame(9, h2.FLAG_END_HEADERS, 3)])],
    [PROTOCOL_ERROR, 'priority_on_stream_0', frame(2, 0, 0, Array(5).fill(0))],
    [FRAME_SIZE_ERROR, 'rst_stream_size', Buffer.concat([OPEN, frame(3, 0, 1, [0])])],
    [PROTOCOL_ERROR, 'rst_stream_on_stream_0', frame(3, 0, 0, [0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'rst_stream_on_idle_stream', frame(3, 0, 1, [0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'settings_on_a_stream', frame(4, 0, 1)],
    [FRAME_SIZE_ERROR, 'settings_size', frame(4, 0, 0, [0])],
    [FRAME_SIZE_ERROR, 'settings_ack_size', frame(4, h2.FLAG_ACK, 0, Array(6).fill(0))],
    [PROTOCOL_ERROR, 'enable_push_invalid', setting(h2.SETTINGS_ENABLE_PUSH, 2)],
    [FLOW_CONTROL_ERROR, 'initial_window_invalid', setting(h2.SETTINGS_INITIAL_WINDOW_SIZE, 0x8000_0000)],
    [PROTOCOL_ERROR, 'max_frame_size_invalid', setting(h2.SETTINGS_MAX_FRAME_SIZE, 16_383)],
    [PROTOCOL_ERROR, 'enable_connect_protocol_invalid', setting(h2.SETTINGS_ENABLE_CONNECT_PROTOCOL, 2)],
    [PROTOCOL_ERROR, 'push_promise', frame(5, 0, 1, [0, 0, 0, 2])],
    [FRAME_SIZE_ERROR, 'ping_size', frame(6, 0, 0, [0])],
    [PROTOCOL_ERROR, 'ping_on_a_stream', frame(6, 0, 1, Array(8).fill(0))],
    [FRAME_SIZE_ERROR, 'goaway_size', frame(7, 0, 0, [0])],
    [PROTOCOL_ERROR, 'goaway_on_a_stream', frame(7, 0, 1, Array(8).fill(0))],
    [FRAME_SIZE_ERROR, 'window_update_size', frame(8, 0, 0, [0])],
    [PROTOCOL_ERROR, 'window_update_zero', frame(8, 0, 0, [0, 0, 0, 0])],
    [PROTOCOL_ERROR, 'window_update_on_idle_stream', frame(8, 0, 1, [0, 0, 0, 1])],
    [FLOW_CONTROL_ERROR, 'window_overflow', frame(8, 0, 0, [0x7f, 0xff, 0xff, 0xff])],
    [FRAME_SIZE_ERROR, 'frame_too_large', frame(0, 0, 1, [], 16_385)],
  ] as const)
    t.same(failure(octets), [code, reason], reason);
  t.same(failure(Buffer.from('GET / HTTP/1.1\r\n'), true), [PROTOCOL_ERROR, 'preface_invalid']);
  t.same(failure(Buffer.concat([Buffer.from(h2.PREFACE), OPEN]), true), [PROTOCOL_ERROR, 'settings_not_first']);
});

t.test('a sender that overruns the window of a stream loses that stream alone', async (t) => {
  const data = frame(0, 0, 1, Array(16_384).fill(0));
  const flood = Buffer.concat([OPEN, ...Array(65).fill(data)]);
  t.equal(failure(flood), null);
});

t.test('what concerns one stream leaves the connection alone', async (t) => {
  for (const octets of [
    Buffer.concat([CLOSED, frame(0, 0, 1, [1])]),
    Buffer.concat([OPEN, frame(8, 0, 1, [0, 0, 0, 0])]),
    Buffer.concat([OPEN, frame(8, 0, 1, [0x7f, 0xff, 0xff, 0xff])]),
    frame(2, 0, 1, [0]),
    frame(0xaa, 0, 1),
  ])
    t.equal(failure(octets), null);
});
