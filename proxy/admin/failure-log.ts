import type { Failure } from '../answers.ts';

/** What is known of a failed request or connection. No header or body is kept, and of a query that there was one. */
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

/** Recent failures kept for `/why`: enough for one incident, 256 of at most about 1.5 KiB. */
const CAPACITY = 256;
/** Characters kept of each text, most of which strangers choose. */
const MOST = { message: 400, target: 256, route: 256, method: 32, path: 256, endpoint: 128 } as const;

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
      message: cut(failure.message, MOST.message),
      target: cut(details.target, MOST.target),
      route: cut(details.route, MOST.route),
      method: cut(details.method, MOST.method),
      path: cut(withoutQuery(details.path), MOST.path),
      endpoint: cut(details.endpoint, MOST.endpoint),
    });
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }
}

/** Queries carry tokens and whom a request is about, and anybody may read this. */
function withoutQuery(path: string): string {
  const at = path.indexOf('?');
  return at < 0 ? path : Buffer.from(`${path.slice(0, at)}?…`).toString();
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // A copy: the part of a string keeps all of it alive.
  return Buffer.from(`${text.slice(0, most - 1)}…`).toString();
}
