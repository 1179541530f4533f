import type { Failure } from '../answers.ts';

/** What is known of a failed request or connection. Paths are cut; no header or body is kept. */
export interface FailureDetails {
  readonly target: string;
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly endpoint: string;
}

interface Entry extends FailureDetails {
  readonly time: string;
  readonly direction: 'inbound' | 'outbound';
  readonly reason: string;
  readonly message: string;
}

/** Recent failures kept for `/why`: enough for one incident, 256 of at most about 1 KiB. */
const CAPACITY = 256;

/** The last failures that this proxy answered itself, newest last. */
export class FailureLog {
  #entries: Entry[] = [];

  /** Keeps a failure, for which the oldest goes where there are {@link CAPACITY}. */
  add(direction: 'inbound' | 'outbound', failure: Failure, details: FailureDetails): void {
    if (this.#entries.length >= CAPACITY) this.#entries.shift();
    this.#entries.push({
      time: new Date().toISOString(),
      direction,
      reason: failure.reason,
      message: failure.message,
      ...details,
      path: details.path.slice(0, 512),
    });
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }
}
