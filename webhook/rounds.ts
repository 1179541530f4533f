import { errorMessage } from '../core/errors/weft-error.ts';
import type { Logger } from '../core/log/log.ts';
import type { Clock, Timer } from '../core/time/clock.ts';

/** Does something again and again, one round after the other; a round that fails is logged and followed by the next. */
export class Rounds {
  readonly #name: string;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #task: () => Promise<void>;
  #timer: Timer | null = null;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(settings: {
    /** For the log: `the serving certificate could not be kept`. */
    readonly name: string;
    readonly intervalMs: number;
    readonly clock: Clock;
    readonly log: Logger;
    readonly task: () => Promise<void>;
  }) {
    this.#name = settings.name;
    this.#intervalMs = settings.intervalMs;
    this.#clock = settings.clock;
    this.#log = settings.log;
    this.#task = settings.task;
  }

  /** Starts with a round at once. */
  start(): void {
    this.#running = this.#round();
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #round(): Promise<void> {
    try {
      await this.#task();
    } catch (error) {
      this.#log.warn(`${this.#name}: ${errorMessage(error)}; trying again`);
    }
    if (this.#isStopped) return;
    this.#timer = this.#clock.after(this.#intervalMs, () => {
      this.#running = this.#round();
    });
  }
}
