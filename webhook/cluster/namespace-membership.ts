import type { NamespaceLookup } from '../admission/inject-review.ts';
import type { Membership } from '../admission/validate-review.ts';
import type { ForeignFamilies } from '../inject/settings.ts';
import { asks, wishOf } from '../inject/wish.ts';

/** Tells by their labels and annotations which namespaces ask for this mesh. */
export class NamespaceMembership implements Membership {
  readonly #namespaces: NamespaceLookup;
  readonly #families: () => ForeignFamilies;

  constructor(namespaces: NamespaceLookup, families: () => ForeignFamilies) {
    this.#namespaces = namespaces;
    this.#families = families;
  }

  /** One that cannot be looked up is not: its objects are warned of and let in. */
  async isOurs(namespace: string): Promise<boolean> {
    try {
      return asks(wishOf(null, await this.#namespaces.get(namespace), this.#families()));
    } catch {
      return false;
    }
  }
}
