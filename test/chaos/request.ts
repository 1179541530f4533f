import type { Random } from '../../core/testing/random.ts';

/** Kinds of requests. */
export const KINDS = ['get', 'post', 'unary', 'stream', 'octets'] as const;
export type Kind = (typeof KINDS)[number];

/** What is asked of an application. */
export interface Asked {
  /** Names the request in the whole run. */
  readonly id: string;
  readonly kind: Kind;
  /** Octets that are sent with it; of octets: of each piece. */
  readonly sentOctets: number;
  /** Octets of the answer, or of each of its pieces. */
  readonly octets: number;
  /** Pieces of a stream or a conversation. */
  readonly pieces: number;
  /** Before the answer begins. */
  readonly waitMs: number;
  /** Between the pieces of the answer; of octets: between what the client sends. */
  readonly pauseMs: number;
  /** A body without a declared length. */
  readonly isChunked: boolean;
}

/** Draws a request. The same `random` draws the same. */
export function drawRequest(random: Random, id: string): Asked {
  const plain = { id, sentOctets: 0, octets: sizeUpTo(random, 30_000), pieces: 1, isChunked: false };
  const waitMs = random.oneIn(4) ? random.below(200) : 0;
  const chance = random.below(100);
  if (chance < 50) return { ...plain, kind: 'get', waitMs, pauseMs: random.oneIn(5) ? random.below(100) : 0 };
  if (chance < 65) {
    const sentOctets = sizeUpTo(random, MAX_BODY_OCTETS);
    return { ...plain, kind: 'post', sentOctets, waitMs, pauseMs: 0, isChunked: random.oneIn(2) };
  }
  if (chance < 85) return { ...plain, kind: 'unary', waitMs, pauseMs: 0 };
  if (chance < 90) {
    const pieces = 2 + random.below(20);
    return { ...plain, kind: 'stream', octets: sizeUpTo(random, 8000), pieces, waitMs, pauseMs: random.below(100) };
  }
  const isLong = random.oneIn(50);
  return {
    ...plain,
    kind: 'octets',
    octets: sizeUpTo(random, isLong ? 2000 : 20_000),
    pieces: isLong ? 40 + random.below(80) : 1 + random.below(5),
    waitMs: 0,
    pauseMs: isLong ? 500 : random.below(100),
  };
}

/** From one to `limit`, as many below a thousand as above it. */
function sizeUpTo(random: Random, limit: number): number {
  return Math.max(1, Math.floor(limit ** (random.below(1001) / 1000)));
}

/** More than is kept for a retry, and than a window. */
const MAX_BODY_OCTETS = 300_000;
