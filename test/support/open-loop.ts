import { Agent, type RequestOptions, request } from 'node:http';

/** A request that was sent when its time had come. */
export interface Sent {
  /** Since the load began, milliseconds. */
  readonly atMs: number;
  /** 0: no answer yet, or none. */
  status: number;
  /** Infinity: no answer yet. */
  ms: number;
}

/** Requests by the clock, whatever becomes of those before: unlike a closed loop it does not slow down with the server. */
export class OpenLoop {
  readonly sent: Sent[] = [];
  readonly #options: (index: number) => RequestOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #startMs = performance.now();
  readonly #rate: number;
  #timer: NodeJS.Timeout;
  #open = 0;

  /** @param rate requests a second @param options of the request with a number */
  constructor(rate: number, options: (index: number) => RequestOptions) {
    this.#rate = rate;
    this.#options = options;
    this.#timer = setInterval(() => this.#send(), 2);
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  /** Sends no more, and waits up to `graceMs` for what is under way. */
  async end(graceMs = 2000): Promise<readonly Sent[]> {
    clearInterval(this.#timer);
    const until = performance.now() + graceMs;
    while (this.#open > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    this.#agent.destroy();
    return this.sent;
  }

  #send(): void {
    const due = Math.floor((this.elapsedMs / 1000) * this.#rate);
    while (this.sent.length < due) {
      const sent: Sent = { atMs: this.elapsedMs, status: 0, ms: Number.POSITIVE_INFINITY };
      const startMs = performance.now();
      const index = this.sent.push(sent) - 1;
      this.#open++;
      const done = (status: number) => {
        if (sent.ms !== Number.POSITIVE_INFINITY) return;
        sent.status = status;
        sent.ms = performance.now() - startMs;
        this.#open--;
      };
      request({ agent: this.#agent, ...this.#options(index) }, (answer) => {
        answer.resume();
        answer.on('end', () => done(answer.statusCode!));
        answer.on('error', () => done(0));
      })
        .on('error', () => done(0))
        .end();
    }
  }
}

/** The latency that a share of the requests does not exceed, milliseconds. */
export function quantile(sent: readonly Sent[], share: number): number {
  const sorted = sent.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
