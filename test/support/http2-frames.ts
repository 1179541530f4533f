import * as h2 from '../../proxy/http2/wire-vocabulary.ts';

/** A frame as its octets: header and payload. @param length what the header says, where it lies */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | readonly number[] = [],
  length = payload.length,
): Buffer {
  const head = Buffer.from([length >> 16, (length >> 8) & 255, length & 255, type, flags, 0, 0, 0, 0]);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/** A SETTINGS frame of pairs of identifier and value. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = pairs.flatMap(([id, value]) => [id >> 8, id & 255, ...u32(value)]);
  return frame(h2.SETTINGS, 0, 0, payload);
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame(h2.WINDOW_UPDATE, 0, stream, u32(increment));
}

export function reset(stream: number, code: number): Buffer {
  return frame(h2.RST_STREAM, 0, stream, u32(code));
}

export function goAway(lastStream: number, code: number): Buffer {
  return frame(h2.GOAWAY, 0, 0, [...u32(lastStream), ...u32(code)]);
}

export function ping(flags: number, opaque: string): Buffer {
  return frame(h2.PING, flags, 0, Buffer.from(opaque));
}

/** HEADERS of literal fields without indexing, whole; `end` is its END_STREAM. */
export function headers(stream: number, fields: readonly string[], end: boolean): Buffer {
  return frame(h2.HEADERS, h2.FLAG_END_HEADERS | (end ? h2.FLAG_END_STREAM : 0), stream, literals(fields));
}

/** A header block of literal fields without indexing (RFC 7541 section 6.2.2), each string below 127 octets. */
export function literals(fields: readonly string[]): Buffer {
  const strings = fields.map((text, i) => [...(i % 2 === 0 ? [0] : []), text.length, ...Buffer.from(text, 'latin1')]);
  return Buffer.from(strings.flat());
}

export function data(stream: number, text: string | Uint8Array, end = false): Buffer {
  return frame(h2.DATA, end ? h2.FLAG_END_STREAM : 0, stream, Buffer.from(text as string));
}

/** Says in words what frames there are in whole, one a line: `DATA 1 END_STREAM "hello"`. */
export function framesIn(bytes: Uint8Array): string[] {
  const octets = Buffer.from(bytes);
  const lines: string[] = [];
  for (let at = 0; at < octets.length; ) {
    const length = octets.readUIntBE(at, 3);
    const end = at + h2.FRAME_HEADER_BYTES + length;
    if (end > octets.length) throw new Error(`a frame of ${length} octets is cut off`);
    const payload = octets.subarray(at + h2.FRAME_HEADER_BYTES, end);
    lines.push(wordsOf(octets[at + 3]!, octets[at + 4]!, octets.readUInt32BE(at + 5), payload));
    at = end;
  }
  return lines;
}

function wordsOf(type: number, flags: number, stream: number, payload: Buffer): string {
  const end = flags & h2.FLAG_END_STREAM ? ' END_STREAM' : '';
  const ack = flags & h2.FLAG_ACK ? ' ACK' : '';
  switch (type) {
    case h2.DATA:
      return `DATA ${stream}${end} ${payload.length > 40 ? payload.length : JSON.stringify(payload.toString('latin1'))}`;
    case h2.HEADERS:
    case h2.CONTINUATION: {
      const name = type === h2.HEADERS ? `HEADERS ${stream}${end}` : `CONTINUATION ${stream}`;
      const block = payload.length > 40 ? `${payload.length}` : payload.toString('hex');
      return `${name}${flags & h2.FLAG_END_HEADERS ? '' : ' to be continued'} ${block}`;
    }
    case h2.RST_STREAM:
      return `RST_STREAM ${stream} ${payload.readUInt32BE(0)}`;
    case h2.SETTINGS: {
      const pairs: string[] = [];
      for (let at = 0; at < payload.length; at += 6)
        pairs.push(` ${payload.readUInt16BE(at)}=${payload.readUInt32BE(at + 2)}`);
      return `SETTINGS${ack}${pairs.join('')}${stream === 0 ? '' : ` on ${stream}`}`;
    }
    case h2.PING:
      return `PING${ack} ${JSON.stringify(payload.toString('latin1'))}`;
    case h2.GOAWAY:
      return `GOAWAY ${payload.readUInt32BE(0)} ${payload.readUInt32BE(4)}`;
    case h2.WINDOW_UPDATE:
      return `WINDOW_UPDATE ${stream} ${payload.readUInt32BE(0)}`;
    default:
      return `type ${type} ${stream} ${payload.toString('hex')}`;
  }
}

function u32(value: number): number[] {
  return [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];
}
