/** How many clients are told the same: all of a namespace, those of one zone of it, those of one node. */
export type ViewScope = 'namespace' | 'zone' | 'node';

/** Whose view of a target it is. */
export interface ClientPlace {
  readonly namespace: string;
  /** Empty: not known. */
  readonly node: string;
  /** Empty: not known. */
  readonly zone: string;
}

/** A client's place that remembers which part of it a computation looked at, and so who may share the result. */
export class ClientView implements ClientPlace {
  readonly namespace: string;
  readonly #place: ClientPlace;
  #scope: ViewScope = 'namespace';

  constructor(place: ClientPlace) {
    this.namespace = place.namespace;
    this.#place = place;
  }

  /** What the result holds for. */
  get scope(): ViewScope {
    return this.#scope;
  }

  get node(): string {
    this.#scope = 'node';
    return this.#place.node;
  }

  get zone(): string {
    if (this.#scope === 'namespace') this.#scope = 'zone';
    return this.#place.zone;
  }
}

/** Whether a result for `scope` holds for all that `other` names. */
export function isFiner(scope: ViewScope, other: ViewScope): boolean {
  return SCOPES.indexOf(scope) > SCOPES.indexOf(other);
}

const SCOPES: readonly ViewScope[] = ['namespace', 'zone', 'node'];
