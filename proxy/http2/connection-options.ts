import { DEFAULT_FLOOD_BUDGET } from './flood-guard.ts';
import type { WindowBudget } from './window-growth.ts';

/** Settings of our side. Each has a default with its reason. */
export interface ConnectionOptions {
  /** Header names keep their case (between our own proxies). */
  readonly keepCase: boolean;
  /** Streams that the peer may have open at once, 1 to 2^31-1. 250: with 64 KiB windows a connection holds 16 MiB at most. */
  readonly maxConcurrentStreams: number;
  /** Octets a peer may send on a stream before the reader has taken them; also what we hold at most, but for growth. */
  readonly streamWindow: number;
  /** What a stream's window may grow to. 2 MiB: 20 MB/s where a round trip takes 100 ms. */
  readonly maxStreamWindow: number;
  /** What windows may grow by in all, shared between connections; null: they do not grow. */
  readonly windowBudget: WindowBudget | null;
  /** Largest header list accepted (section 6.5.2). 64 KiB: what the largest known applications send. */
  readonly maxHeaderListSize: number;
  /** Fields of a header list. 256: common servers take 100 (Apache, Tomcat, Envoy), so nobody needs more. */
  readonly maxHeaderFields: number;
  /** See `FloodGuard`. */
  readonly floodBudget: number;
  /** The peer was cut off just before, and begins with `PROBATION_SHARE` of the budget. */
  readonly onProbation: boolean;
  /** Monotonic milliseconds; the engine has no clock of its own. */
  readonly nowMs: () => number;
}

export const DEFAULT_CONNECTION_OPTIONS: ConnectionOptions = {
  keepCase: false,
  maxConcurrentStreams: 250,
  streamWindow: 65_535,
  maxStreamWindow: 32 * 65_535,
  windowBudget: null,
  maxHeaderListSize: 65_536,
  maxHeaderFields: 256,
  floodBudget: DEFAULT_FLOOD_BUDGET,
  onProbation: false,
  nowMs: () => 0,
};
