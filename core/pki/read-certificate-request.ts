import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  BIT_STRING,
  contentsOf,
  contextTag,
  type DerValue,
  dottedOid,
  encodeDer,
  fromBinary,
  INTEGER,
  isOid,
  membersOf,
  parseDer,
  parseInner,
  SEQUENCE,
  SET,
} from './der.ts';
import type { SubjectAltNames } from './extension.ts';
import { type Extension, parseExtensions, SAN_DNS, SAN_URI } from './extension.ts';
import { isP256 } from './key-pair.ts';
import {
  BASIC_CONSTRAINTS,
  COMMON_NAME,
  ECDSA_WITH_SHA256,
  EXTENSION_REQUEST,
  KEY_USAGE,
  SUBJECT_ALT_NAME,
} from './object-identifiers.ts';
import { decodePem } from './pem.ts';

/** What a certificate request (RFC 2986) asks for. Nothing in it is proved until {@link isSignatureValid} says so. */
export interface CertificateRequest {
  /** SubjectPublicKeyInfo octets. */
  readonly spki: Buffer;
  readonly isP256: boolean;
  /** Object identifier of the signature's algorithm, and whether it is ECDSA with SHA-256. */
  readonly signatureAlgorithm: string;
  readonly isEcdsaSha256: boolean;
  /** Common names of the subject, and how many attributes of other kinds it has. */
  readonly subject: { readonly commonNames: readonly string[]; readonly others: number };
  /** Subject alternative names; `others` counts those that are neither DNS name nor URI. */
  readonly sans: SubjectAltNames & { readonly others: number };
  /** Whether basic constraints or key usage ask for a certificate authority. */
  readonly asksForAuthority: boolean;
  readonly extensions: readonly Extension[];
  /** Octets that the signature covers, and the signature. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Reads a PEM certificate request; a sentence fragment says what is wrong with it. */
export function readCsr(pem: string): CertificateRequest | string {
  const blocks = decodePem(pem, 'CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST');
  if (!blocks) return 'its PEM is cut off or no base64';
  if (blocks.length !== 1) return `it holds ${blocks.length} PEM blocks CERTIFICATE REQUEST, not one`;
  const outer = parseDer(blocks[0]!);
  if (!outer) return 'its octets are no DER';
  return readRequest(outer) ?? 'its structure is not that of RFC 2986';
}

/** The requested key, or null where its point does not lie on the curve. Only for a request that `isP256`. */
export function requestedKey(request: CertificateRequest): KeyObject | null {
  try {
    return createPublicKey({ key: request.spki, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** Whether the request was signed by the private half of `key`, which it must be to prove possession. */
export function isSignatureValid(request: CertificateRequest, key: KeyObject): boolean {
  try {
    return verify('sha256', request.signed, key, request.signature);
  } catch {
    return false;
  }
}

function readRequest(outer: DerValue): CertificateRequest | null {
  const [info, algorithm, signature] = exactly(3, membersOf(outer, SEQUENCE)) ?? [];
  const [version, subject, spki, attributes] = exactly(4, membersOf(info, SEQUENCE)) ?? [];
  const signatureBits = contentsOf(signature, BIT_STRING);
  const extensions = readExtensionRequest(attributes);
  const names = readSubject(subject);
  const signatureAlgorithm = membersOf(algorithm, SEQUENCE)?.[0];
  if (contentsOf(version, INTEGER) !== '\0' || !membersOf(spki, SEQUENCE) || !signatureBits?.startsWith('\0')) {
    return null;
  }
  if (!extensions || !names || !signatureAlgorithm) return null;
  const sans = readSubjectAltNames(extensions.find(({ oid }) => oid === SUBJECT_ALT_NAME));
  const isAuthority = readAuthority(extensions.find(({ oid }) => oid === BASIC_CONSTRAINTS));
  const signsCertificates = readCertSign(extensions.find(({ oid }) => oid === KEY_USAGE));
  if (!sans || isAuthority === null || signsCertificates === null) return null;
  const spkiOctets = encodeDer(spki!);
  return {
    spki: spkiOctets,
    isP256: isP256(spkiOctets),
    signatureAlgorithm: dottedOid(signatureAlgorithm) ?? 'none',
    isEcdsaSha256: isOid(signatureAlgorithm, ECDSA_WITH_SHA256),
    subject: names,
    sans,
    asksForAuthority: isAuthority || signsCertificates,
    extensions,
    signed: encodeDer(info!),
    signature: fromBinary(signatureBits.slice(1)),
  };
}

/** Extensions of the attribute `extensionRequest`; other attributes (a challenge password) ask for nothing here. */
function readExtensionRequest(attributes: DerValue | undefined): readonly Extension[] | null {
  const members = membersOf(attributes, contextTag(0));
  if (!members) return null;
  const requests = members.filter((member) => isOid(membersOf(member, SEQUENCE)?.[0], EXTENSION_REQUEST));
  if (requests.length === 0) return [];
  const values = requests.length === 1 ? membersOf(membersOf(requests[0], SEQUENCE)?.[1], SET) : null;
  return values?.length === 1 ? parseExtensions(values[0]) : null;
}

/** Name: a SEQUENCE of SETs of (type, value). */
function readSubject(subject: DerValue | undefined): CertificateRequest['subject'] | null {
  const relative = membersOf(subject, SEQUENCE);
  if (!relative) return null;
  const commonNames: string[] = [];
  let others = 0;
  for (const set of relative) {
    const attributes = membersOf(set, SET);
    if (!attributes) return null;
    for (const attribute of attributes) {
      const [type, value] = exactly(2, membersOf(attribute, SEQUENCE)) ?? [];
      if (!type || !value) return null;
      if (isOid(type, COMMON_NAME) && typeof value.value === 'string') {
        commonNames.push(fromBinary(value.value).toString('utf8'));
      } else others++;
    }
  }
  return { commonNames, others };
}

function readSubjectAltNames(extension: Extension | undefined): CertificateRequest['sans'] | null {
  const dns: string[] = [];
  const uris: string[] = [];
  let others = 0;
  const names = extension ? membersOf(parseInner(extension.value) ?? undefined, SEQUENCE) : [];
  if (!names) return null;
  for (const name of names) {
    const dnsName = contentsOf(name, contextTag(SAN_DNS));
    const uri = contentsOf(name, contextTag(SAN_URI));
    if (dnsName !== null) dns.push(dnsName);
    else if (uri !== null) uris.push(uri);
    else others++;
  }
  return { dns, uris, others };
}

/** Basic constraints are an empty SEQUENCE unless an authority is asked for; null: malformed. */
function readAuthority(extension: Extension | undefined): boolean | null {
  if (!extension) return false;
  const members = membersOf(parseInner(extension.value) ?? undefined, SEQUENCE);
  if (!members) return null;
  return members.some((member) => member.value !== '\0');
}

/** Whether key usage names `keyCertSign`, bit 5 (RFC 5280 section 4.2.1.3); null: malformed. */
function readCertSign(extension: Extension | undefined): boolean | null {
  if (!extension) return false;
  const bits = contentsOf(parseInner(extension.value) ?? undefined, BIT_STRING);
  return bits === null ? null : (bits.charCodeAt(1) & 0x04) !== 0;
}

function exactly(count: number, members: readonly DerValue[] | null): readonly DerValue[] | null {
  return members?.length === count ? members : null;
}
