import type { Filters } from '../../../api/filters.ts';
import type { Predicate } from '../../../api/predicate.ts';
import type { RetryPolicy, Timeouts } from '../../../api/routing.ts';
import type { RouteAnnotations } from '../linkerd/route-annotations.ts';
import type { Meta } from '../meta.ts';

/** An HTTPRoute or GRPCRoute as far as it is attached to Services (GAMMA, GEP-1294), or to Servers of Linkerd. */
export interface MeshRoute extends Meta {
  readonly kind: 'HTTPRoute' | 'GRPCRoute';
  /** API group: two have an HTTPRoute. */
  readonly group: 'gateway.networking.k8s.io' | 'policy.linkerd.io';
  /** Services whose requests it routes. */
  readonly parents: readonly ServiceParent[];
  /** Servers whose requests have to be of it, or of another route. */
  readonly servers: readonly { readonly namespace: string; readonly name: string }[];
  /** Something in it is wrong, so that nobody knows which requests to its Servers it takes. */
  readonly isFaulty: boolean;
  /** In lower case; of requests to Servers. Empty: any. */
  readonly hostnames: readonly string[];
  readonly rules: readonly RouteRule[];
  /** Linkerd's annotations of the route; null: it has none. */
  readonly annotations: RouteAnnotations | null;
}

/** A Service that a route is attached to, or one port of it. Source: Gateway API, "ParentReference". */
export interface ServiceParent {
  readonly namespace: string;
  readonly name: string;
  /** null: every port. */
  readonly port: number | null;
  /** Name of the Service's port; empty: any. */
  readonly sectionName: string;
}

/**
 * What becomes of the requests that any of its matches (at least one) takes. Source: Gateway API,
 * "HTTPRouteRule" and "GRPCRouteRule".
 */
export interface RouteRule {
  /** Empty: it has none. */
  readonly name: string;
  /** `spec.rules[0]`. */
  readonly path: string;
  readonly matches: readonly RouteMatch[];
  readonly filters: RuleFilters;
  readonly backends: readonly RuleBackend[];
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy | null;
}

/** A set of conditions that all hold, with what decides between routes that take the same request. */
export interface RouteMatch {
  readonly when: Predicate;
  /** Compared number by number; the greater one comes first. */
  readonly specificity: readonly number[];
  /** The prefix that a rewrite may replace; null: the path is matched in another way. */
  readonly prefix: string | null;
}

/** Filters as they are written: what a path becomes depends on the match, and backends are not yet looked up. */
export interface RuleFilters {
  readonly fixed: Pick<Filters, 'requestHeaders' | 'responseHeaders' | 'cors'>;
  readonly rewrite: { readonly host?: string; readonly path?: PathModifier } | null;
  readonly redirect: RuleRedirect | null;
  readonly mirrors: readonly { readonly backend: RuleBackend; readonly fraction: number }[];
  /** A filter that is unknown: the rule answers 500, as the specification has it. */
  readonly isUnusable: boolean;
}

/**
 * An answer that sends the client elsewhere; absent parts are those of the request. Source: Gateway API,
 * "HTTPRequestRedirectFilter".
 */
export interface RuleRedirect {
  readonly status: number;
  readonly scheme?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: PathModifier;
}

/** What becomes of a path: another one, or another prefix in place of the one that matched. Exactly one is set. */
export interface PathModifier {
  readonly full?: string;
  readonly prefix?: string;
}

/** A Service that gets a share of the requests by its weight, 0 or more. Source: Gateway API, "HTTPBackendRef". */
export interface RuleBackend {
  /** `spec.rules[0].backendRefs[1]`. */
  readonly path: string;
  /** null: it is no Service. */
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number } | null;
  readonly weight: number;
  readonly filters: RuleFilters;
}

export const NO_FILTERS: RuleFilters = { fixed: {}, rewrite: null, redirect: null, mirrors: [], isUnusable: false };
