import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { errorMessage, WeftError } from '../../core/errors/weft-error.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import { Publication } from './publication.ts';
import { hash, lineOf } from './publisher.ts';

/**
 * The roots that the mesh trusts, from a file that others replace. Proxies are told of every new version; a version that
 * holds no certificate, or half of one, is ignored.
 */
export class TrustBundle {
  /** A `trust` message for the proxies. */
  readonly publication = new Publication('trust');
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onChange = new Set<(pem: string) => void>();
  readonly #onProblem: (error: WeftError) => void;
  #pem = '';
  #problem = '';
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(options: { path: string; clock: Clock; onProblem: (error: WeftError) => void }) {
    this.#path = options.path;
    this.#clock = options.clock;
    this.#onProblem = options.onProblem;
  }

  /** PEM of the roots; empty until the file has been read. */
  get pem(): string {
    return this.#pem;
  }

  /** Calls `listener` with each bundle that differs from the one before, the first one too. */
  onChange(listener: (pem: string) => void): void {
    this.#onChange.add(listener);
  }

  /** Reads the file now and every {@link REREAD_MS} from now on. */
  async start(): Promise<void> {
    await this.#read();
    this.#again();
  }

  /** Ends reading; the last bundle stays. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #again(): void {
    if (this.#isClosed) return;
    this.#timer = this.#clock.after(REREAD_MS, () => void this.#read().then(() => this.#again()));
  }

  async #read(): Promise<void> {
    try {
      this.#take(await readFile(this.#path, 'utf8'));
      this.#problem = '';
    } catch (error) {
      const message = errorMessage(error);
      if (message === this.#problem) return;
      this.#problem = message;
      this.#onProblem(
        new WeftError('trust_bundle_unreadable', `the trust bundle ${this.#path} cannot be used: ${message}`),
      );
    }
  }

  #take(pem: string): void {
    if (pem === this.#pem) return;
    const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (certificates.length === 0) throw new Error('it holds no PEM certificate');
    for (const certificate of certificates) new X509Certificate(certificate);
    this.#pem = pem;
    const version = hash(pem);
    this.publication.publish(version, () => lineOf({ type: 'trust', version, bundle: pem }), null);
    for (const listener of this.#onChange) listener(pem);
  }
}

/** How soon a new bundle is noticed, milliseconds. The kubelet itself takes up to a minute to renew the file. */
const REREAD_MS = 1000;
