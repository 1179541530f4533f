import { errorMessage, WeftError } from '../../core/errors/weft-error.ts';
import type { Logger } from '../../core/log/log.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import { Issuer } from './issuer.ts';
import type { IssuerMaterial } from './issuer-material.ts';
import type { IssuerSource } from './issuer-source.ts';

/** How often the source of the issuer is read again, milliseconds. */
export const ISSUER_POLL_MS = 5_000;

/** What {@link CurrentIssuer} follows, every {@link ISSUER_POLL_MS} by `clock`. */
export interface CurrentIssuerSettings {
  readonly source: IssuerSource;
  /** Tries what an issuer signs before it is put in force. @throws IssuerError when it will not do */
  readonly trial: (issuer: Issuer, now: number) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The issuer in force. It is replaced when its source changes, and kept where the new one is not fit to sign.
 *
 * The source is polled: notifications of a mounted Secret, whose files are links that move, get lost (linkerd2 issue
 * 15109), and a poll needs no second way for when they do.
 */
export class CurrentIssuer {
  readonly #settings: CurrentIssuerSettings;
  readonly #listeners: ((issuer: Issuer) => void)[] = [];
  #issuer: Issuer;
  /** The texts last looked at, fit or not, so that each change is judged and reported once. */
  #seen: string;
  #timer: Timer | null = null;
  /** Changes that were not fit, since the start. */
  rejectedChanges = 0;

  private constructor(settings: CurrentIssuerSettings, issuer: Issuer, seen: string) {
    this.#settings = settings;
    this.#issuer = issuer;
    this.#seen = seen;
  }

  /**
   * Reads the issuer for the first time.
   *
   * @throws IssuerError when it is not fit to sign, or what the source throws when it cannot be read
   */
  static async load(settings: CurrentIssuerSettings): Promise<CurrentIssuer> {
    const material = await settings.source.read();
    return new CurrentIssuer(settings, await fitIssuer(material, settings), JSON.stringify(material));
  }

  get(): Issuer {
    return this.#issuer;
  }

  /** Calls `listener` after each replacement. */
  onChange(listener: (issuer: Issuer) => void): void {
    this.#listeners.push(listener);
  }

  /** Reads the source again every {@link ISSUER_POLL_MS} until {@link stop}. */
  start(): void {
    this.#timer = this.#settings.clock.after(ISSUER_POLL_MS, () => {
      void this.refresh().then(() => {
        if (this.#timer) this.start();
      });
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Reads the source now. Never throws: whatever fails leaves the issuer as it is. */
  async refresh(): Promise<void> {
    const { source, log } = this.#settings;
    try {
      const material = await source.read();
      const seen = JSON.stringify(material);
      if (seen === this.#seen) return;
      this.#seen = seen;
      this.#issuer = await fitIssuer(material, this.#settings);
    } catch (error) {
      this.#keep(error);
      return;
    }
    log.info(
      { issuer: this.#issuer.certificate.subject, notAfter: new Date(this.#issuer.notAfter) },
      `the issuer was replaced from ${source.name}`,
    );
    for (const listener of this.#listeners) listener(this.#issuer);
  }

  #keep(error: unknown): void {
    const { source, log } = this.#settings;
    if (!(error instanceof WeftError)) {
      log.warn(`${source.name} could not be read: ${errorMessage(error)}; the issuer stays`);
      return;
    }
    this.rejectedChanges++;
    log.error(
      { reason: error.code },
      `${source.name} changed, and the new issuer is not fit to sign: ${error.message}; the old one stays`,
    );
  }
}

/** @throws IssuerError when the material is not fit to sign */
async function fitIssuer(material: IssuerMaterial, { trial, clock }: CurrentIssuerSettings): Promise<Issuer> {
  const issuer = new Issuer(material, clock.now());
  await trial(issuer, clock.now());
  return issuer;
}
