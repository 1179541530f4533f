import { IDENTITY_SERVICE_ACCOUNT } from '../api/names.ts';
import { dnsIdentity, type IdentityDomain, spiffeIdentity } from '../api/workload-identity.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../core/pki/key-pair.ts';
import type { Clock, Timer } from '../core/time/clock.ts';
import { renewalDelay } from '../core/time/renewal.ts';
import type { ServingCertificate } from '../core/tls/serving-certificate.ts';
import type { CurrentIssuer } from './issue/current-issuer.ts';

/**
 * The certificate that identity serves with: a leaf that it issues to itself, since it cannot ask anybody. Renewed when
 * about two thirds of its life are over and whenever the issuer changes.
 */
export class ServingCertificateRenewal {
  readonly #issuer: CurrentIssuer;
  readonly #domain: IdentityDomain;
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #onRenewed: (certificate: ServingCertificate) => void;
  #timer: Timer | null = null;

  constructor(settings: {
    readonly issuer: CurrentIssuer;
    readonly domain: IdentityDomain;
    readonly lifetimeMs: number;
    readonly clock: Clock;
    readonly onRenewed: (certificate: ServingCertificate) => void;
  }) {
    this.#issuer = settings.issuer;
    this.#domain = settings.domain;
    this.#lifetimeMs = settings.lifetimeMs;
    this.#clock = settings.clock;
    this.#onRenewed = settings.onRenewed;
  }

  /** Issues the first certificate, handed to `onRenewed` like every later one, and keeps renewing until {@link stop}. */
  start(): void {
    this.#renew();
    this.#issuer.onChange(() => this.#renew());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #renew(): void {
    this.#timer?.cancel();
    const now = this.#clock.now();
    const workload = { namespace: this.#domain.controlNamespace, serviceAccount: IDENTITY_SERVICE_ACCOUNT };
    const keyPair = generateKeyPair();
    const issued = this.#issuer.get().sign(
      {
        spki: spkiOf(keyPair.publicKey),
        sans: { dns: [dnsIdentity(workload, this.#domain)], uris: [spiffeIdentity(workload, this.#domain)] },
        workload: null,
        lifetimeMs: this.#lifetimeMs,
      },
      now,
    );
    // Without a certificate the issuer has expired: clients refuse either way, and a new issuer calls this again.
    if (!issued) return;
    this.#onRenewed({ key: privateKeyPem(keyPair), cert: issued.chain });
    this.#timer = this.#clock.after(renewalDelay(issued.validity.notAfter - now), () => this.#renew());
  }
}
