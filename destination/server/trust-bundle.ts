import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { RENEW_ISSUED_BEFORE_KEY } from '../../api/names.ts';
import { TRUST_TARGET } from '../../api/watch.ts';
import { errorMessage, WeftError } from '../../core/errors/weft-error.ts';
import { certificatesIn } from '../../core/pki/pem.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import { Publication } from './publication.ts';
import { hash, lineOf } from './publisher.ts';

/**
 * The roots that the mesh trusts, from a file that others replace. Proxies are told of every new version; a version that
 * holds no certificate, or half of one, is ignored. Beside it may lie a file {@link RENEW_ISSUED_BEFORE_KEY} with an RFC 3339
 * time: whoever has a certificate that was made before renews it.
 */
export class TrustBundle {
  /** A `trust` message for the proxies. */
  readonly publication = new Publication(TRUST_TARGET);
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onChange = new Set<(pem: string) => void>();
  readonly #onProblem: (error: WeftError) => void;
  #pem = '';
  #renewIssuedBefore = '';
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

  /** The roots of {@link pem}. */
  get roots(): readonly X509Certificate[] {
    return certificatesIn(this.#pem);
  }

  /** RFC 3339: certificates in use that were made before are to be renewed; empty: none are. */
  get renewIssuedBefore(): string {
    return this.#renewIssuedBefore;
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
      const pem = await readFile(this.#path, 'utf8');
      this.#take(pem, await this.#readRenewal());
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

  /** What is no time counts as none. */
  async #readRenewal(): Promise<string> {
    const text = await readFile(join(dirname(this.#path), RENEW_ISSUED_BEFORE_KEY), 'utf8').catch(() => '');
    const ms = Date.parse(text.trim());
    return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
  }

  #take(pem: string, renewIssuedBefore: string): void {
    if (pem === this.#pem && renewIssuedBefore === this.#renewIssuedBefore) return;
    if (certificatesIn(pem).length === 0) throw new Error('it holds no PEM certificate');
    this.#pem = pem;
    this.#renewIssuedBefore = renewIssuedBefore;
    const version = trustVersion(pem, renewIssuedBefore);
    const message = { type: 'trust', target: TRUST_TARGET, version, bundle: pem, renewIssuedBefore } as const;
    this.publication.publish(version, () => lineOf(message), null);
    for (const listener of this.#onChange) listener(pem);
  }
}

/** The version by which a proxy acknowledges a bundle. @param renewIssuedBefore as in the message */
function trustVersion(pem: string, renewIssuedBefore: string): string {
  return hash(`${renewIssuedBefore}\n${pem}`);
}

/** How soon a new bundle is noticed, milliseconds. The kubelet itself takes up to a minute to renew the file. */
const REREAD_MS = 1000;
