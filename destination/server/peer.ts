import type { X509Certificate } from 'node:crypto';

import type { WorkloadExtension } from '../../api/certify.ts';
import {
  dnsIdentity,
  type IdentityDomain,
  parseSpiffeIdentity,
  type WorkloadIdentity,
} from '../../api/workload-identity.ts';
import { readWorkloadExtension } from '../../core/pki/workload-extension.ts';

/** The pod at the other end of a stream, as its certificate says. */
export interface Workload extends WorkloadIdentity, WorkloadExtension {}

/**
 * The workload that a verified certificate was made for, or a sentence saying why it names none of this control plane.
 *
 * Both of its names must agree: roots may be shared by control planes, and the DNS name alone says which one certified.
 */
export function workloadOf(certificate: X509Certificate, domain: IdentityDomain): Workload | string {
  // OpenSSL takes it for a leaf where its key usage lets it.
  if (certificate.ca) return 'the certificate is that of an authority';
  const names = (certificate.subjectAltName ?? '').split(', ');
  const uris = names.filter((name) => name.startsWith('URI:')).map((name) => name.slice('URI:'.length));
  const identity = uris.length === 1 ? parseSpiffeIdentity(uris[0]!, domain) : null;
  if (!identity) return `the certificate has no SPIFFE name of trust domain ${domain.trustDomain}`;
  if (!names.includes(`DNS:${dnsIdentity(identity, domain)}`)) {
    return `the certificate was not made by the control plane of namespace ${domain.controlNamespace}`;
  }
  const extension = readWorkloadExtension(certificate.raw);
  if (!extension) return 'the certificate names no pod';
  return { ...identity, ...extension };
}
