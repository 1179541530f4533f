/**
 * The routing model that every dialect compiles to and that the proxy knows. JSON-safe: it crosses the watch.
 * Durations are integer milliseconds, ports 1 to 65535. Lists are ordered: the first match wins.
 */

export type Protocol = 'detect' | 'http1' | 'http2' | 'grpc' | 'tls' | 'opaque';

/** Which requests a route takes. `segments` is a path prefix of whole segments (Gateway API `PathPrefix`). */
export type Predicate =
  | { readonly all: readonly Predicate[] }
  | { readonly any: readonly Predicate[] }
  | { readonly not: Predicate }
  | { readonly method: string }
  | { readonly path: PathMatch }
  | { readonly header: string; readonly value: StringMatch }
  | { readonly authority: StringMatch };

/** Exactly one field is set. `regex` is RE2 syntax, anchored at both ends, against the path without its query. */
export interface PathMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly segments?: string;
  readonly regex?: string;
}

export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

/** Whether an answer counts as a failure. The first class whose condition holds decides. */
export interface ResponseClass {
  readonly when: ResponsePredicate;
  readonly isFailure: boolean;
}

export type ResponsePredicate =
  | { readonly all: readonly ResponsePredicate[] }
  | { readonly any: readonly ResponsePredicate[] }
  | { readonly not: ResponsePredicate }
  /** Inclusive bounds, 100 to 599. */
  | { readonly status: { readonly min: number; readonly max: number } };

export interface Timeouts {
  /** Whole request with every attempt, until the answer's headers have arrived. 0: none. */
  readonly requestMs: number;
}

export interface RetryPolicy {
  /** Which outcomes are tried again: answers classified as failures, or only unprocessed requests. */
  readonly on: readonly ('failure' | 'connect-failure' | 'refused-stream')[];
  /** Attempts after the first; 0: bounded by the budget alone. */
  readonly limit: number;
  /** Octets of request body kept for replay; a longer body is never sent twice. */
  readonly maxBodyBytes: number;
}

/** Retries allowed beside ordinary requests, per Service. Source: Linkerd ServiceProfile `retryBudget`. */
export interface RetryBudget {
  /** Retries per ordinary request, 0 to 1000. */
  readonly ratio: number;
  /** Retries a second that are always allowed. */
  readonly minPerSecond: number;
  /** Window over which ordinary requests count, 1,000 to 60,000 ms. */
  readonly windowMs: number;
}

export const DEFAULT_RETRY_BUDGET: RetryBudget = { ratio: 0.2, minPerSecond: 10, windowMs: 10_000 };

/** One alternative of a split. A weight of 0 gets nothing. */
export interface WeightedBackend {
  readonly backend: string;
  readonly weight: number;
}

export interface Route {
  /** Value of the metric label `rt_route`; empty for the default route, which has no such label. */
  readonly name: string;
  readonly when: Predicate;
  /** Backends by key of {@link OutboundTarget.backends}; empty: the target's own backend. Inbound: always empty. */
  readonly split: readonly WeightedBackend[];
  readonly timeouts: Timeouts;
  /** null: only what provably never reached the application is tried again. */
  readonly retry: RetryPolicy | null;
  readonly classes: readonly ResponseClass[];
  /** The object that wrote this route, `ServiceProfile/default/api.default.svc.cluster.local`. */
  readonly origin: string;
}

/** What an outbound address or name is for. */
export interface OutboundTarget {
  /** FQDN of the Service (`api.default.svc.cluster.local`), or the address of a pod. */
  readonly name: string;
  /** `pod`: one address dialled directly; forwarded to exactly that endpoint. */
  readonly kind: 'service' | 'pod';
  readonly port: number;
  readonly protocol: Protocol;
  /** Metric labels of the target, e.g. `dst_service`, `dst_namespace`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly routes: readonly Route[];
  readonly retryBudget: RetryBudget;
  /** Endpoint sets by key. The target's own is {@link OWN_BACKEND}. */
  readonly backends: Readonly<Record<string, Backend>>;
}

/** Key of a target's own endpoints among its backends. */
export const OWN_BACKEND = '';

export interface Backend {
  readonly service: string;
  readonly port: number;
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  /** Pod UID, or `<ip>:<port>` where there is no pod: a reused address is a new endpoint. */
  readonly uid: string;
  /** IPv4 or IPv6 literal. */
  readonly address: string;
  readonly port: number;
  /** Mutual TLS demanded of the endpoint; null: it has no proxy and is spoken to in the clear. */
  readonly tls: EndpointTls | null;
  /** What the application behind it speaks, where known. */
  readonly protocol: Protocol;
  /** Metric labels: `dst_pod`, `dst_deployment`, `dst_serviceaccount`, `dst_namespace`, `dst_zone`, … */
  readonly labels: Readonly<Record<string, string>>;
}

export interface EndpointTls {
  /** DNS identity that the certificate must carry; also the SNI. */
  readonly identity: string;
  /** Whose proxy answers. */
  readonly mesh: 'weft' | 'linkerd' | 'istio';
  /** `transparent`: dial the application's port. `direct`: dial `inboundPort` and name the port in a transport header. */
  readonly mode: 'transparent' | 'direct';
  readonly inboundPort: number;
}

/** What a proxy enforces for its own pod. */
export interface InboundConfig {
  readonly defaultPolicy: InboundPolicy;
  /** Ports with settings of their own; any other port has the default policy, no routes and detection. */
  readonly ports: readonly InboundPort[];
  /** CIDRs of the cluster, for the `cluster-*` policies. */
  readonly clusterNetworks: readonly string[];
}

export interface InboundPort {
  readonly port: number;
  readonly protocol: Protocol;
  readonly policy: InboundPolicy;
  /** Routes by Service name: the request's authority picks the profile. Key `''`: the pod's own route profile. */
  readonly routes: Readonly<Record<string, readonly Route[]>>;
}

/** A named default policy. Later dialects add rules beside it. */
export interface InboundPolicy {
  readonly mode:
    | 'all-unauthenticated'
    | 'all-authenticated'
    | 'cluster-unauthenticated'
    | 'cluster-authenticated'
    | 'deny'
    | 'audit';
  /** The object that decided: `annotation/pod/default/web-1`, `default`. */
  readonly origin: string;
}
