/** What holds towards the endpoints of a backend: balancing, limits, circuit breaking. Durations are milliseconds. */

/**
 * How an endpoint is chosen. `peak-ewma`: Linkerd's, by latency and load. `least-request`: power of two choices by requests
 * under way. `consistent-hash`: requests of one key go to one endpoint; one without a key goes to any.
 */
export interface Balancer {
  readonly algorithm: 'peak-ewma' | 'least-request' | 'round-robin' | 'random' | 'consistent-hash';
  readonly hash?: ConsistentHash;
  /** An endpoint that comes late gets less at first. Source: DestinationRule `warmup`. */
  readonly slowStart?: { readonly windowMs: number; readonly minimumFraction: number; readonly aggression: number };
  /**
   * Groups of endpoints by nearness. Of those with the lowest `priority` that have enough healthy endpoints, one is chosen
   * by `weight`; the share that a priority cannot take spills over to the next. Absent: one group.
   */
  readonly localities?: readonly { readonly name: string; readonly priority: number; readonly weight: number }[];
}

/**
 * What of a request is its key, and the table that says which endpoint a key belongs to. Source: DestinationRule,
 * "ConsistentHashLB".
 */
export interface ConsistentHash {
  readonly key:
    | { readonly header: string }
    /** `ttlMs` null: never set by the proxy; 0: a cookie of the session. */
    | {
        readonly cookie: string;
        readonly path: string;
        readonly ttlMs: number | null;
        /** Of the cookie that the proxy sets, `SameSite=Strict`; absent: `HttpOnly` alone. */
        readonly attributes?: readonly string[];
      }
    | { readonly query: string }
    | { readonly source: 'ip' };
  /** `ring-hash`: at least `size` points; `maglev`: a table of `size`, a prime. */
  readonly table: 'ring-hash' | 'maglev';
  readonly size: number;
}

/**
 * Bounds of one proxy towards one backend. Absent: none, or the proxy's own setting. Source: DestinationRule
 * `connectionPool`. What goes over one is answered with 503 (`overflow`) at once.
 */
export interface ConnectionLimits {
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  /** Requests that wait for a connection. */
  readonly maxPendingRequests?: number;
  /** Requests under way. */
  readonly maxRequests?: number;
  /** Retries under way. */
  readonly maxRetries?: number;
  /** Requests after which a connection is closed; 1: a connection for each. */
  readonly maxRequestsPerConnection?: number;
  readonly maxConcurrentStreams?: number;
  /** 0: a connection that is not used is kept. */
  readonly idleTimeoutMs?: number;
  readonly maxConnectionMs?: number;
  readonly tcpKeepAlive?: TcpKeepAlive;
  /** PINGs on HTTP/2 connections: after how long without an octet, and how long their answer may take. */
  readonly http2KeepAlive?: { readonly quietMs: number; readonly answerMs: number };
  /** HTTP/1.1 requests go to endpoints without a proxy as HTTP/2 (`h2UpgradePolicy: UPGRADE`). */
  readonly upgradesToHttp2?: boolean;
}

/** When the kernel probes a silent connection. Absent: as the proxy and the kernel have it. Source: DestinationRule `tcpKeepalive`. */
export interface TcpKeepAlive {
  /** Until the first probe. */
  readonly timeMs?: number;
  /** Between probes; whole seconds. */
  readonly intervalMs?: number;
  /** Probes without an answer after which the connection is given up, 1 to 127. */
  readonly probes?: number;
}

/** When an endpoint is left out for a while. */
export type CircuitBreaker = ConsecutiveFailures | SuccessRate | OutlierDetection;

/** Penalties grow from `minPenaltyMs` to `maxPenaltyMs`, by a random share of up to `jitterRatio` longer. Source: Linkerd. */
export interface Penalty {
  readonly minPenaltyMs: number;
  readonly maxPenaltyMs: number;
  /** 0 to 100. */
  readonly jitterRatio: number;
}

/** After `maxFailures` in a row an endpoint gets nothing for the penalty, then one request that decides. */
export interface ConsecutiveFailures extends Penalty {
  readonly kind: 'consecutive-failures';
  readonly maxFailures: number;
}

/** As {@link ConsecutiveFailures}, also once the share of successes in a window falls below a threshold. */
export interface SuccessRate extends Penalty {
  readonly kind: 'success-rate';
  readonly maxFailures: number;
  /** 0 to 1. */
  readonly threshold: number;
  readonly windowMs: number;
  readonly minRequests: number;
}

/** Source: DestinationRule `outlierDetection`; Envoy, outlier detection. A count of 0 switches that detector off. */
export interface OutlierDetection {
  readonly kind: 'outlier-detection';
  readonly consecutive5xx: number;
  readonly consecutiveGatewayErrors: number;
  /** Only where {@link splitsLocalOrigin}; else what has no answer counts as 5xx and as gateway error. */
  readonly consecutiveLocalFailures: number;
  readonly splitsLocalOrigin: boolean;
  /** Statuses that count as 5xx, in place of 500 to 599, and those of them that are gateway errors. Absent: those. */
  readonly errorStatuses?: readonly number[];
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** 0 to 100, of all endpoints; one may always be ejected while another is left. */
  readonly maxEjectionPercent: number;
  /** 0 to 100: with fewer left, ejections are not looked at (panic). 0: never. */
  readonly minHealthPercent: number;
}
