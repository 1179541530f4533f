import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

import { NO_REVOCATIONS } from '../api/revocations.ts';
import { errorMessage, WeftError } from '../core/errors/weft-error.ts';
import { ApiClient, ApiError } from '../core/kubernetes/api-client.ts';
import { EventWriter, type Notice } from '../core/kubernetes/event-writer.ts';
import type { Logger } from '../core/log/log.ts';
import { AdminServer } from '../core/metrics/admin-server.ts';
import { isP256, spkiOf } from '../core/pki/key-pair.ts';
import type { RunningProgram } from '../core/program/run-program.ts';
import { Backoff } from '../core/time/backoff.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import type { Authenticator } from './authenticate/authenticator.ts';
import { EmbeddedTokenAuthenticator } from './authenticate/embedded-token.ts';
import { TokenReviewAuthenticator } from './authenticate/token-review.ts';
import { ensureAuthorities } from './bootstrap/authorities.ts';
import type { CertifyContext } from './certify.ts';
import type { EmbeddedConfig, IdentityConfig } from './config.ts';
import { CurrentIssuer } from './issue/current-issuer.ts';
import { ExpiryWarnings } from './issue/expiry-warnings.ts';
import { directorySource, type IssuerSource, secretSource } from './issue/issuer-source.ts';
import { trialHandshake } from './issue/trial-handshake.ts';
import { IdentityMetrics } from './metrics.ts';
import { readRevocations } from './revocations.ts';
import { CertifyServer } from './server.ts';
import { ServingCertificateRenewal } from './serving-certificate.ts';
import { TrustRootsPublisher } from './trust-roots/publisher.ts';

/**
 * Starts identity: issuer, certify server, admin server.
 *
 * @throws IssuerError when the issuer is not fit to sign, WeftError `token_key_invalid`, and whatever binding throws
 */
export async function startIdentity(
  config: IdentityConfig,
  log: Logger,
  clock: Clock = systemClock,
): Promise<RunningProgram> {
  const { authenticator, source, api, revocations } = config.embedded
    ? await embeddedParts(config.embedded, clock)
    : await kubernetesParts(config, log, clock);
  const issuer = await CurrentIssuer.load({ source, trial: trialHandshake, clock, log });
  const metrics = new IdentityMetrics(issuer);

  let server: CertifyServer | null = null;
  let isReady = false;
  const renewal = new ServingCertificateRenewal({
    issuer,
    domain: config.domain,
    lifetimeMs: config.issuanceLifetimeMs,
    clock,
    onRenewed(certificate) {
      if (server) server.setCertificate(certificate);
      else server = new CertifyServer({ context, certificate, metrics, log });
    },
  });
  const context = {
    authenticator,
    issuer: () => issuer.get(),
    domain: config.domain,
    lifetimeMs: config.issuanceLifetimeMs,
    clock,
    revocations,
  };
  renewal.start();
  const certifyServer = server! as CertifyServer;
  const adminServer = new AdminServer({
    notReady: () => (isReady ? [] : ['not ready']),
    metrics,
  });
  const admin = await adminServer.listen(config.adminListen);
  const address = await certifyServer.listen(config.listen);
  issuer.start();
  const publisher = api && publishTrustRoots(api, issuer, config, log, clock);
  const warnings = warnOfExpiry(api, issuer, config, log, clock);
  isReady = true;
  return {
    address,
    admin,
    async close() {
      isReady = false;
      issuer.stop();
      warnings.stop();
      renewal.stop();
      await certifyServer.close(config.shutdownGraceMs);
      await publisher?.stop();
      await adminServer.close();
    },
  };
}

interface Parts {
  readonly authenticator: Authenticator;
  readonly source: IssuerSource;
  /** null: there is no cluster. */
  readonly api: ApiClient | null;
  readonly revocations: CertifyContext['revocations'];
}

async function embeddedParts(config: EmbeddedConfig, clock: Clock): Promise<Parts> {
  const key = await readTokenKey(config.tokenKeyFile);
  return {
    authenticator: new EmbeddedTokenAuthenticator({ key, issuer: config.tokenIssuer, clock }),
    source: directorySource(config.issuerDirectory, config.trustRootsFile),
    api: null,
    // What destination reads of the folder holds: nobody takes a certificate that it names.
    revocations: async () => NO_REVOCATIONS,
  };
}

async function kubernetesParts(config: IdentityConfig, log: Logger, clock: Clock): Promise<Parts> {
  const api = await ApiClient.fromCluster();
  const { createdIssuer } = await untilReachable(log, () =>
    ensureAuthorities({ api, domain: config.domain, lifetimeMs: config.authorityLifetimeMs, now: clock.now() }),
  );
  if (createdIssuer) log.info('no issuer was there: a root and an issuer were created');
  return {
    authenticator: new TokenReviewAuthenticator(api),
    source: secretSource(api, config.domain.controlNamespace),
    api,
    revocations: () => readRevocations(api, config.domain.controlNamespace),
  };
}

function publishTrustRoots(
  api: ApiClient,
  issuer: CurrentIssuer,
  { domain: { controlNamespace } }: IdentityConfig,
  log: Logger,
  clock: Clock,
): TrustRootsPublisher {
  const bundle = () => issuer.get().trustBundle;
  const publisher = new TrustRootsPublisher({ api, controlNamespace, bundle, log, clock });
  issuer.onChange(() => void publisher.publishAll());
  publisher.start();
  return publisher;
}

/** In the log, and where there is a cluster as an Event too. */
function warnOfExpiry(
  api: ApiClient | null,
  issuer: CurrentIssuer,
  { domain: { controlNamespace: namespace } }: IdentityConfig,
  log: Logger,
  clock: Clock,
): ExpiryWarnings {
  const observer = { onWritten() {}, onDropped: (reason: string) => log.debug({ reason }, 'an Event is left out') };
  const events = api && new EventWriter({ api, clock, program: 'identity', instance: hostname(), observer });
  const onWarning = (notice: Notice) => {
    log.warn({ reason: notice.reason }, notice.note);
    void events?.write(notice);
  };
  const warnings = new ExpiryWarnings({ issuer: () => issuer.get(), clock, namespace, onWarning });
  warnings.start();
  return warnings;
}

async function readTokenKey(file: string): Promise<KeyObject> {
  const fault = (why: string) => new WeftError('token_key_invalid', `the token key ${file} ${why}`);
  let key: KeyObject;
  try {
    key = createPublicKey(await readFile(file, 'utf8'));
  } catch (error) {
    throw fault(`cannot be read as a PEM public key: ${errorMessage(error)}`);
  }
  if (!isP256(spkiOf(key))) throw fault('is not ECDSA P-256');
  return key;
}

/** Repeats what fails because the API server is away or overloaded; any other failure is thrown. */
async function untilReachable<T>(log: Logger, task: () => Promise<T>): Promise<T> {
  const backoff = new Backoff({ minMs: 200, maxMs: 10_000 });
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 0 && error.status < 500 && error.status !== 429))
        throw error;
      log.warn(`the API server could not be asked: ${error.message}; trying again`);
      // A referenced timer: nothing else keeps the process alive yet.
      await new Promise((resolve) => setTimeout(resolve, backoff.next()));
    }
  }
}
