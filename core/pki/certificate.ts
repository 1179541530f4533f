import { createHash, type KeyObject, randomBytes, sign, type X509Certificate } from 'node:crypto';

import type { WorkloadExtension } from '../../api/certify.ts';
import {
  bitString,
  contentsOf,
  contextTag,
  type DerValue,
  encodeDer,
  fromBinary,
  INTEGER,
  integer,
  membersOf,
  OCTET_STRING,
  oid,
  parseDer,
  parseInner,
  SEQUENCE,
  sequence,
  set,
  smallInteger,
  tagged,
  time,
  utf8String,
} from './der.ts';
import type { SubjectAltNames } from './extension.ts';
import {
  authorityKeyIdentifier,
  authorityKeyUsage,
  basicConstraints,
  extendedKeyUsage,
  extensionsOf,
  leafKeyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extension.ts';
import {
  BASIC_CONSTRAINTS,
  CLIENT_AUTH,
  COMMON_NAME,
  ECDSA_WITH_SHA256,
  SERVER_AUTH,
  SUBJECT_KEY_IDENTIFIER,
} from './object-identifiers.ts';
import { encodePem } from './pem.ts';
import { certificateExtensions, workloadExtension } from './workload-extension.ts';

/** Milliseconds since the epoch, both inclusive; certificates keep whole seconds. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Who signs: a name, the identifier of a key and the key, prepared once because every certificate needs them. */
export interface Signer {
  readonly name: DerValue;
  readonly keyIdentifier: Buffer;
  readonly privateKey: KeyObject;
}

/** The signer that a CA certificate stands for: its subject is copied octet for octet (RFC 5280 section 4.1.2.4). */
export function signerOf(certificate: X509Certificate, privateKey: KeyObject): Signer {
  return {
    name: subjectOf(certificate.raw),
    keyIdentifier: keyIdentifierOf(certificate),
    privateKey,
  };
}

/**
 * PEM of a leaf for TLS servers and clients.
 *
 * The subject is empty and the names are a critical extension (RFC 5280 section 4.1.2.6): a common name holds at most
 * 64 characters, which a DNS identity may exceed.
 */
export function createLeaf(
  leaf: {
    readonly spki: Uint8Array;
    readonly sans: SubjectAltNames;
    readonly workload: WorkloadExtension | null;
    readonly validity: Validity;
  },
  signer: Signer,
): string {
  return certificate(sequence(), leaf.spki, leaf.validity, signer, [
    basicConstraints(null),
    leafKeyUsage(),
    extendedKeyUsage(SERVER_AUTH, CLIENT_AUTH),
    subjectKeyIdentifier(keyIdentifier(leaf.spki)),
    authorityKeyIdentifier(signer.keyIdentifier),
    subjectAltName(leaf.sans, 'critical'),
    ...(leaf.workload ? [workloadExtension(leaf.workload)] : []),
  ]);
}

/** PEM of a certificate authority's certificate. `signer: null`: it signs itself, with `privateKey`. */
export function createAuthority(
  authority: {
    readonly commonName: string;
    readonly spki: Uint8Array;
    readonly validity: Validity;
    /** Intermediates allowed below; null: any number. */
    readonly pathLength: number | null;
  },
  signer: Signer | { readonly self: KeyObject },
): string {
  const subject = distinguishedName(authority.commonName);
  const own = keyIdentifier(authority.spki);
  const isRoot = 'self' in signer;
  const by: Signer = isRoot ? { name: subject, keyIdentifier: own, privateKey: signer.self } : signer;
  return certificate(subject, authority.spki, authority.validity, by, [
    basicConstraints({ pathLength: authority.pathLength }),
    authorityKeyUsage(),
    subjectKeyIdentifier(own),
    ...(isRoot ? [] : [authorityKeyIdentifier(by.keyIdentifier)]),
  ]);
}

/** How many authorities may stand below this one (RFC 5280 section 4.2.1.9); null: any number. */
export function pathLengthOf(certificate: X509Certificate): number | null {
  const extension = certificateExtensions(certificate.raw)?.find(({ oid }) => oid === BASIC_CONSTRAINTS);
  const members = extension && membersOf(parseInner(extension.value) ?? undefined, SEQUENCE);
  const octets = contentsOf(members?.[1], INTEGER);
  return octets === null ? null : Number.parseInt(fromBinary(octets).toString('hex'), 16);
}

/** PEM of TBSCertificate, algorithm and signature (RFC 5280 section 4.1). */
function certificate(
  subject: DerValue,
  spki: Uint8Array,
  validity: Validity,
  signer: Signer,
  extensions: readonly DerValue[],
): string {
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const body = sequence(
    tagged(0, smallInteger(VERSION_3)),
    integer(serialNumber()),
    algorithm,
    signer.name,
    sequence(time(validity.notBefore), time(validity.notAfter)),
    subject,
    parseDer(spki)!,
    extensionsOf(extensions),
  );
  const signature = sign('sha256', encodeDer(body), signer.privateKey);
  return encodePem('CERTIFICATE', encodeDer(sequence(body, algorithm, bitString(signature))));
}

/** 126 random bits below a set one: positive, never zero and always 16 octets (RFC 5280 section 4.1.2.2). */
function serialNumber(): Buffer {
  const octets = randomBytes(16);
  octets[0] = (octets[0]! & 0x3f) | 0x40;
  return octets;
}

function distinguishedName(commonName: string): DerValue {
  return sequence(set(sequence(oid(COMMON_NAME), utf8String(commonName))));
}

/** Leftmost 160 bits of the SHA-256 of the key's bits (RFC 7093 section 2, method 1). */
function keyIdentifier(spki: Uint8Array): Buffer {
  const bits = membersOf(parseDer(spki) ?? undefined, SEQUENCE)?.[1]?.value as string;
  return createHash('sha256')
    .update(fromBinary(bits.slice(1)))
    .digest()
    .subarray(0, 20);
}

/** A CA's own key identifier, which need not be made in our way; made so where the certificate has none. */
function keyIdentifierOf(certificate: X509Certificate): Buffer {
  const extension = certificateExtensions(certificate.raw)?.find(({ oid }) => oid === SUBJECT_KEY_IDENTIFIER);
  const octets = extension && contentsOf(parseInner(extension.value) ?? undefined, OCTET_STRING);
  return octets ? fromBinary(octets) : keyIdentifier(certificate.publicKey.export({ type: 'spki', format: 'der' }));
}

/** Subject of a certificate of any version: the member after issuer and validity. */
function subjectOf(certificateDer: Uint8Array): DerValue {
  const members = membersOf(membersOf(parseDer(certificateDer) ?? undefined, SEQUENCE)?.[0], SEQUENCE) ?? [];
  const first = membersOf(members[0], contextTag(0)) === null ? 0 : 1;
  return members[first + 4]!;
}

const VERSION_3 = 2;
