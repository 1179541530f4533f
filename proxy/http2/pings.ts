import { writePing } from './frame-writer.ts';
import type { Wire } from './message.ts';

/** Why we sent a PING: to measure the round trip, to see whether a window holds the peer back, or to end gently. */
export type PingPurpose = 'round-trip' | 'growth' | 'drain';

/**
 * The PINGs of a connection. Ours differ by their opaque octets, which the answer repeats.
 *
 * Spec: RFC 9113 section 6.7.
 */
export class Pings {
  readonly #wire: Wire;
  readonly #nowMs: () => number;
  /** When the one that measures was sent; -1: none is under way. */
  #sentMs = -1;

  /** @param nowMs monotonic milliseconds */
  constructor(wire: Wire, nowMs: () => number) {
    this.#wire = wire;
    this.#nowMs = nowMs;
  }

  send(purpose: PingPurpose): void {
    if (purpose === 'round-trip') this.#sentMs = this.#nowMs();
    writePing(this.#wire, false, OPAQUE[purpose], 0);
    this.#wire.touch();
  }

  /** Answers the peer's, whose opaque octets begin at `start`. */
  answer(bytes: Uint8Array, start: number): void {
    writePing(this.#wire, true, bytes, start);
    this.#wire.touch();
  }

  /** Which of ours an answer is to. */
  purposeOf(bytes: Uint8Array, start: number): PingPurpose {
    if (bytes[start] === OPAQUE.drain[0]) return 'drain';
    return bytes[start] === OPAQUE.growth[0] ? 'growth' : 'round-trip';
  }

  /** The one that measures was answered. @returns how long it took, milliseconds; -1: nobody had asked */
  answered(): number {
    if (this.#sentMs < 0) return -1;
    const roundTripMs = this.#nowMs() - this.#sentMs;
    this.#sentMs = -1;
    return roundTripMs;
  }
}

const OPAQUE: Readonly<Record<PingPurpose, Uint8Array>> = {
  'round-trip': Uint8Array.of(0x77, 0x65, 0x66, 0x74, 0x70, 0x69, 0x6e, 0x67),
  growth: Uint8Array.of(0x67, 0x72, 0x6f, 0x77, 0x74, 0x68, 0x3f, 0x3f),
  drain: Uint8Array.of(0x64, 0x72, 0x61, 0x69, 0x6e, 0x69, 0x6e, 0x67),
};
