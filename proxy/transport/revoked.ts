import type { PeerCertificate } from 'node:tls';

import { canonicalSerial, type Revocations } from '../../api/revocations.ts';
import { parseDnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import { alternativeNames } from './alternative-names.ts';

/** The certificates and workloads that are not trusted any more, as destination has last said. */
export class Revoked {
  readonly #serials: ReadonlySet<string>;
  readonly #identities: ReadonlySet<string>;

  constructor({ serials, identities }: Revocations) {
    this.#serials = new Set(serials);
    this.#identities = new Set(identities);
  }

  get isEmpty(): boolean {
    return this.#serials.size === 0 && this.#identities.size === 0;
  }

  /** What of a certificate is revoked, as a sentence; null: nothing is. Linkerd's name a workload by its DNS name alone. */
  faultOf(certificate: PeerCertificate): string | null {
    if (this.isEmpty) return null;
    const serial = canonicalSerial(certificate.serialNumber ?? '') ?? '';
    if (this.#serials.has(serial)) return `the certificate with serial number ${serial} is revoked`;
    const workloads = [
      ...alternativeNames(certificate, 'URI:'),
      ...alternativeNames(certificate, 'DNS:').flatMap((name) => {
        const workload = parseDnsIdentity(name);
        return workload ? [spiffeIdentity(workload, workload)] : [];
      }),
    ];
    const identity = workloads.find((name) => this.#identities.has(name));
    return identity === undefined ? null : `the identity ${identity} is revoked`;
  }
}
