import type { OutboundTarget } from '../../api/routing.ts';
import type { TargetKey } from '../../api/watch.ts';
import { parseSocketAddress } from '../../core/config/socket-address.ts';
import type { Failure } from '../answers.ts';
import type { Discovery, Found } from '../control/discovery.ts';
import type { EndpointContext } from './endpoint-client.ts';
import { Target } from './target.ts';
import type { Unanswered } from './unanswered.ts';

/** What a look-up leads to; see {@link Targets.find}. */
export type FoundTarget = Target | Failure | null;

/** Targets in use, by key; each follows discovery for as long as it is used. */
export class Targets {
  readonly #discovery: Discovery;
  readonly #context: EndpointContext;
  readonly #unanswered: Pick<Unanswered, 'failureOf'>;
  readonly #targets = new Map<TargetKey, { target: Target; stop: () => void; lastUsed: number }>();

  constructor(discovery: Discovery, context: EndpointContext, unanswered: Pick<Unanswered, 'failureOf'>) {
    this.#discovery = discovery;
    this.#context = context;
    this.#unanswered = unanswered;
  }

  /**
   * The target of a key, at once where it is known; null: discovery knows nothing there. A failure: it has not said what is
   * there, and nobody may be sent there without.
   */
  find(key: TargetKey): Promise<FoundTarget> | FoundTarget {
    const known = this.#targets.get(key);
    if (known) {
      known.lastUsed = performance.now();
      return known.target;
    }
    const found = this.#discovery.lookup(key);
    return found instanceof Promise
      ? found.then((description) => this.#resolve(key, description))
      : this.#resolve(key, found);
  }

  /** Whether a target of that key is in use. */
  has(key: TargetKey): boolean {
    return this.#targets.has(key);
  }

  /** Lets go of targets that nothing has used for `idleMs`. Not while destination is away: nothing is forgotten then. */
  evict(idleMs: number): void {
    const before = performance.now() - idleMs;
    for (const [key, { target, stop, lastUsed }] of this.#targets) {
      if (target.active > 0 || lastUsed > before) continue;
      this.#targets.delete(key);
      stop();
      target.retire();
    }
    this.#discovery.evict(idleMs);
  }

  /** Every target in use, for the admin port. */
  all(): readonly Target[] {
    return [...this.#targets.values()].map(({ target }) => target);
  }

  #resolve(key: TargetKey, found: Found): FoundTarget {
    if (found === null) return null;
    if (found !== 'unanswered') return this.#adopt(key, found);
    const address = parseSocketAddress(key);
    return address && this.#unanswered.failureOf(address);
  }

  #adopt(key: TargetKey, description: OutboundTarget): Target {
    const known = this.#targets.get(key);
    if (known) return known.target;
    const target = new Target(key, description, this.#context);
    const stop = this.#discovery.listen(key, (changed) => {
      if (changed && target.isDescribedBy(changed)) target.update(changed);
      else this.#forget(key);
    });
    this.#targets.set(key, { target, stop, lastUsed: performance.now() });
    return target;
  }

  /** The Service is gone, or another one has its address: what comes next is a new target. */
  #forget(key: TargetKey): void {
    const known = this.#targets.get(key);
    if (!known) return;
    this.#targets.delete(key);
    known.stop();
    known.target.retire();
  }
}
