import type { AccessRoute, AccessRule, PodAccess } from './access-policy.ts';
import type { Filters } from './filters.ts';
import type { Predicate } from './predicate.ts';
import type { TokenRule } from './request-authentication.ts';
import type { Balancer, CircuitBreaker, ConnectionLimits } from './traffic-policy.ts';

/**
 * The routing model that every dialect compiles to and that the proxy knows. JSON-safe: it crosses the watch.
 * Durations are integer milliseconds, ports 1 to 65535. Lists are ordered: the first match wins. A field that is
 * optional is left out where it says nothing, so that a plain Service stays a short message.
 */

/**
 * What a port carries, as it is declared: `http1`, `http2` and `grpc` are HTTP, `tls` is the application's own TLS, `opaque` are
 * octets that nobody looks at; `detect`: nothing is declared, and the first words decide (docs/adr/0008).
 */
export type Protocol = 'detect' | 'http1' | 'http2' | 'grpc' | 'tls' | 'opaque';

/** Whether an answer counts as a failure. The first class whose condition holds decides. */
export interface ResponseClass {
  readonly when: ResponsePredicate;
  readonly isFailure: boolean;
}

/** Which answers a class takes, by their HTTP status; `all` of none holds, `any` of none does not. */
export type ResponsePredicate =
  | { readonly all: readonly ResponsePredicate[] }
  | { readonly any: readonly ResponsePredicate[] }
  | { readonly not: ResponsePredicate }
  | { readonly status: StatusRange };

/** Inclusive bounds, 100 to 599. */
export interface StatusRange {
  readonly min: number;
  readonly max: number;
}

/** 0 or absent: none. Each ends in 504, or in a reset where the answer has begun. */
export interface Timeouts {
  /** Every attempt, until the answer's head has arrived. Source: ServiceProfile `timeout`. */
  readonly headMs?: number;
  /** The whole exchange with every attempt. Source: VirtualService and Gateway API `timeout`, `timeout.linkerd.io/request`. */
  readonly requestMs?: number;
  /** From the end of the request (or the answer's head, if that comes first) to the end of the answer. */
  readonly responseMs?: number;
  /** Without an octet either way. */
  readonly idleMs?: number;
}

/**
 * Outcomes of an attempt that are tried again.
 *
 * - `failure`: an answer that the route classifies as one, or none; `reset`: no answer came, the connection's end included.
 * - `connect-failure`, `refused-stream`: what provably never reached the application. Tried again without any rule too.
 * - `head-timeout`: {@link RetryPolicy.perTryMs} went by.
 * - `retriable-header`: the answer has a header of `headers`.
 */
export interface RetryConditions {
  readonly outcomes: readonly (
    | 'failure'
    | 'reset'
    | 'connect-failure'
    | 'refused-stream'
    | 'head-timeout'
    | 'retriable-header'
  )[];
  readonly statuses?: readonly StatusRange[];
  /** Codes of gRPC, 1 to 16, in the answer's head (an answer without messages). */
  readonly grpc?: readonly number[];
  /** Names in lower case. */
  readonly headers?: readonly string[];
}

/**
 * When and how often a route's requests are sent again, within the target's {@link RetryBudget}. Source: ServiceProfile
 * `isRetryable`, VirtualService `retries`, Gateway API `retry`, `retry.linkerd.io/*`.
 */
export interface RetryPolicy {
  readonly on: RetryConditions;
  /** Attempts after the first; 0: bounded by the budget alone. */
  readonly limit: number;
  /** Octets of request body kept for replay; a longer body is never sent twice. */
  readonly maxBodyBytes: number;
  /** One attempt, until its answer's head. 0 or absent: none. */
  readonly perTryMs?: number;
  /** Wait before the n-th retry: uniform in [0, min(maxMs, (2^n - 1) * baseMs)). Absent: none. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** An endpoint that was tried may be tried again at once. Absent: another is preferred. */
  readonly reusesEndpoints?: boolean;
  /** Groups of nearness ({@link Balancer.localities}) that were tried are avoided too. */
  readonly leavesLocality?: boolean;
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
  /** Applied after the route's own; where both say the same thing, these hold. */
  readonly filters?: Filters;
}

/** What holds for the requests that it takes: the first of a list whose predicate holds takes a request. */
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
  readonly filters?: Filters;
  /** The object that wrote this route, `ServiceProfile/default/api.default.svc.cluster.local`. */
  readonly origin: string;
  /** Where in that object, `spec.http[0]`. Absent: the object as a whole. */
  readonly path?: string;
}

/** Which connections a route takes whose octets are passed on as they are. */
export interface ConnectionRoute {
  /** Any of these server names, in lower case, `*.` for one or more labels; absent: whatever it is, or no TLS at all. */
  readonly sni?: readonly string[];
  /** Chosen per connection. */
  readonly split: readonly WeightedBackend[];
  readonly origin: string;
  readonly path?: string;
}

/** What an outbound address or name is for. */
export interface OutboundTarget {
  /** FQDN of the Service (`api.default.svc.cluster.local`), host of a ServiceEntry, or the address of a pod. */
  readonly name: string;
  /** `pod`: one address dialled directly; forwarded to exactly that endpoint. */
  readonly kind: 'service' | 'pod';
  readonly port: number;
  readonly protocol: Protocol;
  /**
   * The address is nobody's, but requests that come to it may name a host that is known on this port: by their authority,
   * or the server name of TLS. Absent: the address decides.
   */
  readonly byHost?: true;
  /** Metric labels of the target, e.g. `dst_service`, `dst_namespace`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly routes: readonly Route[];
  /** What a request gets that no route takes: the target's own backend, or 404 (absent: the backend). */
  readonly unmatched?: 'not-found';
  /** The first that takes the connection; none does: the target's own backend. Absent: none. */
  readonly connectionRoutes?: readonly ConnectionRoute[];
  readonly retryBudget: RetryBudget;
  /** Requests may say themselves how they are retried and timed out. Absent: headers that ask for it go on as they are. */
  readonly requestOverrides?: 'allowed';
  /** Endpoint sets by key. The target's own is {@link OWN_BACKEND}. */
  readonly backends: Readonly<Record<string, Backend>>;
}

/** Key of a target's own endpoints among its backends. */
export const OWN_BACKEND = '';

/** A set of endpoints that are interchangeable, and the traffic policy that holds towards them. */
export interface Backend {
  readonly service: string;
  readonly port: number;
  /** Pods of the Service that a DestinationRule tells apart; absent: all. */
  readonly subset?: string;
  readonly endpoints: readonly Endpoint[];
  /** Absent: `peak-ewma`. */
  readonly balancer?: Balancer;
  readonly limits?: ConnectionLimits;
  readonly breaker?: CircuitBreaker;
  /**
   * What its requests get while it has no endpoint. Absent: they wait for one for 3 s and then get 504 (`fail_fast`).
   * 503 (`no_endpoint`) and 500 (`backend_unknown`) come at once.
   */
  readonly whenEmpty?: 500 | 503;
}

/** One address that serves a backend: a pod's, or that of a host outside the cluster. */
export interface Endpoint {
  /** Pod UID, or `<ip>:<port>` where there is no pod: a reused address is a new endpoint. */
  readonly uid: string;
  /** IPv4 or IPv6 literal, or a DNS name outside the cluster, which the proxy resolves whenever it connects. */
  readonly address: string;
  readonly port: number;
  /** Mutual TLS demanded of the endpoint; null: it has no proxy and is spoken to in the clear. */
  readonly tls: EndpointTls | null;
  /** What the application behind it speaks, where known. */
  readonly protocol: Protocol;
  /** Metric labels: `dst_pod`, `dst_deployment`, `dst_serviceaccount`, `dst_namespace`, `dst_zone`, … */
  readonly labels: Readonly<Record<string, string>>;
  /** Index of {@link Balancer.localities}; absent: 0. */
  readonly locality?: number;
}

/** How the proxy of an endpoint is reached, and whom it must prove to be: otherwise the request fails. */
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
  /** What all ports demand besides. Absent: nothing. */
  readonly access?: PodAccess;
  /** How tokens of requests are checked, on all ports. Absent: none is looked at. */
  readonly tokenRules?: readonly TokenRule[];
}

/** What a proxy enforces on one port of its pod's application. */
export interface InboundPort {
  readonly port: number;
  readonly protocol: Protocol;
  readonly policy: InboundPolicy;
  /** Whom it lets in besides: the authorizations of a Server. Absent: nobody. */
  readonly authorizations?: readonly AccessRule[];
  /** What its requests have to be of, the first that takes one; others get 404. Absent: they may be anything. */
  readonly accessRoutes?: readonly AccessRoute[];
  /** Routes by Service name: the request's authority picks the profile. Key `''`: the pod's own route profile. */
  readonly routes: Readonly<Record<string, readonly Route[]>>;
  readonly rateLimit?: RateLimit;
}

/**
 * Requests a second that this proxy alone lets through, with bursts of one second's worth: of all clients, of each client
 * identity (those without one share a bucket), or of named identities instead. Source: Linkerd `HTTPLocalRateLimitPolicy`.
 */
export interface RateLimit {
  readonly totalPerSecond?: number;
  readonly identityPerSecond?: number;
  /** `clients` are identities in DNS form. */
  readonly overrides?: readonly { readonly perSecond: number; readonly clients: readonly string[] }[];
  readonly origin: string;
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
