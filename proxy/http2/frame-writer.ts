import type { Wire } from './message.ts';
import {
  CONTINUATION,
  DATA,
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FRAME_HEADER_BYTES,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './wire-vocabulary.ts';

// Writes frames onto a wire (RFC 9113 section 6). `begin` may change `wire.bytes`: it is read only afterwards.

/** Writes DATA with `bytes[start, end)`, at most the peer's SETTINGS_MAX_FRAME_SIZE and its windows (section 6.1). */
export function writeData(
  wire: Wire,
  streamId: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  last: boolean,
): void {
  const length = end - start;
  const at = begin(wire, length, DATA, last ? FLAG_END_STREAM : 0, streamId);
  if (length <= SMALL) for (let i = 0; i < length; i++) wire.bytes[at + i] = bytes[start + i]!;
  else wire.copy(bytes, start, end, at);
}

/** Writes a header block as HEADERS and as many CONTINUATION frames as it takes. */
export function writeHeaders(
  wire: Wire,
  streamId: number,
  block: Uint8Array,
  octets: number,
  last: boolean,
  maxFrame: number,
): void {
  let sent = Math.min(octets, maxFrame);
  let flags = (last ? FLAG_END_STREAM : 0) | (sent === octets ? FLAG_END_HEADERS : 0);
  const first = begin(wire, sent, HEADERS, flags, streamId);
  if (sent <= SMALL) for (let i = 0; i < sent; i++) wire.bytes[first + i] = block[i]!;
  else wire.copy(block, 0, sent, first);
  while (sent < octets) {
    const length = Math.min(octets - sent, maxFrame);
    flags = sent + length === octets ? FLAG_END_HEADERS : 0;
    const at = begin(wire, length, CONTINUATION, flags, streamId);
    wire.copy(block, sent, sent + length, at);
    sent += length;
  }
}

/** Writes RST_STREAM (section 6.4). @param code of section 7 */
export function writeReset(wire: Wire, streamId: number, code: number): void {
  const at = begin(wire, 4, RST_STREAM, 0, streamId);
  writeU32(wire.bytes, at, code);
}

/**
 * Writes WINDOW_UPDATE (section 6.9). @param streamId 0: the connection's window @param increment octets, 1 to 2^31-1
 */
export function writeWindowUpdate(wire: Wire, streamId: number, increment: number): void {
  const at = begin(wire, 4, WINDOW_UPDATE, 0, streamId);
  writeU32(wire.bytes, at, increment);
}

/** Writes SETTINGS (section 6.5). @param settings pairs of identifier and value */
export function writeSettings(wire: Wire, settings: readonly (readonly [id: number, value: number])[]): void {
  let at = begin(wire, settings.length * 6, SETTINGS, 0, 0);
  for (const [id, value] of settings) {
    wire.bytes[at] = id >> 8;
    wire.bytes[at + 1] = id & 0xff;
    writeU32(wire.bytes, at + 2, value);
    at += 6;
  }
}

/** Writes the SETTINGS frame that says that the peer's were applied (section 6.5.3). */
export function writeSettingsAck(wire: Wire): void {
  begin(wire, 0, SETTINGS, FLAG_ACK, 0);
}

/**
 * Writes PING (section 6.7) with the eight octets `bytes[start, start + 8)`. @param ack it answers one that has these
 */
export function writePing(wire: Wire, ack: boolean, bytes: Uint8Array, start: number): void {
  const at = begin(wire, 8, PING, ack ? FLAG_ACK : 0, 0);
  for (let i = 0; i < 8; i++) wire.bytes[at + i] = bytes[start + i]!;
}

/**
 * Writes GOAWAY without debug data (section 6.8). @param lastStreamId streams above it were not looked at, and may be
 * tried elsewhere
 */
export function writeGoAway(wire: Wire, lastStreamId: number, code: number): void {
  const at = begin(wire, 8, GOAWAY, 0, 0);
  writeU32(wire.bytes, at, lastStreamId);
  writeU32(wire.bytes, at + 4, code);
}

/** Below this a loop copies faster than a call of the host. */
const SMALL = 64;

/** Reserves and writes a frame header; returns the offset of the payload, which is already counted as written. */
function begin(wire: Wire, length: number, type: number, flags: number, streamId: number): number {
  wire.reserve(FRAME_HEADER_BYTES + length);
  const bytes = wire.bytes;
  const at = wire.end;
  bytes[at] = length >> 16;
  bytes[at + 1] = (length >> 8) & 0xff;
  bytes[at + 2] = length & 0xff;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  writeU32(bytes, at + 5, streamId);
  wire.end = at + FRAME_HEADER_BYTES + length;
  return at + FRAME_HEADER_BYTES;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >> 16) & 0xff;
  bytes[at + 2] = (value >> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
}
