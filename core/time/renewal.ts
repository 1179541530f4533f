/** Share of a certificate's life after which another is asked for: a third is left for what goes wrong then. */
const RENEWAL_SHARE = 2 / 3;

/**
 * Milliseconds to wait before a certificate is renewed that is valid for `remainingMs` more: two thirds of them, up to a
 * twentieth earlier or later, so that what started together does not renew together; at least {@link MIN_RENEWAL_MS}.
 *
 * @param random in [0, 1)
 */
export function renewalDelay(remainingMs: number, random: () => number = Math.random): number {
  return Math.max(MIN_RENEWAL_MS, remainingMs * (RENEWAL_SHARE + (random() - 0.5) * SPREAD));
}

/** Whether so much of a life is over that a certificate is to be renewed; all in milliseconds since the epoch. */
export function isRenewalDue(notBefore: number, notAfter: number, now: number): boolean {
  return now - notBefore >= (notAfter - notBefore) * RENEWAL_SHARE;
}

const SPREAD = 0.1;
/** Below this, renewal would be a load of its own; linkerd2-proxy's minimum is 10 s, ours allows short lives in tests. */
const MIN_RENEWAL_MS = 1000;
