import { X509Certificate } from 'node:crypto';
import {
  DEFAULT_IDENTITY_DOMAIN,
  dnsIdentity,
  type IdentityDomain,
  spiffeIdentity,
} from '../../api/workload-identity.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import type { ServingCertificate } from '../../core/tls/serving-certificate.ts';

/** PEM of a certificate chain and its key. */
export interface TestCredentials {
  readonly chain: string;
  readonly key: string;
}

/** A certificate authority for tests: it certifies whatever it is asked for. */
export class TestAuthority {
  readonly root = createRoot({ commonName: 'test root', lifetimeMs: 3_600_000 });
  readonly #issuer = createIssuer({ commonName: 'test issuer', lifetimeMs: 3_600_000 }, this.root);
  readonly domain: IdentityDomain;

  constructor(domain: IdentityDomain = DEFAULT_IDENTITY_DOMAIN) {
    this.domain = domain;
  }

  /** PEM of the root. */
  get bundle(): string {
    return this.root.certificate;
  }

  /** Credentials of a pod; `pod: null` leaves the pod out of the certificate. */
  certify(
    workload: { namespace: string; serviceAccount: string; pod: string | null; uid: string },
    options: { lifetimeMs?: number; domain?: IdentityDomain } = {},
  ): TestCredentials {
    const keyPair = generateKeyPair();
    const domain = options.domain ?? this.domain;
    const now = Date.now();
    const chain = this.certifyKey(spkiOf(keyPair.publicKey), {
      sans: { dns: [dnsIdentity(workload, domain)], uris: [spiffeIdentity(workload, domain)] },
      workload: workload.pod === null ? null : { pod: workload.pod, uid: workload.uid },
      validity: { notBefore: now - 60_000, notAfter: now + (options.lifetimeMs ?? 3_600_000) },
    });
    return { chain, key: privateKeyPem(keyPair) };
  }

  /** What a server of the control plane serves with, under an account of its namespace. */
  serving(serviceAccount: string): ServingCertificate {
    const { controlNamespace: namespace } = this.domain;
    const { chain, key } = this.certify({ namespace, serviceAccount, pod: serviceAccount, uid: serviceAccount });
    return { cert: chain, key };
  }

  /** PEM chain of a certificate for a key that somebody else holds. */
  certifyKey(spki: Uint8Array, leaf: Omit<Parameters<typeof createLeaf>[0], 'spki'>): string {
    const signer = signerOf(new X509Certificate(this.#issuer.certificate), this.#issuer.keyPair.privateKey);
    return `${createLeaf({ spki, ...leaf }, signer)}${this.#issuer.certificate}`;
  }
}
