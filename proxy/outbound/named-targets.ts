import { isIP } from 'node:net';

import type { TargetKey } from '../../api/watch.ts';
import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import type { OutboundContext } from './outbound-context.ts';
import { OutboundRequest } from './request.ts';
import { Target } from './target.ts';
import type { FoundTarget, Targets } from './targets.ts';
import { WaitingRequest } from './waiting-request.ts';

/** Targets by names that applications write: discovery is asked, though not for every name that anybody can think of. */
export class NamedTargets {
  readonly #targets: Targets;
  readonly #context: OutboundContext;
  /** Names that discovery does not know; strangers choose them, so there is a bound. */
  readonly #unknown = new Set<TargetKey>();
  #unknownSinceMs = performance.now();

  constructor(targets: Targets, context: OutboundContext) {
    this.#targets = targets;
    this.#context = context;
  }

  /** Takes a request to where it names, `address`; null, or a name that nobody knows or speaks of: to where it was going. */
  request(
    stream: ServerStream,
    head: RequestHead,
    end: boolean,
    { address, original, client }: { address: SocketAddress | null; original: Target; client: string },
  ): StreamListener {
    // An address says no more than the original destination, and less reliably.
    const found = address && isIP(address.host) === 0 ? this.find(address) : null;
    const known = (target: FoundTarget) => (target instanceof Target ? target : original);
    if (found instanceof Promise)
      return new WaitingRequest(stream, head, end, this.#context, client).follow(found.then(known), original);
    return new OutboundRequest(stream, head, end, known(found), this.#context, client);
  }

  /** Asks discovery, unless too many names were unknown of late. */
  find({ host, port }: SocketAddress): Promise<FoundTarget> | FoundTarget {
    const key = formatSocketAddress(host.toLowerCase().replace(/\.$/, ''), port);
    if (performance.now() - this.#unknownSinceMs > UNKNOWN_PERIOD_MS) {
      this.#unknown.clear();
      this.#unknownSinceMs = performance.now();
    }
    if (this.#unknown.size >= MAX_UNKNOWN && !this.#unknown.has(key) && !this.#targets.has(key)) return null;
    const found = this.#targets.find(key);
    return found instanceof Promise ? found.then((target) => this.#note(key, target)) : this.#note(key, found);
  }

  #note(key: TargetKey, target: FoundTarget): FoundTarget {
    if (target instanceof Target) this.#unknown.delete(key);
    else this.#unknown.add(key);
    return target;
  }
}

/** Names that discovery is asked about for nothing, at about 300 octets each here and there. */
const MAX_UNKNOWN = 1000;
/** Unused targets are let go of after this time too (proxy.ts). */
const UNKNOWN_PERIOD_MS = 10 * 60_000;
