import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';

import { CERTIFY_PATH, type CertifyError, type CertifyRequest, type CertifyResponse } from '../api/certify.ts';
import { DESTINATION_SERVICE_ACCOUNT, IDENTITY_SERVICE_ACCOUNT } from '../api/names.ts';
import { dnsIdentity, type IdentityDomain, spiffeIdentity, type WorkloadIdentity } from '../api/workload-identity.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { WeftError } from '../core/errors/weft-error.ts';
import { createCsr } from '../core/pki/certificate-request.ts';
import { generateKeyPair, privateKeyPem } from '../core/pki/key-pair.ts';
import { certificatesIn } from '../core/pki/pem.ts';
import { RenewalTimer } from '../core/pki/renewal-timer.ts';
import { Backoff } from '../core/time/backoff.ts';
import type { Clock } from '../core/time/clock.ts';
import { renewalDelay } from '../core/time/renewal.ts';
import type { ServingCertificate } from '../core/tls/serving-certificate.ts';

/** Where identity is and what proves either side. */
export interface CertifySettings {
  readonly identity: SocketAddress;
  readonly domain: IdentityDomain;
  readonly tokenFile: string;
  /** PEM of the roots, as they are now; empty: not yet known. */
  readonly trustBundle: () => string;
}

/** A certificate, and from when to when it is valid, milliseconds since the epoch. */
export interface CertifiedCredentials extends ServingCertificate {
  readonly notBefore: number;
  /** SHA-256 fingerprint of the authority that signed it; empty: it has not been sent. */
  readonly issuer: string;
  readonly notAfter: number;
}

/**
 * Keeps destination certified: with its own token like any pod, and again when about two thirds of a certificate's life
 * are over. A failed try is repeated with back-off; the present certificate stays in use.
 */
export class Certifier {
  readonly #settings: CertifySettings;
  readonly #clock: Clock;
  readonly #onCredentials: (credentials: CertifiedCredentials) => void;
  readonly #onFailure: (error: Error) => void;
  readonly #backoff = new Backoff({ minMs: 100, maxMs: 10_000 });
  readonly #renewal: RenewalTimer;
  /** Of the certificate in use; null: there is none yet. */
  #notBefore: number | null = null;
  #isStopped = false;

  constructor(options: {
    settings: CertifySettings;
    clock: Clock;
    onCredentials: (credentials: CertifiedCredentials) => void;
    onFailure: (error: Error) => void;
  }) {
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.#onCredentials = options.onCredentials;
    this.#onFailure = options.onFailure;
    this.#renewal = new RenewalTimer(options.clock, () => void this.#run());
  }

  /** Certifies at once, and again before each certificate ends; what fails is tried again with a jittered back-off. */
  start(): void {
    void this.#run();
  }

  /** Renews at once where the certificate in use was made before an instant, RFC 3339; empty: never. */
  renewIfIssuedBefore(instant: string): void {
    if (this.#notBefore !== null && this.#renewal.isDemanded(instant, this.#notBefore)) this.#renewal.after(0);
  }

  /** Ends renewing. An answer that is under way is dropped. */
  stop(): void {
    this.#isStopped = true;
    this.#renewal.stop();
  }

  async #run(): Promise<void> {
    this.#renewal.after(await this.#renew());
  }

  /** Returns when to renew or to try again, milliseconds from now. */
  async #renew(): Promise<number> {
    try {
      const credentials = await certify(this.#settings);
      if (this.#isStopped) return 0;
      this.#backoff.reset();
      this.#notBefore = credentials.notBefore;
      this.#onCredentials(credentials);
      return renewalDelay(credentials.notAfter - this.#clock.now());
    } catch (error) {
      this.#onFailure(error as Error);
      return this.#backoff.next();
    }
  }
}

/**
 * Asks identity for a certificate of this program, with a new key.
 *
 * @throws WeftError `certify_refused` with identity's reason, `certify_failed` when identity cannot be reached, is not
 *   identity, or answers with something else than a certificate for our key
 */
export async function certify(settings: CertifySettings): Promise<CertifiedCredentials> {
  const workload: WorkloadIdentity = {
    namespace: settings.domain.controlNamespace,
    serviceAccount: DESTINATION_SERVICE_ACCOUNT,
  };
  const keyPair = generateKeyPair();
  const sans = { dns: [dnsIdentity(workload, settings.domain)], uris: [spiffeIdentity(workload, settings.domain)] };
  const token = (await readFile(settings.tokenFile, 'utf8')).trim();
  const answer = await post(settings, { token, csr: createCsr({ keyPair, sans }) });
  const leaf = parseLeaf(answer.chain);
  if (!leaf?.checkPrivateKey(keyPair.privateKey)) {
    throw new WeftError('certify_failed', 'identity answered with no certificate for the key of the request');
  }
  return {
    cert: answer.chain,
    key: privateKeyPem(keyPair),
    issuer: certificatesIn(answer.chain)[1]?.fingerprint256 ?? '',
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
}

function post(settings: CertifySettings, body: CertifyRequest): Promise<CertifyResponse> {
  const ca = settings.trustBundle();
  if (ca === '') throw new WeftError('certify_failed', 'there is no trust bundle yet to check identity with');
  const payload = JSON.stringify(body);
  const server = { namespace: settings.domain.controlNamespace, serviceAccount: IDENTITY_SERVICE_ACCOUNT };
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(new WeftError('certify_failed', `identity cannot be asked: ${cause.message}`, { cause }));
    const exchange = request(
      {
        ...settings.identity,
        path: CERTIFY_PATH,
        method: 'POST',
        servername: dnsIdentity(server, settings.domain),
        ca,
        minVersion: 'TLSv1.3',
        agent: false,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER_CHARACTERS) answer.destroy(new Error('the answer is too long'));
        });
        answer.on('error', fail);
        answer.on('end', () => {
          try {
            resolve(readAnswer(answer.statusCode ?? 0, text));
          } catch (error) {
            reject(error as Error);
          }
        });
      },
    );
    exchange.on('error', fail);
    exchange.end(payload);
  });
}

function readAnswer(status: number, text: string): CertifyResponse {
  let body: Partial<CertifyResponse & CertifyError>;
  try {
    body = JSON.parse(text) as Partial<CertifyResponse & CertifyError>;
  } catch {
    throw new WeftError('certify_failed', `identity answered ${status} with something else than JSON`);
  }
  if (status === 200 && typeof body.chain === 'string') return body as CertifyResponse;
  const { reason, message } = body.error ?? { reason: String(status), message: 'no reason was given' };
  throw new WeftError('certify_refused', `identity refuses (${reason}): ${message}`);
}

function parseLeaf(chain: string): X509Certificate | null {
  try {
    return new X509Certificate(chain);
  } catch {
    return null;
  }
}

/** Signing takes a millisecond; a server that is overloaded is better asked again. */
const TIMEOUT_MS = 10_000;
/** A chain and a bundle of a few certificates have 10,000. */
const MAX_ANSWER_CHARACTERS = 1024 * 1024;
