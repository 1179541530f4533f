/**
 * `GET /callers` of a proxy's admin port, for loopback: who has come in, by what it proved, where to and as what. Nothing of what
 * was said, and no path beyond the name of a route. `weft audit` reads it.
 */
export const CALLERS_PAGE = '/callers';

/** Body of {@link CALLERS_PAGE}. */
export interface CallersPage {
  /** When the proxy began to keep count, RFC 3339. */
  readonly since: string;
  /** Callers that there was no room for: what is not in the list may still have happened. */
  readonly dropped: number;
  readonly callers: readonly CallerEntry[];
}

/** One way in which somebody has come in. */
export interface CallerEntry {
  /** DNS identity; empty: it proved none. */
  readonly identity: string;
  /** SPIFFE URI; empty: it has none. */
  readonly spiffe: string;
  /** Of the client; empty where it has an identity, since pods come and go. */
  readonly address: string;
  /** The pod itself. */
  readonly isLocal: boolean;
  /** That the workload listens on. */
  readonly port: number;
  readonly carried: 'http' | 'octets';
  /** Of HTTP; empty: of octets, or none that is registered. */
  readonly method: string;
  /** Name of the route; empty: none. */
  readonly route: string;
  /** A probe that policies let by. */
  readonly isProbe: boolean;
  /** Requests, or connections of octets. */
  readonly count: number;
  /** How many of them policy refused. */
  readonly refused: number;
  /** The last of them, RFC 3339. */
  readonly last: string;
}
