import {
  BOOLEAN,
  bitString,
  bool,
  contentsOf,
  type DerValue,
  dottedOid,
  implicit,
  membersOf,
  OCTET_STRING,
  octetString,
  oid,
  SEQUENCE,
  sequence,
  smallInteger,
  tagged,
} from './der.ts';
import {
  AUTHORITY_KEY_IDENTIFIER,
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
  KEY_USAGE,
  SUBJECT_ALT_NAME,
  SUBJECT_KEY_IDENTIFIER,
} from './object-identifiers.ts';

/** An extension of a certificate, or one asked for in a request (RFC 5280 section 4.1). */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** Contents of the OCTET STRING, a binary string; usually DER again. */
  readonly value: string;
}

/** Names that a certificate is for. */
export interface SubjectAltNames {
  readonly dns: readonly string[];
  readonly uris: readonly string[];
  /** IPv4 or IPv6 addresses. Workloads have none; a webhook that is registered by URL may. */
  readonly ips?: readonly string[];
}

/** A critical extension that a verifier does not know makes it refuse the certificate. */
export type Criticality = 'critical' | 'optional';

/** Reads `Extensions`, a SEQUENCE of extensions; null when it is malformed or names one twice (RFC 5280 section 4.2). */
export function parseExtensions(value: DerValue | undefined): readonly Extension[] | null {
  const members = membersOf(value, SEQUENCE);
  if (!members) return null;
  const found: Extension[] = [];
  for (const member of members) {
    const extension = parseExtension(member);
    if (!extension || found.some((other) => other.oid === extension.oid)) return null;
    found.push(extension);
  }
  return found;
}

/**
 * One extension (RFC 5280 section 4.1.2.9), its value encoded into an OCTET STRING. What is not critical leaves the
 * flag out, as DER demands of a default.
 */
export function extension(identifier: string, criticality: Criticality, value: DerValue): DerValue {
  return criticality === 'critical'
    ? sequence(oid(identifier), bool(true), octetString(value))
    : sequence(oid(identifier), octetString(value));
}

/** DNS names as `[2]`, URIs as `[6]`, addresses as `[7]` (RFC 5280 section 4.2.1.6). */
export function subjectAltName(sans: SubjectAltNames, criticality: Criticality): DerValue {
  const names = [
    ...sans.dns.map((name) => implicit(SAN_DNS, Buffer.from(name, 'latin1'))),
    ...sans.uris.map((uri) => implicit(SAN_URI, Buffer.from(uri, 'latin1'))),
    ...(sans.ips ?? []).map((ip) => implicit(SAN_IP, ipOctets(ip))),
  ];
  return extension(SUBJECT_ALT_NAME, criticality, sequence(...names));
}

/** `cA` and the number of intermediates allowed below; null: no authority. */
export function basicConstraints(authority: { pathLength: number | null } | null): DerValue {
  const members = authority ? [bool(true)] : [];
  if (authority?.pathLength != null) members.push(smallInteger(authority.pathLength));
  return extension(BASIC_CONSTRAINTS, 'critical', sequence(...members));
}

/** `digitalSignature`: what an ECDSA key does in TLS 1.3. */
export function leafKeyUsage(): DerValue {
  return extension(KEY_USAGE, 'critical', bitString(Uint8Array.of(0x80), 7));
}

/** `keyCertSign` and `cRLSign`. */
export function authorityKeyUsage(): DerValue {
  return extension(KEY_USAGE, 'critical', bitString(Uint8Array.of(0x06), 1));
}

/** What the key may be used for, by object identifier (RFC 5280 section 4.2.1.12). */
export function extendedKeyUsage(...purposes: string[]): DerValue {
  return extension(EXTENDED_KEY_USAGE, 'optional', sequence(...purposes.map(oid)));
}

/** Name of the certificate's own key, by which those that it signed name it (RFC 5280 section 4.2.1.2). */
export function subjectKeyIdentifier(identifier: Uint8Array): DerValue {
  return extension(SUBJECT_KEY_IDENTIFIER, 'optional', octetString(identifier));
}

/** Name of the key that signed: `[0]` alone, without issuer and serial number (RFC 5280 section 4.2.1.1). */
export function authorityKeyIdentifier(identifier: Uint8Array): DerValue {
  return extension(AUTHORITY_KEY_IDENTIFIER, 'optional', sequence(implicit(0, identifier)));
}

/** `[3]` of a certificate: its extensions. */
export function extensionsOf(extensions: readonly DerValue[]): DerValue {
  return tagged(3, sequence(...extensions));
}

function parseExtension(value: DerValue): Extension | null {
  const members = membersOf(value, SEQUENCE);
  if (!members || members.length < 2 || members.length > 3) return null;
  const identifier = dottedOid(members[0]);
  const octets = contentsOf(members.at(-1), OCTET_STRING);
  const flag = members.length === 3 ? contentsOf(members[1], BOOLEAN) : '\0';
  if (identifier === null || octets === null || flag === null) return null;
  return { oid: identifier, critical: flag !== '\0', value: octets };
}

/** 4 or 16 octets of an address without a zone. */
function ipOctets(ip: string): Buffer {
  if (!ip.includes(':')) return Buffer.from(ip.split('.').map(Number));
  const [head = [], tail = []] = ip.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

export const SAN_DNS = 2;
export const SAN_URI = 6;
const SAN_IP = 7;
