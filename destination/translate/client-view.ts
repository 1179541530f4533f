/** Something about a client, besides its namespace, on which an answer may depend. */
export type Facet = 'node' | 'zone' | 'locality' | `label ${string}`;

/** Whose view of a target it is. */
export interface ClientPlace {
  readonly namespace: string;
  /** Empty: not known. */
  readonly node: string;
  /** Empty: not known. */
  readonly zone: string;
  /** `region/zone/subzone`, unknown parts empty. */
  readonly locality: string;
  /** Labels of the client's pod. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A client's place that remembers which part of it a computation looked at, and so who may share the result. */
export class ClientView implements Omit<ClientPlace, 'labels'> {
  readonly namespace: string;
  readonly #place: ClientPlace;
  readonly #facets = new Set<Facet>();

  constructor(place: ClientPlace) {
    this.namespace = place.namespace;
    this.#place = place;
  }

  /** What was looked at: the result holds for every client of the namespace that is the same in these. */
  get facets(): ReadonlySet<Facet> {
    return this.#facets;
  }

  /** Node of the client; to look at it makes the result hold for that node alone, as for zone and locality. */
  get node(): string {
    return this.#look('node');
  }

  get zone(): string {
    return this.#look('zone');
  }

  get locality(): string {
    return this.#look('locality');
  }

  /** The value of a label of the client's pod; null: it has none. */
  label(key: string): string | null {
    this.#facets.add(`label ${key}`);
    return this.#place.labels[key] ?? null;
  }

  /** Whether the client's pod has every one of these labels. */
  hasLabels(wanted: Readonly<Record<string, string>>): boolean {
    let hasAll = true;
    for (const [key, value] of Object.entries(wanted)) {
      this.#facets.add(`label ${key}`);
      if (this.#place.labels[key] !== value) hasAll = false;
    }
    return hasAll;
  }

  #look(facet: 'node' | 'zone' | 'locality'): string {
    this.#facets.add(facet);
    return this.#place[facet];
  }
}

/** A text that is the same for clients of a namespace that are the same in all of `facets`. */
export function viewKey(client: ClientPlace, facets: ReadonlySet<Facet>): string {
  return [...facets]
    .sort()
    .map((facet) => ` ${facet} ${JSON.stringify(facetOf(client, facet) ?? null)}`)
    .join('');
}

function facetOf(client: ClientPlace, facet: Facet): string | undefined {
  if (facet === 'node' || facet === 'zone' || facet === 'locality') return client[facet];
  return client.labels[facet.slice('label '.length)];
}
