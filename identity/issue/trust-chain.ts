import type { X509Certificate } from 'node:crypto';

import { pathLengthOf } from '../../core/pki/certificate.ts';
import { IssuerError } from './issuer-material.ts';

/** A chain that leads to a root. */
export interface VerifiedChain {
  /** Issuer and intermediates in order, without the root and without certificates that are not on the way. */
  readonly chain: readonly X509Certificate[];
  readonly root: X509Certificate;
  /** Earliest expiry of all of them, milliseconds since the epoch. */
  readonly notAfter: number;
}

/**
 * Follows the signatures from the issuer, the first of `certificates`, to one of the roots. The others may come in any
 * order, since Secrets are put together by hand.
 *
 * @throws IssuerError `issuer_not_ca`, `issuer_expired`, `issuer_not_yet_valid` or `issuer_not_trusted`
 */
export function verifyChain(
  certificates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: number,
): VerifiedChain {
  const chain: X509Certificate[] = [];
  for (let next: X509Certificate | undefined = certificates[0]; next; ) {
    const certificate: X509Certificate = next;
    checkAuthority(certificate, now);
    chain.push(certificate);
    // Of roots that share name and key (a renewed root) the one that lasts longest is the anchor, as for a verifier.
    const root = roots
      .filter((candidate) => isIssuedBy(certificate, candidate) && isValid(candidate, now))
      .sort((a, b) => b.validToDate.getTime() - a.validToDate.getTime())[0];
    if (root) {
      // A root that signs leaves itself is its own issuer; peers have it, so it stays out of the chain they are sent.
      checkPathLengths([...chain, ...(chain.at(-1)!.raw.equals(root.raw) ? [] : [root])]);
      const sent = chain.filter((member) => !member.raw.equals(root.raw));
      const notAfter = Math.min(...[...chain, root].map((member) => member.validToDate.getTime()));
      return { chain: sent, root, notAfter };
    }
    next = certificates.find((candidate) => !chain.includes(candidate) && isIssuedBy(certificate, candidate));
  }
  throw new IssuerError(
    'issuer_not_trusted',
    `the chain of the issuer "${nameOf(certificates[0]!)}" leads to none of the ${roots.length} trust roots in force`,
    'add the root to the ConfigMap of trust roots first, and wait for proxies to have it',
  );
}

function checkAuthority(certificate: X509Certificate, now: number): void {
  const name = nameOf(certificate);
  if (!certificate.ca) {
    throw new IssuerError('issuer_not_ca', `"${name}" is no certificate authority: it lacks CA:TRUE or keyCertSign`);
  }
  if (certificate.validToDate.getTime() <= now) {
    throw new IssuerError(
      'issuer_expired',
      `"${name}" expired at ${certificate.validToDate.toISOString()}`,
      'put a renewed issuer into its place; it is read again within seconds',
    );
  }
  if (certificate.validFromDate.getTime() > now) {
    throw new IssuerError(
      'issuer_not_yet_valid',
      `"${name}" is valid from ${certificate.validFromDate.toISOString()} only`,
    );
  }
}

/** Each authority may limit how many authorities stand below it (RFC 5280 section 4.2.1.9). */
function checkPathLengths(path: readonly X509Certificate[]): void {
  for (const [below, certificate] of path.entries()) {
    if ((pathLengthOf(certificate) ?? below) >= below) continue;
    throw new IssuerError(
      'issuer_path_too_long',
      `"${nameOf(certificate)}" allows fewer authorities below itself than the ${below} of this chain`,
    );
  }
}

function isIssuedBy(certificate: X509Certificate, candidate: X509Certificate): boolean {
  return candidate.ca && certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey);
}

function isValid(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && certificate.validToDate.getTime() > now;
}

function nameOf(certificate: X509Certificate): string {
  // node says undefined of an empty subject, whatever its types say.
  const subject: string | undefined = certificate.subject;
  return subject?.replaceAll('\n', ', ') ?? certificate.subjectAltName ?? '';
}
