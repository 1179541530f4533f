import { DEFAULT_FLOOD_BUDGET } from '../http2/flood-guard.ts';

/** What an operator may set of the limits for clients that speak HTTP. Milliseconds. */
export interface ClientLimits {
  /** From the first octet of a head (HTTP/2: of any frame or header block) to its last. */
  readonly headerTimeoutMs: number;
  /** Without an octet of a body whose length was declared, while its client may send. */
  readonly bodyTimeoutMs: number;
  /** Without taking an octet of what waits for the client: a window that stays shut, a socket that is not read. */
  readonly stallTimeoutMs: number;
  /** Without a request under way and without an octet. */
  readonly idleTimeoutMs: number;
  /** See `FloodGuard`. */
  readonly floodBudget: number;
}

export const DEFAULT_CLIENT_LIMITS: ClientLimits = {
  // A head fits a few packets; losing one of them thrice over costs 7 s.
  headerTimeoutMs: 30_000,
  // As nginx. Bodies of unknown length (gRPC, chunks) may be live and have no limit.
  bodyTimeoutMs: 60_000,
  // A slow consumer may pause a stream, and what waits for it is one window of memory; as Envoy's idle streams.
  stallTimeoutMs: 300_000,
  // Longer than any client keeps a connection that it means to use again, so that none meets its end; as Envoy.
  idleTimeoutMs: 3_600_000,
  floodBudget: DEFAULT_FLOOD_BUDGET,
};
