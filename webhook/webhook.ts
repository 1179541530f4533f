import { WEBHOOK_SERVICE_ACCOUNT } from '../api/names.ts';
import { ApiClient } from '../core/kubernetes/api-client.ts';
import { EventWriter } from '../core/kubernetes/event-writer.ts';
import type { Logger } from '../core/log/log.ts';
import { AdminServer } from '../core/metrics/admin-server.ts';
import type { SubjectAltNames } from '../core/pki/extension.ts';
import type { RunningProgram } from '../core/program/run-program.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import { reviewInjection } from './admission/inject-review.ts';
import { WebhookMetrics } from './admission/metrics.ts';
import { AdmissionServer } from './admission/server.ts';
import { reviewValidation, type WorkloadReview } from './admission/validate-review.ts';
import { AnnotationMirror } from './cluster/annotation-mirror.ts';
import { ForeignMeshes } from './cluster/foreign-meshes.ts';
import { NamespaceDirectory } from './cluster/namespace-directory.ts';
import { NamespaceMembership } from './cluster/namespace-membership.ts';
import { hasNativeSidecars } from './cluster/native-sidecar.ts';
import { Restarts } from './cluster/restarts.ts';
import { ServiceProfiles } from './cluster/service-profiles.ts';
import { skipNotice } from './cluster/skip-notice.ts';
import { UninjectedPods } from './cluster/uninjected-pods.ts';
import type { WebhookConfig } from './config.ts';
import { INJECT_PATH, VALIDATE_PATH } from './configuration.ts';
import type { InjectSettings } from './inject/settings.ts';
import { workloadWarnings } from './inject/workload-warnings.ts';
import { Rounds } from './rounds.ts';
import { registerAuthority } from './tls/registration.ts';
import { leafOf, type ServingMaterial } from './tls/serving-material.ts';
import { TlsSecret } from './tls/tls-secret.ts';

/** Starts the webhook: what it knows of the cluster, its certificate, the servers, and the rounds that keep all current. */
export async function startWebhook(
  config: WebhookConfig,
  log: Logger,
  clock: Clock = systemClock,
): Promise<RunningProgram> {
  const api = await ApiClient.fromCluster();
  const namespaces = new NamespaceDirectory(api, log);
  const meshes = new ForeignMeshes({ api, switches: config.families, clock, log });
  await Promise.all([namespaces.start(), meshes.start()]);

  const nativeSidecar =
    config.nativeSidecar === 'auto' ? await hasNativeSidecars(api) : config.nativeSidecar === 'enabled';
  const settings = () => injectSettings(config, nativeSidecar, meshes);
  const metrics = new WebhookMetrics();
  const events = new EventWriter({
    api,
    clock,
    program: 'webhook',
    instance: config.instance,
    observer: {
      onWritten: () => metrics.eventsWritten.inc(),
      onDropped: (reason) => {
        metrics.eventsDropped.inc();
        log.debug({ reason }, 'an Event is left out');
      },
    },
  });
  const secret = new TlsSecret(api, config.controlNamespace, servingNames(config));
  let material = await secret.read(clock.now());
  const profiles = new ServiceProfiles(api);

  const membership = new NamespaceMembership(namespaces, () => meshes.families());

  const workloads: WorkloadReview = {
    async warningsOf(kind, object, namespace) {
      const facts = await namespaces.get(namespace).catch(() => null);
      return facts ? workloadWarnings(kind, object, facts, settings()) : [];
    },
  };

  const server = new AdmissionServer({
    certificate: servingCertificate(material),
    reviewers: {
      [INJECT_PATH]: (request) => reviewInjection(request, namespaces, settings()),
      [VALIDATE_PATH]: (request) => reviewValidation(request, profiles, membership, workloads),
    },
    onReviewed(request, outcome) {
      const notice = skipNotice(request, outcome);
      if (notice) void events.write(notice);
    },
    metrics,
    log,
  });
  let isReady = false;
  const adminServer = new AdminServer({
    notReady: () => (isReady ? [] : ['not ready']),
    metrics,
  });
  const admin = await adminServer.listen(config.adminListen);
  const address = await server.listen(config.listen);

  const serve = (next: ServingMaterial) => {
    metrics.certificateNotAfter = leafOf(next).validToDate.getTime();
    if (next['tls.crt'] === material['tls.crt']) return;
    server.setCertificate(servingCertificate(next));
    log.info('the serving certificate was renewed');
  };
  const { controlNamespace } = config;
  const restarts = new Restarts({ api, controlNamespace, events, clock, log });
  const uninjected = new UninjectedPods({ api, namespaces: () => namespaces.list(), settings, events, restarts, log });
  const mirror = new AnnotationMirror({
    api,
    controlNamespace,
    families: () => meshes.families(),
    log,
  });
  namespaces.onChange((namespace) => void mirror.reflect(namespace));
  const rounds = createRounds(log, clock, {
    // First what the API server trusts, then what it is shown.
    async keepCertificate() {
      const next = await secret.read(clock.now());
      await registerAuthority(api, next['ca.crt']);
      serve(next);
      material = next;
    },
    async lookForPods() {
      const found = await uninjected.count();
      if (found !== null) metrics.uninjectedPods = found;
    },
    async reflectAnnotations() {
      for (const namespace of namespaces.list()) await mirror.reflect(namespace);
    },
  });
  for (const round of rounds) round.start();
  isReady = true;
  return {
    address,
    admin,
    async close() {
      isReady = false;
      await Promise.all([...rounds.map((round) => round.stop()), namespaces.stop(), meshes.stop()]);
      await server.close(config.shutdownGraceMs);
      await adminServer.close();
      api.close();
    },
  };
}

interface Tasks {
  keepCertificate(): Promise<void>;
  lookForPods(): Promise<void>;
  reflectAnnotations(): Promise<void>;
}

function createRounds(log: Logger, clock: Clock, tasks: Tasks): readonly Rounds[] {
  const round = (name: string, intervalMs: number, task: () => Promise<void>) =>
    new Rounds({ name, intervalMs, clock, log, task });
  return [
    round('the serving certificate could not be kept', CERTIFICATE_INTERVAL_MS, tasks.keepCertificate),
    round('pods without a proxy could not be looked for', PODS_INTERVAL_MS, tasks.lookForPods),
    round('annotations of namespaces could not be reflected', ANNOTATIONS_INTERVAL_MS, tasks.reflectAnnotations),
  ];
}

function injectSettings(config: WebhookConfig, nativeSidecar: boolean, meshes: ForeignMeshes): InjectSettings {
  return {
    image: config.image,
    imagePullPolicy: config.imagePullPolicy,
    controlNamespace: config.controlNamespace,
    trustDomain: config.trustDomain,
    clusterDomain: config.clusterDomain,
    nativeSidecar,
    families: meshes.families(),
    injectors: meshes.injectors(),
    resources: config.resources,
    logLevel: config.proxyLogLevel,
  };
}

/** Names by which API servers reach the Service, and those that the operator added. */
function servingNames({ controlNamespace, clusterDomain, extraNames }: WebhookConfig): SubjectAltNames {
  const service = `${WEBHOOK_SERVICE_ACCOUNT}.${controlNamespace}.svc`;
  return { dns: [service, `${service}.${clusterDomain}`, ...extraNames.dns], uris: [], ips: extraNames.ips };
}

function servingCertificate(material: ServingMaterial) {
  return { key: material['tls.key'], cert: material['tls.crt'] };
}

/** A registration that is applied again loses its authority only until the next round; every replica looks. */
const CERTIFICATE_INTERVAL_MS = 5_000;
/** A pod that slipped through is reported within half a minute. */
const PODS_INTERVAL_MS = 20_000;
const ANNOTATIONS_INTERVAL_MS = 60_000;
