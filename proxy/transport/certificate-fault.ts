import type { PeerCertificate } from 'node:tls';

import type { ProxyErrorReason } from '../../api/proxy-headers.ts';

/** Why a peer's certificate is refused. */
export type CertificateFaultReason = Extract<ProxyErrorReason, `peer_certificate_${string}` | 'peer_revoked'>;

/** A peer shows a certificate that does not hold. */
export class CertificateFault extends Error {
  readonly reason: CertificateFaultReason;

  constructor(reason: CertificateFaultReason, message: string) {
    super(message);
    this.name = 'CertificateFault';
    this.reason = reason;
  }
}

/**
 * What OpenSSL has against a certificate, in words that say what to do.
 *
 * @param code of X509_V_ERR, as Node names it @param nowMs by this machine's clock, milliseconds since the epoch
 * @see https://docs.openssl.org/3.5/man3/X509_STORE_CTX_get_error/
 */
export function certificateFault(code: string, certificate: Partial<PeerCertificate>, nowMs: number): CertificateFault {
  const { valid_from: from, valid_to: to, issuer } = certificate;
  const by = issuer?.CN ?? issuer?.O ?? 'an authority without a name';
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return new CertificateFault(
        'peer_certificate_expired',
        `the peer's certificate ended at ${instant(to)}, ${between(to, nowMs)} ago by this clock: it was not renewed, or the clocks differ`,
      );
    case 'CERT_NOT_YET_VALID':
      return new CertificateFault(
        'peer_certificate_not_yet_valid',
        `the peer's certificate begins at ${instant(from)}, in ${between(from, nowMs)} by this clock: the clocks differ by at least that`,
      );
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return new CertificateFault(
        'peer_certificate_untrusted',
        "the peer's certificate is signed by itself, and no trust root",
      );
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return new CertificateFault(
        'peer_certificate_untrusted',
        `the peer's certificate by "${by}" leads to no root that is trusted here (${code}): has it the roots of this mesh?`,
      );
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return new CertificateFault(
        'peer_certificate_incomplete',
        `the peer's certificate is by "${by}", which it has not sent and which is no trust root: the chain is incomplete, or of another mesh`,
      );
    default:
      return new CertificateFault(
        'peer_certificate_unfit',
        `the peer's certificate by "${by}" is not fit for this (${code}): its usage, its form or an authority of its chain forbids it`,
      );
  }
}

function instant(text: string | undefined): string {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? 'an unknown time' : new Date(ms).toISOString();
}

/** `5m`, `12s`: how far apart, the two largest units of it. */
function between(text: string | undefined, nowMs: number): string {
  const seconds = Math.round(Math.abs(Date.parse(text ?? '') - nowMs) / 1000);
  if (Number.isNaN(seconds)) return 'some time';
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return first < 0
    ? '0s'
    : parts
        .slice(first, first + 2)
        .map(([count, unit]) => `${count}${unit}`)
        .join('');
}
