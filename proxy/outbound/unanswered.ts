import { isIP } from 'node:net';

import type { DiscoveryFailurePolicy } from '../../api/names.ts';
import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { Failure } from '../answers.ts';
import { FIRST_ANSWER_MS } from '../control/discovery.ts';

/** What decides about targets that discovery gives no answer for in time. */
export interface UnansweredOptions {
  readonly policy: DiscoveryFailurePolicy;
  /** Whether an address is in the cluster's networks, as they are known now. */
  readonly isInside: (address: string) => boolean;
  /** Whether an address is the pod's own, which is reached within the process. */
  readonly isOwn: (address: string) => boolean;
}

/**
 * What becomes of connections to a target that discovery gives no answer for within {@link FIRST_ANSWER_MS}: "not known yet"
 * is not "outside", and the pod at an address of the cluster may demand mutual TLS.
 *
 * - `fail-cluster`: those to addresses in the cluster's networks fail, and requests for names; others are forwarded.
 * - `fail`: all fail. `forward`: none does.
 */
export class Unanswered {
  readonly #options: UnansweredOptions;

  constructor(options: UnansweredOptions) {
    this.#options = options;
  }

  /** Why a connection to it fails; null: it is forwarded as one to an address that discovery does not know. */
  failureOf({ host, port }: SocketAddress): Failure | null {
    const { policy, isInside, isOwn } = this.#options;
    if (policy === 'forward' || isOwn(host)) return null;
    if (policy === 'fail-cluster' && isIP(host) > 0 && !isInside(host)) return null;
    const message = `destination has not said what ${formatSocketAddress(host, port)} is within ${FIRST_ANSWER_MS / 1000} s`;
    return { reason: 'discovery_unavailable', message };
  }

  /** Whether a tunnel to a name may go on: it is forwarded where the name has led outside. @param address it led to */
  mayForward(address: string): boolean {
    const { policy, isInside } = this.#options;
    return policy === 'forward' || (policy === 'fail-cluster' && !isInside(address));
  }
}
