import type { X509Certificate } from 'node:crypto';

import type { WorkloadExtension } from '../../api/certify.ts';
import { CLOCK_SKEW_MS } from '../../core/pki/authority.ts';
import { createLeaf, type Signer, signerOf, type Validity } from '../../core/pki/certificate.ts';
import type { SubjectAltNames } from '../../core/pki/extension.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { type IssuerMaterial, readMaterial } from './issuer-material.ts';
import { verifyChain } from './trust-chain.ts';

/** A certificate just made. */
export interface IssuedCertificate {
  /** PEM: leaf, issuer, intermediates, without the root. */
  readonly chain: string;
  readonly leaf: string;
  readonly validity: Validity;
}

/** What a leaf is made for: a key, the names of its holder, and for how long. */
export interface LeafRequest {
  /** SubjectPublicKeyInfo octets. */
  readonly spki: Uint8Array;
  readonly sans: SubjectAltNames;
  /** null: a program of the control plane, which needs no pod behind its name. */
  readonly workload: WorkloadExtension | null;
  readonly lifetimeMs: number;
}

/** A CA that was found fit to sign: its key matches, it is valid, and its chain leads to the trust roots. */
export class Issuer {
  /** PEM of every root to trust. */
  readonly trustBundle: string;
  readonly certificate: X509Certificate;
  /** The root that the chain ends in. */
  readonly root: X509Certificate;
  /** Earliest expiry within the chain and its root: no leaf is valid beyond it. Milliseconds since the epoch. */
  readonly notAfter: number;
  readonly #signer: Signer;
  readonly #chain: string;

  /**
   * Reads and checks an issuer.
   *
   * @throws IssuerError
   */
  constructor(material: IssuerMaterial, now: number) {
    const { chain, keyPair, roots } = readMaterial(material);
    const verified = verifyChain(chain, roots, now);
    this.certificate = chain[0]!;
    this.root = verified.root;
    this.notAfter = verified.notAfter;
    this.trustBundle = roots.map(pemOf).join('');
    this.#signer = signerOf(chain[0]!, keyPair.privateKey);
    this.#chain = verified.chain.map(pemOf).join('');
  }

  /** Signs a leaf that is valid from a little before now; null when the chain expires too soon to be of use. */
  sign(request: LeafRequest, now: number): IssuedCertificate | null {
    const validity = {
      notBefore: now - CLOCK_SKEW_MS,
      notAfter: Math.min(now + request.lifetimeMs + CLOCK_SKEW_MS, this.notAfter),
    };
    if (validity.notAfter <= now) return null;
    const { spki, sans, workload } = request;
    const leaf = createLeaf({ spki, sans, workload, validity }, this.#signer);
    return { chain: leaf + this.#chain, leaf, validity };
  }
}

function pemOf(certificate: X509Certificate): string {
  return encodePem('CERTIFICATE', certificate.raw);
}
