import { MESH_PROTOCOLS } from '../../api/mesh-words.ts';

/** What a TLS ClientHello asks for. */
export interface ClientHello {
  /** Server name (RFC 6066 section 3), lower-case; empty when absent. */
  readonly sni: string;
  /** Protocols offered (RFC 7301). */
  readonly alpn: readonly string[];
}

/** `not_tls`: these octets begin no TLS handshake. `incomplete`: more octets are needed to tell. */
export type ClientHelloResult = ClientHello | 'not_tls' | 'incomplete';

/** A ClientHello beyond this is not ours and not waited for; post-quantum ones take about 1.8 KiB. */
export const MAX_CLIENT_HELLO_BYTES = 16_384;

/**
 * Reads the ClientHello at the beginning of a connection (RFC 8446 section 4.1.2), which may span several records.
 */
export function readClientHello(bytes: Uint8Array): ClientHelloResult {
  if (bytes.length >= 1 && bytes[0] !== HANDSHAKE) return 'not_tls';
  if (bytes.length >= 2 && bytes[1] !== 3) return 'not_tls';
  if (bytes.length >= 6 && bytes[5] !== CLIENT_HELLO) return 'not_tls';
  if (bytes.length < 9) return 'incomplete';
  const total = 4 + u24(bytes, 6);
  if (total > MAX_CLIENT_HELLO_BYTES) return 'not_tls';

  // Put the handshake message together from its records.
  const message = new Uint8Array(total);
  let got = 0;
  for (let at = 0; got < total; ) {
    if (at + 5 > bytes.length) return 'incomplete';
    if (bytes[at] !== HANDSHAKE) return 'not_tls';
    const length = u16(bytes, at + 3);
    if (length === 0 || length > 16_384) return 'not_tls';
    const piece = bytes.subarray(at + 5, Math.min(at + 5 + length, bytes.length)).subarray(0, total - got);
    message.set(piece, got);
    got += piece.length;
    if (got < total && at + 5 + length > bytes.length) return 'incomplete';
    at += 5 + length;
  }
  return readMessage(message);
}

/** Whose a ClientHello is: ours to terminate, or somebody else's to pass on. The one place that decides it. */
export function isForUs(hello: ClientHello, ownIdentity: string): boolean {
  if (hello.sni !== ownIdentity) return false;
  // linkerd2-proxy clients offer nothing or the transport header; our own offer ours. Anything else is the application's.
  return hello.alpn.length === 0 || hello.alpn.some((name) => OWN_ALPN.includes(name));
}

/** Protocols that a proxy of ours speaks, in the order of preference. */
export const OWN_ALPN: readonly string[] = MESH_PROTOCOLS.map(({ word }) => word);

function readMessage(bytes: Uint8Array): ClientHelloResult {
  let at = 4 + 2 + 32; // message header, legacy_version, random
  at += 1 + (bytes[at] ?? 0); // legacy_session_id
  at += 2 + (at + 2 <= bytes.length ? u16(bytes, at) : 0); // cipher_suites
  at += 1 + (bytes[at] ?? 0); // legacy_compression_methods
  if (at + 2 > bytes.length) return { sni: '', alpn: [] }; // no extensions
  const end = Math.min(bytes.length, at + 2 + u16(bytes, at));
  at += 2;
  let sni = '';
  const alpn: string[] = [];
  while (at + 4 <= end) {
    const type = u16(bytes, at);
    const start = at + 4;
    const next = start + u16(bytes, at + 2);
    if (next > end) return 'not_tls';
    if (type === EXTENSION_SERVER_NAME && next - start >= 5 && bytes[start + 2] === 0) {
      const length = u16(bytes, start + 3);
      if (start + 5 + length <= next) sni = ascii(bytes, start + 5, start + 5 + length).toLowerCase();
    } else if (type === EXTENSION_ALPN && next - start >= 2) {
      for (let i = start + 2; i < next && i + 1 + bytes[i]! <= next; i += 1 + bytes[i]!)
        alpn.push(ascii(bytes, i + 1, i + 1 + bytes[i]!));
    }
    at = next;
  }
  return { sni, alpn };
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function u24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | u16(bytes, at + 1);
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

/** Whether octets begin a handshake, whomever it is for. */
export function tlsOf(bytes: Buffer): 'tls' | 'not_tls' | 'incomplete' {
  const hello = readClientHello(bytes);
  return typeof hello === 'string' ? hello : 'tls';
}

/** The name that a client asks for; empty: none, or it speaks no TLS; null: its ClientHello is incomplete. */
export function serverNameOf(bytes: Buffer): string | null {
  const hello = readClientHello(bytes);
  return hello === 'incomplete' ? null : hello === 'not_tls' ? '' : hello.sni;
}
