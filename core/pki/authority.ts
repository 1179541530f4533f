import { X509Certificate } from 'node:crypto';

import { createAuthority, signerOf } from './certificate.ts';
import { generateKeyPair, type KeyPair, spkiOf } from './key-pair.ts';

/** A certificate authority: its certificate as PEM and its key. */
export interface Authority {
  readonly certificate: string;
  readonly keyPair: KeyPair;
}

/** Whose certificate an authority gets, and for how long from `now` on. */
export interface AuthoritySettings {
  /** At most 64 characters (RFC 5280 appendix A, ub-common-name). */
  readonly commonName: string;
  readonly lifetimeMs: number;
  /** Milliseconds since the epoch; the present unless given. */
  readonly now?: number;
}

/** A new self-signed root with a new key, valid from {@link CLOCK_SKEW_MS} before now. */
export function createRoot(settings: AuthoritySettings): Authority {
  const keyPair = generateKeyPair();
  const certificate = createAuthority(
    { ...describe(settings, keyPair), pathLength: null },
    { self: keyPair.privateKey },
  );
  return { certificate, keyPair };
}

/** A new issuer with a new key below `root`: it signs leaves only, and does not outlive the root. */
export function createIssuer(settings: AuthoritySettings, root: Authority): Authority {
  const keyPair = generateKeyPair();
  const parent = new X509Certificate(root.certificate);
  const { validity, ...rest } = describe(settings, keyPair);
  const notAfter = Math.min(validity.notAfter, parent.validToDate.getTime());
  const certificate = createAuthority(
    { ...rest, validity: { notBefore: validity.notBefore, notAfter }, pathLength: 0 },
    signerOf(parent, root.keyPair.privateKey),
  );
  return { certificate, keyPair };
}

function describe({ commonName, lifetimeMs, now = Date.now() }: AuthoritySettings, keyPair: KeyPair) {
  return {
    commonName,
    spki: spkiOf(keyPair.publicKey),
    validity: { notBefore: now - CLOCK_SKEW_MS, notAfter: now + lifetimeMs },
  };
}

/**
 * How far the clock of a peer may be off, either way, milliseconds. Certificates are valid so much earlier, and leaves so
 * much longer, than asked. Nodes of real clusters stand 5 to 30 s apart.
 */
export const CLOCK_SKEW_MS = 60_000;

/** Whether less than a fifth of an authority's life is left, which is when an operator is told. @param now milliseconds since the epoch */
export function isNearItsEnd({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validToDate.getTime() - now < (validToDate.getTime() - validFromDate.getTime()) / 5;
}
