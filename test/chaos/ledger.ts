import type { Kind } from './request.ts';

/**
 * How a request ended.
 *
 * - `right`: the whole answer, as it was meant
 * - `refused`: a whole answer that is a proxy's, with a status and a reason
 * - `broken`: reset, before the answer or in it
 * - `short`: octets that ended in order too early
 * - `wrong`: anything else that was received: other octets, another request's, an early end that looks whole
 * - `hang`: nothing of that in time
 */
export type Outcome = 'right' | 'refused' | 'broken' | 'short' | 'wrong' | 'hang';

/** What became of a request. Times are milliseconds since 1970. */
export interface Entry {
  readonly id: string;
  readonly kind: Kind;
  /** Pod that sent it. */
  readonly client: string;
  readonly beganMs: number;
  readonly endedMs: number;
  /** Octets of its body. */
  readonly sentOctets: number;
  /** Pod that served it, or that its refusal names; null: it is not known. */
  readonly pod: string | null;
  readonly outcome: Outcome;
  /** The application's answer had begun: nobody could try again. */
  readonly hasBegun: boolean;
  /** Status, reason and text of a refusal, or the error; empty: it is right. */
  readonly detail: string;
}

/** The last line of a client: so many requests were sent, and each has an entry. */
export interface Total {
  readonly sent: number;
}

/** What is said of the requests so far: each is counted, and those that did not end well are kept. */
export class Ledger {
  readonly failures: Entry[] = [];
  /** Requests by kind and outcome, `get right`. */
  readonly counts = new Map<string, number>();
  /** Requests that clients have sent, once they have said so. */
  sent = 0;
  /** Clients that have said so. */
  ended = 0;
  #slowestMs = 0;
  #total = 0;
  /** Of the right answers to GET and unary calls since {@link takeMedianMs}, milliseconds. */
  #tookMs: number[] = [];

  get total(): number {
    return this.#total;
  }

  /** The longest that a request took which ended well. */
  get slowestMs(): number {
    return this.#slowestMs;
  }

  /** Takes a line of a client. @returns the entry; null: it is its last line */
  take(line: string): Entry | null {
    const said = JSON.parse(line) as Entry | Total;
    if ('sent' in said) {
      this.sent += said.sent;
      this.ended++;
      return null;
    }
    this.#total++;
    const key = `${said.kind} ${said.outcome}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    if (said.outcome !== 'right') this.failures.push(said);
    else {
      this.#slowestMs = Math.max(this.#slowestMs, said.endedMs - said.beganMs);
      if (said.kind === 'get' || said.kind === 'unary') this.#tookMs.push(said.endedMs - said.beganMs);
    }
    return said;
  }

  /** The median time of the right answers to GET and unary calls since this was last asked, milliseconds; 0: there were none. */
  takeMedianMs(): number {
    const sorted = this.#tookMs.sort((a, b) => a - b);
    this.#tookMs = [];
    return sorted[sorted.length >> 1] ?? 0;
  }

  /** Requests with an outcome. */
  count(outcome: Outcome): number {
    return [...this.counts].reduce((sum, [key, count]) => sum + (key.endsWith(` ${outcome}`) ? count : 0), 0);
  }
}
