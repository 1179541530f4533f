import { readFile, rename, writeFile } from 'node:fs/promises';
import * as tls from 'node:tls';

import { CERTIFY_PATH, type CertifyError, type CertifyRequest, type CertifyResponse } from '../../api/certify.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { createCsr } from '../../core/pki/certificate-request.ts';
import { generateKeyPair, privateKeyPem } from '../../core/pki/key-pair.ts';
import { RenewalTimer } from '../../core/pki/renewal-timer.ts';
import { Backoff } from '../../core/time/backoff.ts';
import type { Clock } from '../../core/time/clock.ts';
import { renewalDelay } from '../../core/time/renewal.ts';
import type { ProxyConfig } from '../config.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { MutualTls } from '../transport/mutual-tls.ts';
import { call } from './control-client.ts';

/**
 * Gets the proxy its certificate and renews it for as long as the process lives.
 *
 * The key is made once per process and never leaves it. Renewal comes at about two thirds of the lifetime, spread so
 * that pods that started together do not renew together. While identity is away the old certificate stays in
 * use until it expires; then connections fail closed.
 */
export class Certifier {
  readonly #config: ProxyConfig;
  readonly #mutualTls: MutualTls;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #keyPair = generateKeyPair();
  readonly #backoff = new Backoff({ minMs: 100, maxMs: 10_000 });
  readonly #refreshes;
  readonly #failures;
  readonly #expiry;
  #trustBundle = '';
  /** Of the certificate in use, by identity's clock, milliseconds since the epoch. */
  #notBefore = 0;
  readonly #renewal: RenewalTimer;
  readonly #onCertified: () => void;

  constructor(options: {
    config: ProxyConfig;
    mutualTls: MutualTls;
    clock: Clock;
    log: Log;
    metrics: Metrics;
    /** Called with each new certificate in use. */
    onCertified: () => void;
  }) {
    this.#config = options.config;
    this.#mutualTls = options.mutualTls;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onCertified = options.onCertified;
    this.#renewal = new RenewalTimer(options.clock, () => void this.#certify());
    const { certificateRefreshes, certificateExpiry } = options.metrics;
    this.#refreshes = certificateRefreshes.with({ result: 'ok' });
    this.#failures = certificateRefreshes.with({ result: 'error' });
    this.#expiry = certificateExpiry.with({});
  }

  /** Asks for the first certificate; goes on trying until there is one. */
  start(): void {
    void this.#certify();
  }

  /** Ends renewing; the certificate in use stays. */
  stop(): void {
    this.#renewal.stop();
  }

  /**
   * Roots delivered by destination, live. They are kept in the bundle file for a restart of the container.
   *
   * @param renewIssuedBefore RFC 3339: a certificate that was made before is renewed, at a moment of its own; empty: none is
   */
  async useTrustBundle(bundle: string, renewIssuedBefore: string): Promise<void> {
    this.#renewIfMadeBefore(renewIssuedBefore);
    if (bundle === this.#trustBundle) return;
    this.#trustBundle = bundle;
    const { credentials } = this.#mutualTls;
    if (credentials) this.#mutualTls.use({ ...credentials, trustBundle: bundle });
    await this.#keepBundle(bundle);
  }

  #renewIfMadeBefore(instant: string): void {
    if (!this.#mutualTls.isReady || !this.#renewal.isDemanded(instant, this.#notBefore)) return;
    const waitMs = Math.random() * RENEWAL_SPREAD_MS;
    this.#log.info({ renewIssuedBefore: instant, renewMs: Math.round(waitMs) }, 'asked to renew the certificate');
    this.#renewal.after(waitMs);
  }

  async #certify(): Promise<void> {
    try {
      const bundle = await this.#knownBundle();
      const request: CertifyRequest = {
        token: (await readFile(this.#config.tokenFile, 'utf8')).trim(),
        csr: createCsr({ keyPair: this.#keyPair, sans: { dns: [this.#config.identity], uris: [this.#config.spiffe] } }),
      };
      const response = await this.#post(request, bundle);
      this.#use(response);
    } catch (error) {
      this.#failures.value++;
      const waitMs = this.#backoff.next();
      this.#log.warn(
        {
          reason: (error as WeftError).code ?? 'unexpected',
          error: (error as Error).message,
          retryMs: Math.round(waitMs),
        },
        this.#mutualTls.isReady
          ? 'the certificate cannot be renewed; the one that is held is still valid; trying again'
          : 'no certificate; trying again',
      );
      this.#renewal.after(waitMs);
    }
  }

  #use(response: CertifyResponse): void {
    const notAfter = Date.parse(response.notAfter);
    const now = this.#clock.now();
    this.#trustBundle = response.trustBundle;
    this.#notBefore = Date.parse(response.notBefore);
    this.#mutualTls.use({
      chain: response.chain,
      key: privateKeyPem(this.#keyPair),
      trustBundle: response.trustBundle,
      notAfter,
    });
    void this.#keepBundle(response.trustBundle);
    this.#refreshes.value++;
    this.#expiry.value = notAfter / 1000;
    this.#backoff.reset();
    const renewMs = renewalDelay(notAfter - now);
    this.#log.info(
      { identity: this.#config.identity, notAfter: response.notAfter, renewMs: Math.round(renewMs) },
      'certified',
    );
    this.#renewal.after(renewMs);
    this.#onCertified();
  }

  #post(request: CertifyRequest, trustBundle: string): Promise<CertifyResponse> {
    const context = tls.createSecureContext({ ca: trustBundle, minVersion: 'TLSv1.3' });
    return new Promise((resolve, reject) => {
      let status = 0;
      let text = '';
      const timer = this.#clock.after(REQUEST_TIMEOUT_MS, () => {
        running.close();
        reject(new WeftError('identity_timeout', `identity did not answer within ${REQUEST_TIMEOUT_MS} ms`));
      });
      const running = call(
        this.#config.identityServer,
        context,
        { path: CERTIFY_PATH, contentType: 'application/json', body: JSON.stringify(request), last: true },
        {
          onHead: (code) => {
            status = code;
          },
          onText: (piece) => {
            text += piece;
          },
          onEnd: (error) => {
            timer.cancel();
            if (error) return reject(error);
            try {
              if (status === 200) resolve(JSON.parse(text) as CertifyResponse);
              else {
                const { reason, message } = (JSON.parse(text) as CertifyError).error;
                reject(new WeftError(reason, `identity refuses: ${message}`));
              }
            } catch {
              reject(
                new WeftError(
                  'identity_answer_invalid',
                  `identity answered ${status} with no JSON that is expected of it`,
                ),
              );
            }
          },
        },
      );
    });
  }

  /** Roots to trust identity by: the last delivered, those kept by an earlier container, those given at injection. */
  async #knownBundle(): Promise<string> {
    if (this.#trustBundle !== '') return this.#trustBundle;
    const file = this.#config.trustBundleFile;
    const kept = file === '' ? '' : await readFile(file, 'utf8').catch(() => '');
    const bundle = kept || this.#config.trustRoots;
    if (bundle === '')
      throw new WeftError(
        'trust_roots_missing',
        'no trust roots are known: neither the bundle file nor the environment has any',
      );
    return bundle;
  }

  async #keepBundle(bundle: string): Promise<void> {
    const file = this.#config.trustBundleFile;
    if (file === '') return;
    try {
      await writeFile(`${file}.new`, bundle);
      await rename(`${file}.new`, file);
    } catch (error) {
      this.#log.warn({ file, error: (error as Error).message }, 'cannot keep the trust bundle for a restart');
    }
  }
}

const REQUEST_TIMEOUT_MS = 10_000;
/** Proxies that are all asked to renew do so over this time, which identity has to sign for them. */
const RENEWAL_SPREAD_MS = 10_000;
