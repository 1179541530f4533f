import asn1 from 'node-forge/lib/asn1.js';

/**
 * One ASN.1 value (X.690). Contents of a primitive value are a binary string, one character an octet, which is what
 * node-forge works on; {@link toBinary} and {@link fromBinary} convert.
 */
export interface DerValue {
  readonly tagClass: number;
  readonly type: number;
  readonly constructed: boolean;
  /** Whether `value` is a list, which is how node-forge tells. */
  readonly composed: boolean;
  readonly value: string | DerValue[];
}

/**
 * Reads one DER value that fills `bytes` entirely.
 *
 * @returns null when the bytes are no DER: truncated, trailing octets, nested deeper than 32 values, indefinite or
 *   needlessly long lengths (a signature covers octets, so only one encoding of a value is accepted)
 */
export function parseDer(bytes: Uint8Array): DerValue | null {
  const binary = toBinary(bytes);
  try {
    const options = { strict: true, parseAllBytes: true, decodeBitStrings: false, maxDepth: MAX_DEPTH };
    const value = asn1.fromDer(binary, options as never) as unknown as DerValue;
    return encodeBinary(value) === binary ? value : null;
  } catch {
    return null;
  }
}

/** Octets of a value. */
export function encodeDer(value: DerValue): Buffer {
  return fromBinary(encodeBinary(value));
}

/** Members of a value that is constructed with this tag, or null where `value` is something else. */
export function membersOf(value: DerValue | undefined, tag: Tag): readonly DerValue[] | null {
  return value !== undefined && hasTag(value, tag) && Array.isArray(value.value) ? value.value : null;
}

/** Contents of a primitive value with this tag, as a binary string; null where `value` is something else. */
export function contentsOf(value: DerValue | undefined, tag: Tag): string | null {
  return value !== undefined && hasTag(value, tag) && typeof value.value === 'string' ? value.value : null;
}

/** The value inside a BIT STRING or OCTET STRING whose octets are DER again. */
export function parseInner(binary: string): DerValue | null {
  return parseDer(fromBinary(binary));
}

/** Whether a value is an OBJECT IDENTIFIER with the octets that {@link oid} gives. */
export function isOid(value: DerValue | undefined, dotted: string): boolean {
  return contentsOf(value, OBJECT_IDENTIFIER) === oidOctets(dotted);
}

/** `1.2.840…` of an OBJECT IDENTIFIER; arcs beyond 2^53 lose digits, which only a message shows. */
export function dottedOid(value: DerValue | undefined): string | null {
  const octets = contentsOf(value, OBJECT_IDENTIFIER);
  if (octets === null || octets === '' || octets.charCodeAt(octets.length - 1) > 0x7f) return null;
  const arcs: number[] = [];
  let arc = 0;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets.charCodeAt(at);
    arc = arc * 128 + (octet & 0x7f);
    if (octet > 0x7f) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(arc / 40));
      arcs.push(first, arc - first * 40);
    } else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}

/** SEQUENCE or SEQUENCE OF, in the order given. */
export function sequence(...members: DerValue[]): DerValue {
  return constructed(SEQUENCE, members);
}

/** SET or SET OF. Members are not sorted, which DER demands (X.690 section 11.6): every set here has one. */
export function set(...members: DerValue[]): DerValue {
  return constructed(SET, members);
}

/** OBJECT IDENTIFIER. Arcs up to 2^53 are right, where node-forge's own stop at 2^32 (the arc 2.25 has larger ones). */
export function oid(dotted: string): DerValue {
  return primitive(OBJECT_IDENTIFIER, oidOctets(dotted));
}

/** INTEGER from big-endian octets of a positive number without needless leading zeros. */
export function integer(octets: Uint8Array): DerValue {
  return primitive(INTEGER, (octets[0]! > 0x7f ? '\0' : '') + toBinary(octets));
}

/** INTEGER from 0 to 255. */
export function smallInteger(value: number): DerValue {
  return integer(Uint8Array.of(value));
}

/** BOOLEAN; true is all ones, as DER demands (X.690 section 11.1). */
export function bool(value: boolean): DerValue {
  return primitive(BOOLEAN, value ? '\xff' : '\0');
}

/** OCTET STRING of octets as they are, or of the encoding of a value: how an extension holds its contents. */
export function octetString(contents: DerValue | Uint8Array): DerValue {
  return primitive(OCTET_STRING, contents instanceof Uint8Array ? toBinary(contents) : encodeBinary(contents));
}

/** BIT STRING; `unusedBits` of the last octet (0 to 7) do not count. */
export function bitString(octets: Uint8Array, unusedBits = 0): DerValue {
  return primitive(BIT_STRING, String.fromCharCode(unusedBits) + toBinary(octets));
}

/** UTF8String of a text without a bound; a lone surrogate becomes U+FFFD. */
export function utf8String(text: string): DerValue {
  return primitive(UTF8_STRING, toBinary(Buffer.from(text, 'utf8')));
}

/** UTCTime until 2049, GeneralizedTime after, to the second (RFC 5280 section 4.1.2.5). */
export function time(ms: number): DerValue {
  const digits = `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return new Date(ms).getUTCFullYear() < 2050
    ? primitive(UTC_TIME, digits.slice(2))
    : primitive(GENERALIZED_TIME, digits);
}

/** `[number]` around primitive contents: implicit tagging of a string type. */
export function implicit(number: number, contents: Uint8Array): DerValue {
  return primitive(contextTag(number), toBinary(contents));
}

/** `[number]` around whole values: explicit tagging, or implicit tagging of a SEQUENCE or SET. */
export function tagged(number: number, ...members: DerValue[]): DerValue {
  return constructed(contextTag(number), members);
}

/** The tag `[number]`, 0 to 30, whose meaning the surrounding type gives. */
export function contextTag(number: number): Tag {
  return { tagClass: CONTEXT_SPECIFIC, type: number };
}

/** Octets as a binary string: one character from U+0000 to U+00FF for each. */
export function toBinary(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
}

/** Octets of a binary string; of a character above U+00FF the low octet alone. */
export function fromBinary(binary: string): Buffer {
  return Buffer.from(binary, 'latin1');
}

function constructed(tag: Tag, value: DerValue[]): DerValue {
  return { ...tag, constructed: true, composed: true, value };
}

function primitive(tag: Tag, value: string): DerValue {
  return { ...tag, constructed: false, composed: false, value };
}

function hasTag(value: DerValue, tag: Tag): boolean {
  return value.tagClass === tag.tagClass && value.type === tag.type;
}

function encodeBinary(value: DerValue): string {
  return asn1.toDer(value as never).getBytes();
}

function oidOctets(dotted: string): string {
  let octets = OID_OCTETS.get(dotted);
  if (octets === undefined) {
    const [first, second, ...rest] = dotted.split('.').map(Number);
    octets = [first! * 40 + second!, ...rest].map(base128).join('');
    OID_OCTETS.set(dotted, octets);
  }
  return octets;
}

/** Seven bits an octet, the top bit set on all but the last. Division, because shifts stop at 32 bits. */
function base128(arc: number): string {
  let octets = String.fromCharCode(arc % 128);
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    octets = String.fromCharCode(128 + (rest % 128)) + octets;
  }
  return octets;
}

/** What tells one ASN.1 type from another. */
export interface Tag {
  readonly tagClass: number;
  readonly type: number;
}

const CONTEXT_SPECIFIC = 0x80;

export const BOOLEAN: Tag = { tagClass: 0, type: 1 };
export const INTEGER: Tag = { tagClass: 0, type: 2 };
export const BIT_STRING: Tag = { tagClass: 0, type: 3 };
export const OCTET_STRING: Tag = { tagClass: 0, type: 4 };
export const OBJECT_IDENTIFIER: Tag = { tagClass: 0, type: 6 };
export const UTF8_STRING: Tag = { tagClass: 0, type: 12 };
export const SEQUENCE: Tag = { tagClass: 0, type: 16 };
export const SET: Tag = { tagClass: 0, type: 17 };
export const UTC_TIME: Tag = { tagClass: 0, type: 23 };
export const GENERALIZED_TIME: Tag = { tagClass: 0, type: 24 };

/** A certificate nests seven deep. */
const MAX_DEPTH = 32;
/** Octets of the few dozen identifiers that the sources name. */
const OID_OCTETS = new Map<string, string>();
