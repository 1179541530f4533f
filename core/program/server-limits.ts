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
  /** Large bodies that are read at a time; not given: none is taken. */
  readonly largeBodies?: number;
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
/** Of an admin port, in plaintext. */
export const ADMIN_BOUNDS: ServerBounds = { ...DEFAULT_TIMES, connections: ADMIN_CONNECTIONS, handshakes: 0 };

/**
 * Requests under way on a connection. A client of these servers asks one thing at a time; who sends hundreds in a packet,
 * whether he reads no answer (HTTP/1.1) or takes each back at once (HTTP/2), would have every one parsed, served and logged.
 */
export const MOST_UNDER_WAY = 8;
/** Requests that a client of HTTP/2 may take back at once, and one more for each second of its connection. */
export const MOST_TAKEN_BACK = 20;

/** What a limit is of, as a server bounds it, and what happens above it; docs/reference/limits.md is made from it. */
export const SERVER_LIMITS: Readonly<
  Record<ServerLimit, { readonly what: string; readonly above: string; bound(bounds: ServerBounds): string }>
> = {
  connection_limit: {
    what: 'connections, which addresses share fairly',
    above: 'reset; the oldest without a request of the address that has most of those',
    bound: ({ connections }) => String(connections),
  },
  handshake_limit: {
    what: 'handshakes under way, which addresses share fairly; one begins in a turn of the event loop',
    above: 'reset, the oldest of the address that has most',
    bound: ({ handshakes }) => (handshakes === 0 ? '–' : String(handshakes)),
  },
  handshake_timeout: {
    what: 'a handshake',
    above: 'reset',
    bound: ({ handshakes, handshakeMs }) => (handshakes === 0 ? '–' : seconds(handshakeMs)),
  },
  header_timeout: {
    what: 'from the handshake to the end of the first head',
    above: 'reset',
    bound: ({ headMs }) => seconds(headMs),
  },
  body_timeout: { what: 'a body, from the end of its head', above: 'reset', bound: ({ bodyMs }) => seconds(bodyMs) },
  body_limit: {
    what: 'bodies of more than 64 KiB that are read at a time; others wait',
    above: 'closed, the oldest of the address that has most',
    bound: ({ largeBodies }) => (largeBodies === undefined ? '–' : String(largeBodies)),
  },
  stall_timeout: {
    what: 'an answer that its client does not take',
    above: 'reset',
    bound: ({ stallMs }) => seconds(stallMs),
  },
  request_limit: { what: 'requests under way on a connection', above: 'reset', bound: () => String(MOST_UNDER_WAY) },
  rapid_reset: {
    what: 'requests that a client of HTTP/2 takes back, and one more a second',
    above: 'reset',
    bound: () => String(MOST_TAKEN_BACK),
  },
};

function seconds(ms: number): string {
  return ms === Infinity ? '–' : `${ms / 1000} s`;
}
