/** How many values of a label, which others choose, have series of their own; those beyond share {@link OTHER}. */
export class LabelValues {
  readonly #most: number;
  readonly #known = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The value where it is among the first that came, else {@link OTHER}. */
  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#most) return OTHER;
    this.#known.add(value);
    return value;
  }
}

/** Stands for every value beyond those that have series of their own. */
export const OTHER = 'other';

/**
 * Labels whose values come from outside and are of no closed set, with how many have series of their own. The identities of
 * clients are of the mesh, but whoever may create service accounts may create many; a Service with more than a hundred kinds
 * of clients is rare.
 */
export const OUTSIDE_LABELS: Readonly<Record<string, number>> = { client_id: 100 };
