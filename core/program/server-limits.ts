/** What a client of a server of the control plane can exceed, as `weft_limit_exceeded_total` names it. */
export type ServerLimit =
  | 'connection_limit'
  | 'handshake_limit'
  | 'handshake_timeout'
  | 'header_timeout'
  | 'body_timeout'
  | 'body_limit'
  | 'stall_timeout'
  | 'request_limit'
  | 'rapid_reset';

/** What the clients of one server may cost. Times in milliseconds. */
export interface ServerBounds {
  /** Connections in all; see `FairShare` for what an address may have of them. */
  readonly connections: number;
  /** TLS handshakes under way, among the connections: each takes some 75 KiB (make bench CASE=hostile). */
  readonly handshakes: number;
  /** From accepting to the handshake's end. */
  readonly handshakeMs: number;
  /** From there, or in plaintext from accepting, to the end of the first head. */
  readonly headMs: number;
  /** From a request's head to the end of its body; Infinity: bodies are live. */
  readonly bodyMs: number;
  /** From the end of an answer until its client has taken it. */
  readonly stallMs: number;
  /** Without a request under way; what has begun to come of the next does not count. */
  readonly idleMs: number;
}

/**
 * Times of a client that is at work. A handshake and a head are a packet or two each way: losing one three times over
 * costs 7 s. A client asks again at once or goes away, and an answer is a megabyte at most.
 */
export const DEFAULT_TIMES = {
  handshakeMs: 10_000,
  headMs: 10_000,
  bodyMs: 10_000,
  stallMs: 10_000,
  idleMs: 30_000,
} as const satisfies Partial<ServerBounds>;

/**
 * Connections of an admin port. The kubelet has one for each probe, Prometheus one or two, a port-forward some; whoever
 * holds fewer than another finds room in any case. A scrape that is not read holds up to 0.8 MiB.
 */
export const ADMIN_CONNECTIONS = 64;
