import { X509Certificate } from 'node:crypto';
import pem from 'node-forge/lib/pem.js';

import { fromBinary, toBinary } from './der.ts';

/**
 * What stands between `BEGIN` and the dashes (RFC 7468). `NEW` is the older form of a request, read and never written.
 */
export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'NEW CERTIFICATE REQUEST';

/** Textual encoding of RFC 7468, lines of 64 characters ended by a line feed. */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  return pem.encode({ type: label, body: toBinary(der) }, { maxline: 64 }).replaceAll('\r', '');
}

/**
 * The certificates of a chain or bundle, in order; what else stands in the text is passed over.
 *
 * @throws Error where one of the blocks is no certificate
 */
export function certificatesIn(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * Octets of every block of one of the labels, in order; blocks of other labels and text between blocks are passed over.
 *
 * @returns null when a block is cut off or is no base64
 */
export function decodePem(text: string, ...labels: PemLabel[]): Buffer[] | null {
  if (!text.includes('-----BEGIN ')) return [];
  try {
    const blocks = pem.decode(text);
    if (blocks.length !== text.split('-----BEGIN ').length - 1) return null;
    return blocks.filter(({ type }) => labels.some((label) => label === type)).map(({ body }) => fromBinary(body));
  } catch {
    return null;
  }
}
