import { type CertificateRequest, readCsr } from '../../core/pki/read-certificate-request.ts';
import { Refusal } from '../refusal.ts';
import type { OwnedNames } from './rule.ts';
import { CSR_RULES } from './rules.ts';

/** Reads a PEM certificate request and puts it through every rule. */
export function checkCsr(pem: string, owned: OwnedNames): CertificateRequest | Refusal {
  if (pem.length > MAX_CSR_LENGTH) {
    return new Refusal('csr_too_large', `the certificate request is longer than ${MAX_CSR_LENGTH} octets`);
  }
  const request = readCsr(pem);
  if (typeof request === 'string') {
    return new Refusal('csr_malformed', `the certificate request cannot be read: ${request}`);
  }
  for (const rule of CSR_RULES) {
    const refusal = rule.check(request, owned);
    if (refusal) return refusal;
  }
  return request;
}

/** A P-256 request with two names is 700 octets of PEM; the contract allows 8 KiB. */
const MAX_CSR_LENGTH = 8 * 1024;
