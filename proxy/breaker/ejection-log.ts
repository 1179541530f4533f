import type { Log } from '../log.ts';
import type { EjectionCause } from './breaker.ts';

/** Whose ejections a line is about. */
export interface EjectedEndpoint {
  /** `address:port`. */
  readonly id: string;
  /** Empty: unknown. */
  readonly pod: string;
}

/**
 * Says in the log that endpoints of a backend are left out and taken back: a line a second at most, which counts what
 * was not said since the one before it.
 */
export class EjectionLog {
  readonly #log: Log;
  readonly #backend: Readonly<Record<string, string>>;
  #lastMs = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  /** @param backend fields that name it */
  constructor(log: Log, backend: Readonly<Record<string, string>>) {
    this.#log = log;
    this.#backend = backend;
  }

  /** Logs an ejection, or counts it for the next line where there was one within {@link QUIET_MS}. */
  ejected(endpoint: EjectedEndpoint, reason: EjectionCause, durationMs: number, nowMs: number): void {
    this.#say(endpoint, { reason, forMs: Math.round(durationMs) }, 'endpoint ejected', nowMs);
  }

  /** @param outMs how long it was left out */
  returned(endpoint: EjectedEndpoint, outMs: number, nowMs: number): void {
    this.#say(endpoint, { afterMs: Math.round(outMs) }, 'endpoint is back', nowMs);
  }

  #say({ id, pod }: EjectedEndpoint, details: Readonly<Record<string, unknown>>, message: string, nowMs: number): void {
    if (nowMs - this.#lastMs < QUIET_MS) {
      this.#unlogged++;
      return;
    }
    this.#lastMs = nowMs;
    const unlogged = this.#unlogged;
    this.#unlogged = 0;
    const fields = { ...this.#backend, endpoint: id, ...(pod !== '' && { pod }), ...details };
    this.#log.info({ ...fields, ...(unlogged > 0 && { unlogged }) }, message);
  }
}

/** An endpoint that flaps must not fill the log of every client. */
const QUIET_MS = 1000;
