import type { PeerCertificate } from 'node:tls';

/**
 * Names of one kind in Node's text form of the SAN extension; a quoted entry (hostile characters) names nobody, and nor
 * does the certificate of an authority, which OpenSSL takes for a leaf where its key usage lets it.
 *
 * @param kind with its colon
 */
export function alternativeNames(certificate: PeerCertificate, kind: 'DNS:' | 'URI:'): string[] {
  if (certificate.ca) return [];
  const text = certificate.subjectaltname ?? '';
  if (text.includes('"')) return [];
  return text
    .split(', ')
    .filter((entry) => entry.startsWith(kind))
    .map((entry) => entry.slice(kind.length));
}
