import type { Random } from '../../../core/testing/random.ts';
import { Connection } from '../../../proxy/http2/connection.ts';
import type { ConnectionListener } from '../../../proxy/http2/connection-listener.ts';
import { DEFAULT_CONNECTION_OPTIONS } from '../../../proxy/http2/connection-options.ts';
import { HpackEncoder } from '../../../proxy/http2/hpack/encoder.ts';
import type { Stream } from '../../../proxy/http2/stream.ts';
import * as h2 from '../../../proxy/http2/wire-vocabulary.ts';
import { decodeLatin1 } from '../../../proxy/transport/latin1.ts';
import { MemoryWire } from '../../support/memory-wire.ts';
import { Recorder } from '../../support/recorder.ts';
import { damage, inPieces, type Target } from '../target.ts';

/** Frames of a client; requests are answered when they are whole. */
export const http2Server: Target = {
  make(random) {
    const frames = Buffer.concat([frame(h2.SETTINGS, 0, 0, settings(random)), ...some(random, true)]);
    return Buffer.concat([Buffer.from(h2.PREFACE), random.oneIn(3) ? damage(frames, random) : frames]);
  },
  run: (octets, ends) => exchange('server', octets, ends),
};

/** Frames of a server, to a client that has asked three things. */
export const http2Client: Target = {
  make(random) {
    const frames = Buffer.concat([frame(h2.SETTINGS, 0, 0, settings(random)), ...some(random, false)]);
    return random.oneIn(3) ? damage(frames, random) : frames;
  },
  run: (octets, ends) => exchange('client', octets, ends),
};

function exchange(role: 'client' | 'server', octets: Uint8Array, ends: readonly number[]): string {
  const wire = new MemoryWire();
  const heard: unknown[] = [];
  const whole: Stream[] = [];
  const listener: ConnectionListener = {
    onRequest(stream, head, end) {
      const recorder = new Recorder();
      recorder.stream = stream;
      heard.push([stream.id, head, end, recorder.heard]);
      if (end) whole.push(stream);
      const { onData, onTrailers } = recorder;
      recorder.onData = (bytes, start, stop, last) => {
        onData.call(recorder, bytes, start, stop, last);
        if (last) whole.push(stream);
      };
      recorder.onTrailers = (fields) => {
        onTrailers.call(recorder, fields);
        whole.push(stream);
      };
      return recorder;
    },
    onGoAway() {},
    onStreamEnd() {},
    onRoom() {},
    onPong: () => void heard.push('pong'),
    onLimit: (limit) => void heard.push(limit),
    onFailed: (code, reason) => void heard.push([code, reason]),
  };
  const connection = new Connection(role, wire, listener, decodeLatin1, DEFAULT_CONNECTION_OPTIONS);
  if (role === 'client') {
    for (const [protocol, last] of [
      ['', true],
      ['', false],
      ['websocket', false],
    ] as const) {
      const recorder = new Recorder();
      const stream = connection.open(recorder);
      recorder.stream = stream;
      heard.push(recorder.heard);
      stream.sendRequest({ method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol, fields: [] }, last);
      if (!last) stream.sendData(BODY, 0, BODY.length, protocol === '');
    }
  }
  inPieces(ends, (start, end) => {
    connection.receive(octets, start, end);
  });
  for (const stream of whole) {
    stream.sendResponse({ status: 200, fields: ['content-type', 'text/plain'] }, false);
    stream.sendData(BODY, 0, BODY.length, true);
  }
  connection.onWritable();
  connection.onClosed(h2.CANCEL);
  if (connection.streamCount !== 0) throw new Error(`${connection.streamCount} streams are left`);
  return JSON.stringify([heard, framesOf(wire.take(), role), wire.closed]);
}

const BODY = Buffer.alloc(5000, 'b');

/** What was written, without WINDOW_UPDATE: how many grants there are depends on the pieces, their effect does not. */
function framesOf(bytes: Uint8Array, role: 'client' | 'server'): string[] {
  const frames: string[] = [];
  for (let at = role === 'client' ? h2.PREFACE.length : 0; at < bytes.length; ) {
    const end = at + 9 + ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!);
    if (end > bytes.length) throw new Error('a frame was not written whole');
    if (bytes[at + 3] !== h2.WINDOW_UPDATE)
      frames.push(Buffer.from(bytes.subarray(at, Math.min(end, at + 40))).toString('latin1'));
    at = end;
  }
  return frames;
}

function some(random: Random, isClient: boolean): Buffer[] {
  const encoder = new HpackEncoder(4096);
  const frames: Buffer[] = [];
  let next = 1;
  for (let count = 1 + random.below(12); count > 0; count--) {
    const stream = isClient
      ? random.oneIn(3)
        ? next
        : Math.max(1, next - 2 * random.below(3))
      : 1 + 2 * random.below(4);
    const end = random.oneIn(2) ? h2.FLAG_END_STREAM : 0;
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const out = Buffer.alloc(8192);
        const fields = isClient ? requestFields(random) : answerFields(random);
        const block = out.subarray(0, encoder.encode(fields, out, 0));
        const id = isClient && random.below(5) > 0 ? next : stream;
        if (id === next) next += 2;
        const cut = random.oneIn(4) ? random.below(block.length + 1) : block.length;
        const padded = random.oneIn(6) ? h2.FLAG_PADDED : 0;
        const payload = padded
          ? Buffer.concat([Buffer.of(3), block.subarray(0, cut), Buffer.alloc(3)])
          : block.subarray(0, cut);
        frames.push(frame(h2.HEADERS, end | padded | (cut === block.length ? h2.FLAG_END_HEADERS : 0), id, payload));
        if (cut < block.length) frames.push(frame(h2.CONTINUATION, h2.FLAG_END_HEADERS, id, block.subarray(cut)));
        break;
      }
      case 4:
      case 5:
      case 6:
        frames.push(frame(h2.DATA, end, stream, Buffer.alloc(random.below(random.oneIn(8) ? 16_384 : 40), 'd')));
        break;
      case 7:
        frames.push(
          frame(
            h2.DATA,
            end | h2.FLAG_PADDED,
            stream,
            Buffer.concat([Buffer.of(random.below(6)), Buffer.alloc(random.below(9))]),
          ),
        );
        break;
      case 8:
        frames.push(
          frame(
            h2.WINDOW_UPDATE,
            0,
            random.oneIn(2) ? 0 : stream,
            u32(random.pick([1, 65_535, 0x7fff_ffff, 0, 0x8000_0001])),
          ),
        );
        break;
      case 9:
        frames.push(
          frame(
            h2.SETTINGS,
            random.oneIn(4) ? h2.FLAG_ACK : 0,
            0,
            random.oneIn(4) ? Buffer.alloc(0) : settings(random),
          ),
        );
        break;
      case 10:
        frames.push(frame(h2.RST_STREAM, 0, stream, u32(random.below(15))));
        break;
      default:
        frames.push(
          random.pick([
            frame(h2.PING, random.below(2), 0, Buffer.from('draining')),
            frame(h2.PRIORITY, 0, stream, Buffer.concat([u32(random.below(5)), Buffer.of(1)])),
            frame(h2.GOAWAY, 0, 0, Buffer.concat([u32(random.below(6)), u32(random.below(3))])),
            frame(random.below(256), random.below(256), random.below(6), random.octets(random.below(12)) as Buffer),
          ]),
        );
    }
  }
  return frames;
}

function requestFields(random: Random): string[] {
  const fields = [
    ':method',
    random.pick(['GET', 'POST', 'HEAD', 'CONNECT']),
    ':scheme',
    'http',
    ':path',
    random.pick(['/', '/a', '*', 'x']),
  ];
  if (random.oneIn(2)) fields.push(':authority', random.pick(['a', 'b:80', 'a b']));
  if (random.oneIn(8)) fields.push(':protocol', 'websocket');
  return fields.concat(otherFields(random));
}

function answerFields(random: Random): string[] {
  if (random.oneIn(6)) return otherFields(random);
  return [':status', random.pick(['200', '204', '103', '101', '304', '500', 'x']), ...otherFields(random)];
}

function otherFields(random: Random): string[] {
  const fields: string[] = [];
  for (let count = random.below(5); count > 0; count--) {
    fields.push(
      ...random.pick([
        ['a', 'b'],
        ['content-length', '5'],
        ['content-length', '0'],
        ['te', 'trailers'],
        ['host', 'a'],
        ['X', 'y'],
        ['connection', 'close'],
        ['c', 'x'.repeat(300)],
        ['grpc-status', '0'],
      ]),
    );
  }
  return fields;
}

function settings(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let count = random.below(4); count > 0; count--) {
    parts.push(
      Buffer.of(0, random.pick([1, 2, 3, 4, 5, 6, 8, 99])),
      u32(random.pick([0, 1, 100, 4096, 16_384, 65_535, 0x7fff_ffff])),
    );
  }
  return Buffer.concat(parts);
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([payload.length >> 16, (payload.length >> 8) & 255, payload.length & 255, type, flags]);
  return Buffer.concat([head, u32(stream), payload]);
}

function u32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value >>> 0);
  return octets;
}
