/**
 * Linkerd's transport header: the port that a direct connection is for.
 *
 *     "transport.l5d.io/v1\r\n\r\n" | u32 length | protobuf Header { int32 port = 1; string name = 2; session_protocol = 3 }
 *     SessionProtocol { oneof: Http1 http1 = 1; Http2 http2 = 2 } (both empty)
 */
export interface TransportHeader {
  readonly port: number;
  /** Name of a gateway target; empty: none. */
  readonly name: string;
  readonly session: 'http1' | 'http2' | null;
}

const PREFIX = Buffer.from('transport.l5d.io/v1\r\n\r\n', 'latin1');
const MAX_HEADER_BYTES = 65_536;

/** @returns the header and the octets it took; `more`: it is not whole; `invalid`: it never will be */
export function readTransportHeader(
  bytes: Uint8Array,
): { header: TransportHeader; octets: number } | 'more' | 'invalid' {
  for (let i = 0; i < PREFIX.length && i < bytes.length; i++) if (bytes[i] !== PREFIX[i]) return 'invalid';
  const start = PREFIX.length + 4;
  if (bytes.length < start) return 'more';
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.readUInt32BE(PREFIX.length);
  if (length > MAX_HEADER_BYTES) return 'invalid';
  if (bytes.length < start + length) return 'more';
  const header = readHeader(view.subarray(start, start + length));
  return header ? { header, octets: start + length } : 'invalid';
}

/** Writes a header: what precedes everything else that a direct connection says. */
export function writeTransportHeader(header: TransportHeader): Buffer {
  const message: number[] = [0x08, ...varint(header.port)];
  if (header.name !== '') message.push(0x12, ...varint(Buffer.byteLength(header.name)), ...Buffer.from(header.name));
  if (header.session) message.push(0x1a, 2, header.session === 'http1' ? 0x0a : 0x12, 0);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([PREFIX, length, Buffer.from(message)]);
}

function readHeader(bytes: Buffer): TransportHeader | null {
  let port = 0;
  let name = '';
  let session: TransportHeader['session'] = null;
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; at < bytes.length && shift < 35; shift += 7) {
      const octet = bytes[at++]!;
      value += (octet & 0x7f) * 2 ** shift;
      if (octet < 0x80) return value;
    }
    return -1;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const value = readVarint();
    if (tag < 0 || value < 0) return null;
    if ((tag & 7) === 0) {
      if (tag >> 3 === 1) port = value;
    } else if ((tag & 7) === 2) {
      if (at + value > bytes.length) return null;
      const field = bytes.subarray(at, at + value);
      at += value;
      if (tag >> 3 === 2) name = field.toString('utf8');
      else if (tag >> 3 === 3 && field.length > 0)
        session = field[0]! >> 3 === 1 ? 'http1' : field[0]! >> 3 === 2 ? 'http2' : null;
    } else return null;
  }
  return port >= 1 && port <= 65_535 ? { port, name, session } : null;
}

function varint(value: number): number[] {
  const octets: number[] = [];
  for (; value >= 0x80; value >>>= 7) octets.push((value & 0x7f) | 0x80);
  octets.push(value);
  return octets;
}
