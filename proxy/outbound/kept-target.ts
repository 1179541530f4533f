import { carriageOf, outgoing } from '../routing/carriage.ts';
import { Target } from './target.ts';
import type { FoundTarget, Targets } from './targets.ts';

/**
 * What a connection that the application keeps is for. Its target may go and come back, or another one may come to its
 * address: what is asked next is for whatever is there then.
 */
export class KeptTarget {
  readonly #targets: Pick<Targets, 'find'>;
  readonly #onGone: () => void;
  #target: Target;
  /** As it was when it was last looked at. */
  #description: Target['description'];

  /** @param onGone nothing is there any more, or no HTTP: the connection ends after what is under way */
  constructor(target: Target, targets: Pick<Targets, 'find'>, onGone: () => void) {
    this.#targets = targets;
    this.#onGone = onGone;
    this.#target = target;
    this.#description = target.description;
    target.active++;
  }

  /** The target of what is asked now; null: there is none. A failure: nobody has said yet. */
  now(): Promise<FoundTarget> | FoundTarget {
    if (this.#target.isRetired) {
      const found = this.#targets.find(this.#target.key);
      return found instanceof Promise ? found.then((target) => this.#replace(target)) : this.#replace(found);
    }
    if (this.#description !== this.#target.description) this.#look();
    return this.#target;
  }

  /** The connection is over. */
  release(): void {
    this.#target.active--;
  }

  #replace(target: FoundTarget): FoundTarget {
    if (!(target instanceof Target)) {
      if (target === null) this.#onGone();
      return target;
    }
    if (target === this.#target) return target;
    this.#target.active--;
    target.active++;
    this.#target = target;
    this.#look();
    return target;
  }

  #look(): void {
    this.#description = this.#target.description;
    if (carriageOf(outgoing(this.#description.protocol)) === 'octets') this.#onGone();
  }
}
