import type { StringMatch } from './string-match.ts';

/** What routes do to requests and answers, in the model of routing.ts. */

/**
 * What happens to a request and its answer besides being forwarded. `redirect`, `respond` and `cors` answer in the
 * backend's stead, in this order: cors, fault, redirect, respond.
 */
export interface Filters {
  readonly requestHeaders?: HeaderChange;
  readonly responseHeaders?: HeaderChange;
  readonly rewrite?: Rewrite;
  readonly redirect?: Redirect;
  readonly respond?: DirectResponse;
  readonly cors?: Cors;
  readonly fault?: Fault;
  readonly mirrors?: readonly Mirror[];
}

/** Applied in the order remove, set, add. Names in lower case. */
export interface HeaderChange {
  readonly set?: readonly HeaderEntry[];
  readonly add?: readonly HeaderEntry[];
  readonly remove?: readonly string[];
}

/** A field to set or add, its name in lower case. */
export interface HeaderEntry {
  readonly name: string;
  /** Pieces that are put together; a text is a single piece. */
  readonly value: string | readonly HeaderPiece[];
}

/** Literal text, the value of a request header (empty where it is absent), or something known of the request. */
export type HeaderPiece =
  | string
  | { readonly requestHeader: string }
  | { readonly variable: 'client-address' | 'client-ip' | 'protocol' | 'route' | 'start-time' };

/** `path` and `authority` are independent of each other. */
export interface Rewrite {
  readonly authority?: string;
  readonly path?: PathRewrite;
}

/**
 * Exactly one field is set; the query stays. `prefix` replaces the text that the route's path match matched (`strip`
 * long in characters) and keeps whole segments whole; `regex` replaces every match with `substitution`, whose `\1` is a group.
 */
export interface PathRewrite {
  readonly full?: string;
  readonly prefix?: { readonly strip: string; readonly replacement: string; readonly isSegments: boolean };
  readonly regex?: { readonly pattern: string; readonly substitution: string };
}

/** Absent parts are those of the request. */
export interface Redirect {
  /** 301, 302, 303, 307 or 308. */
  readonly status: number;
  readonly scheme?: string;
  readonly host?: string;
  /** `request`: the port that the request came to; absent: that of the scheme where `scheme` is given, else the request's. */
  readonly port?: number | 'request' | 'scheme';
  readonly path?: PathRewrite;
}

/** An answer that the proxy gives itself, without asking a backend. Source: VirtualService, "HTTPDirectResponse". */
export interface DirectResponse {
  /** 200 to 599. */
  readonly status: number;
  /** Base64, since bodies need not be text; at most 1 MiB of octets. */
  readonly body: string;
}

/** Cross-origin resource sharing. Source: https://fetch.spec.whatwg.org/#http-cors-protocol */
export interface Cors {
  /** Any of them; `{ prefix: '' }` allows every origin. */
  readonly origins: readonly StringMatch[];
  readonly methods: readonly string[];
  readonly requestHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  /** Seconds; null: not said. */
  readonly maxAge: number | null;
  readonly hasCredentials: boolean;
  /** Preflights of origins that are not allowed go to the application. */
  readonly forwardsUnmatched: boolean;
}

/** Drawn independently for each request; a delay comes before an abort. Fractions are 0 to 1. */
export interface Fault {
  readonly delay?: { readonly fraction: number; readonly ms: number };
  readonly abort?:
    | { readonly fraction: number; readonly status: number }
    | { readonly fraction: number; readonly grpc: number };
}

/** A copy of the request whose answer nobody waits for. */
export interface Mirror {
  readonly backend: string;
  /** 0 to 1. */
  readonly fraction: number;
}
