import type { X509Certificate } from 'node:crypto';

import { ISSUER_SECRET, TRUST_ROOTS_CONFIG_MAP } from '../../api/names.ts';
import type { Notice } from '../../core/kubernetes/event-writer.ts';
import { isNearItsEnd } from '../../core/pki/authority.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import type { Issuer } from './issuer.ts';

/**
 * What is to be said of authorities of which less than a fifth of their life is left. Pure.
 *
 * @param namespace of the control plane @param now milliseconds since the epoch
 */
export function expiryWarnings(
  { certificate, root }: Pick<Issuer, 'certificate' | 'root'>,
  namespace: string,
  now: number,
): Notice[] {
  return [
    warning('issuer', certificate, { kind: 'Secret', name: ISSUER_SECRET }, namespace, now),
    warning('root', root, { kind: 'ConfigMap', name: TRUST_ROOTS_CONFIG_MAP }, namespace, now),
  ].filter((notice) => notice !== null);
}

function warning(
  level: string,
  certificate: X509Certificate,
  object: { readonly kind: string; readonly name: string },
  namespace: string,
  now: number,
): Notice | null {
  if (!isNearItsEnd(certificate, now)) return null;
  const { validToDate } = certificate;
  const when = validToDate.getTime() <= now ? 'ended' : 'ends';
  return {
    subject: { apiVersion: 'v1', namespace, ...object },
    reason: 'AuthorityExpiring',
    action: 'Certify',
    note: `the ${level} ${when} at ${validToDate.toISOString()}, and no certificate lives longer: weft identity rotate replaces it`,
  };
}

/** Says it at once and every {@link INTERVAL_MS}. */
export class ExpiryWarnings {
  readonly #issuer: () => Issuer;
  readonly #clock: Clock;
  readonly #onWarning: (notice: Notice) => void;
  readonly #namespace: string;
  #timer: Timer | null = null;

  constructor(options: {
    readonly issuer: () => Issuer;
    readonly clock: Clock;
    /** Of the control plane. */
    readonly namespace: string;
    readonly onWarning: (notice: Notice) => void;
  }) {
    this.#issuer = options.issuer;
    this.#clock = options.clock;
    this.#namespace = options.namespace;
    this.#onWarning = options.onWarning;
  }

  start(): void {
    for (const notice of expiryWarnings(this.#issuer(), this.#namespace, this.#clock.now())) this.#onWarning(notice);
    this.#timer = this.#clock.after(INTERVAL_MS, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

/** An Event lives for an hour, and of many alike one is kept. */
const INTERVAL_MS = 3_600_000;
