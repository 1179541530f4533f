import { TRUST_PAGE, type TrustPage } from '../api/trust-page.ts';
import { TRUST_TARGET } from '../api/watch.ts';
import { errorMessage } from '../core/errors/weft-error.ts';
import type { Logger } from '../core/log/log.ts';
import { AdminServer } from '../core/metrics/admin-server.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import { type CertifiedCredentials, Certifier } from './certify.ts';
import type { DestinationConfig } from './config.ts';
import { fetchKeys } from './keys/fetch-keys.ts';
import { KeyKeeper } from './keys/key-keeper.ts';
import { formatReport, type Reports } from './objects/reports.ts';
import type { Metrics } from './server/metrics.ts';
import { Publisher } from './server/publisher.ts';
import { TrustBundle } from './server/trust-bundle.ts';
import { WatchServer, type WatchServerObserver } from './server/watch-server.ts';
import type { Judged } from './status/policy-survey.ts';
import { StatusKeeper, type VerdictWriter } from './status/status-keeper.ts';
import type { Source } from './watch/source.ts';

/** The whole program: a source, what is made of it, and the servers that tell proxies. */
export class Destination {
  readonly #config: DestinationConfig;
  readonly #source: Source;
  readonly #reports: Reports;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #trust: TrustBundle;
  readonly #certifier: Certifier;
  readonly #admin: AdminServer;
  #credentials: CertifiedCredentials | null = null;
  #awaitCredentials: ((credentials: CertifiedCredentials) => void) | null = null;
  #publisher: Publisher | null = null;
  readonly #verdictWriter: VerdictWriter;
  #statusKeeper: StatusKeeper | null = null;
  #keyKeeper: KeyKeeper | null = null;
  #judged: readonly Judged[] = [];
  #server: WatchServer | null = null;
  #state: 'starting' | 'ready' | 'draining' = 'starting';

  constructor(options: {
    config: DestinationConfig;
    source: Source;
    reports: Reports;
    metrics: Metrics;
    log: Logger;
    clock?: Clock;
    /** Absent: objects have no status. */
    verdictWriter?: VerdictWriter;
  }) {
    this.#verdictWriter = options.verdictWriter ?? { write: async () => 0, forget() {} };
    this.#config = options.config;
    this.#source = options.source;
    this.#reports = options.reports;
    this.#metrics = options.metrics;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#reports.onNew((report) =>
      this.#log.warn({ object: report.object, place: report.place }, formatReport(report)),
    );
    this.#trust = new TrustBundle({
      path: this.#config.trustBundleFile,
      clock: this.#clock,
      onProblem: (error) => this.#log.warn({ code: error.code }, error.message),
    });
    this.#trust.onChange(() => this.#certifier.renewIfIssuedBefore(this.#trust.renewIssuedBefore));
    this.#certifier = new Certifier({
      settings: { ...this.#config, trustBundle: () => this.#trust.pem },
      clock: this.#clock,
      onCredentials: (credentials) => this.#onCredentials(credentials),
      onFailure: (error) => {
        this.#metrics.certifyFailures.inc();
        this.#log.warn({ error: errorMessage(error) }, 'not certified; trying again');
      },
    });
    this.#admin = new AdminServer({
      notReady: () => this.#notReady(),
      metrics: this.#metrics,
      pages: { '/proxies': () => this.#proxies(), [TRUST_PAGE]: () => this.#trustPage() },
    });
    this.#metrics.measure({
      source: this.#source,
      reports: this.#reports,
      publisher: () => this.#publisher,
      streams: () => this.#server?.streams.keys() ?? [],
      judged: () => this.#judged,
      certificateNotAfter: () => this.#credentials?.notAfter ?? null,
    });
  }

  /** Resolves when proxies are served. @returns the addresses that are listened on, as `host:port` */
  async start(): Promise<{ address: string; admin: string }> {
    const { listen, adminListen, domain } = this.#config;
    const admin = await this.#admin.listen(adminListen);
    await this.#trust.start();
    const credentials = new Promise<CertifiedCredentials>((resolve) => {
      this.#awaitCredentials = resolve;
    });
    this.#certifier.start();
    await this.#source.start();
    this.#publisher = new Publisher({
      objects: this.#source.objects,
      domain,
      reports: this.#reports,
      clock: this.#clock,
    });
    this.#statusKeeper = new StatusKeeper({
      surveyed: { cluster: this.#publisher.cluster, objects: this.#source.objects, domain },
      reports: this.#reports,
      writer: this.#verdictWriter,
      clock: this.#clock,
      onVerdicts: (judged) => {
        this.#judged = judged;
      },
    });
    const publisher = this.#publisher;
    this.#keyKeeper = new KeyKeeper({
      objects: this.#source.objects,
      clock: this.#clock,
      fetch: fetchKeys,
      onFetched: (url, fetched) => {
        publisher.applyKeys(url, fetched);
        this.#statusKeeper?.judgeSoon();
      },
    });
    this.#server = new WatchServer({
      certificate: await credentials,
      trust: this.#trust,
      domain,
      publisher: this.#publisher,
      clock: this.#clock,
      observer: this.#observer(),
    });
    const address = await this.#server.listen(listen);
    this.#state = 'ready';
    return { address, admin };
  }

  /** Says that it is not ready, ends the streams one by one, then everything else. */
  async stop(): Promise<void> {
    this.#state = 'draining';
    await this.#server?.drain(this.#config.drainMs);
    this.#certifier.stop();
    this.#trust.close();
    this.#keyKeeper?.close();
    this.#statusKeeper?.close();
    this.#publisher?.close();
    await this.#source.stop();
    await this.#admin.close();
  }

  #onCredentials(credentials: CertifiedCredentials): void {
    this.#credentials = credentials;
    this.#log.info({ notAfter: new Date(credentials.notAfter).toISOString() }, 'certified');
    this.#server?.setCertificate(credentials);
    this.#awaitCredentials?.(credentials);
  }

  #notReady(): string[] {
    if (this.#state === 'starting') return ['starting: the first lists or the first certificate are not there yet'];
    if (this.#state === 'draining') return ['draining'];
    return (this.#credentials?.notAfter ?? 0) <= this.#clock.now() ? ['the certificate has expired'] : [];
  }

  /** What each proxy was sent and applied. */
  #proxies(): object[] {
    return [...(this.#server?.streams ?? [])].map(([stream, certificate]) => ({
      ...stream.workload,
      certificate,
      targets: stream.status(),
    }));
  }

  #trustPage(): TrustPage {
    return {
      version: this.#trust.publication.version,
      roots: this.#trust.roots.map(({ fingerprint256 }) => fingerprint256),
      renewIssuedBefore: this.#trust.renewIssuedBefore,
      issuer: this.#credentials?.issuer ?? '',
      proxies: [...(this.#server?.streams ?? [])].map(([stream, { issuer, notAfter }]) => ({
        namespace: stream.workload.namespace,
        pod: stream.workload.pod,
        uid: stream.workload.uid,
        applied: stream.status().find(({ target }) => target === TRUST_TARGET)?.applied ?? '',
        issuer,
        notAfter: new Date(notAfter).toISOString(),
      })),
    };
  }

  #observer(): WatchServerObserver {
    return {
      onStart: ({ workload }) => {
        this.#metrics.streamsStarted.inc();
        this.#log.debug({ namespace: workload.namespace, pod: workload.pod }, 'stream begun');
      },
      onEnd: ({ workload }, reason) => {
        this.#metrics.streamsEnded.inc({ reason: reason.split(':', 1)[0]! });
        this.#log.debug({ namespace: workload.namespace, pod: workload.pod, reason }, 'stream ended');
      },
      onRefused: (reason) => {
        this.#metrics.clientsRefused.inc({ reason });
        this.#log.debug({ reason }, 'client refused');
      },
      onExceeded: (limit) => this.#metrics.exceeded(limit),
      onSkip: () => {
        this.#metrics.overflows.inc();
      },
      onNack: ({ workload }, target, version, reason) => {
        this.#metrics.nacks.inc();
        this.#log.warn(
          { namespace: workload.namespace, pod: workload.pod, target, version, reason },
          'a proxy refuses a version',
        );
      },
    };
  }
}
