import {
  MESH_HEADERS,
  MESH_LABELS,
  MESH_PORTS,
  MESH_PROTOCOLS,
  type MeshWord,
  type Speaker,
} from '../api/mesh-words.ts';
import * as names from '../api/names.ts';
import { POD_ANNOTATIONS, type PodAnnotation } from '../api/pod-annotations.ts';
import * as ports from '../api/ports.ts';
import { PROXY_ERROR_REASONS } from '../api/proxy-headers.ts';
import { HEARD_INSTEAD, UNHEARD_ANNOTATIONS } from '../api/unheard-annotations.ts';
import { COMMANDS } from '../cli/command-list.ts';
import type { Setting, Settings } from '../core/config/environment.ts';
import { ADMIN_BOUNDS, SERVER_LIMITS } from '../core/program/server-limits.ts';
import { SETTINGS as DESTINATION } from '../destination/config.ts';
import { Metrics as DestinationMetrics, type Measured } from '../destination/server/metrics.ts';
import { WATCH_BOUNDS } from '../destination/server/watch-server.ts';
import { SETTINGS as IDENTITY } from '../identity/config.ts';
import type { CurrentIssuer } from '../identity/issue/current-issuer.ts';
import { IdentityMetrics } from '../identity/metrics.ts';
import { CERTIFY_BOUNDS } from '../identity/server.ts';
import { ANSWER_STATUS } from '../proxy/answers.ts';
import { SETTINGS as PROXY } from '../proxy/config.ts';
import { LIMITS } from '../proxy/limits.ts';
import { BLAME, type Blame } from '../proxy/outbound/blame.ts';
import { Metrics } from '../proxy/telemetry/metrics.ts';
import { processMetrics } from '../proxy/telemetry/process-metrics.ts';
import { WebhookMetrics } from '../webhook/admission/metrics.ts';
import { ADMISSION_BOUNDS } from '../webhook/admission/server.ts';
import { SETTINGS as WEBHOOK } from '../webhook/config.ts';
import { compatibilityTable } from './compatibility.ts';
import { PROXY_ERROR_ADVICE } from './proxy-error-advice.ts';

/** Every generated part of the reference, as Markdown by name. */
export function referenceParts(): Readonly<Record<string, string>> {
  return {
    'environment-proxy': environment(PROXY),
    'environment-identity': environment(IDENTITY),
    'environment-destination': environment(DESTINATION),
    'environment-webhook': environment(WEBHOOK),
    annotations: annotations(),
    'unheard-annotations': table(
      ['annotation', 'would', 'instead'],
      Object.values(UNHEARD_ANNOTATIONS).flatMap((effects) =>
        Object.entries(effects).map(([name, effect]) => [code(name), effect, HEARD_INSTEAD[name] ?? '–']),
      ),
    ),
    defaults: defaults(),
    ports: table(
      ['port', 'of', 'for'],
      Object.entries(PORTS).map(([name, row]) => [String(new Map(Object.entries(ports)).get(name)), ...row]),
    ),
    labels: table(
      ['name', 'on', 'meaning'],
      LABELS.map(([name, where, meaning]) => [code(name), where, meaning]),
    ),
    objects: table(
      ['name', 'kind', 'meaning'],
      OBJECTS.map(([name, kind, meaning]) => [code(name), kind, meaning]),
    ),
    'metrics-proxy': proxyMetrics(),
    'metrics-identity': programMetrics(new IdentityMetrics({} as CurrentIssuer)),
    'metrics-destination': programMetrics(measured()),
    'metrics-webhook': programMetrics(new WebhookMetrics()),
    'proxy-errors': table(
      ['reason', 'HTTP', 'gRPC', 'counts against', 'meaning', 'what to do'],
      PROXY_ERROR_REASONS.map((reason) => {
        const { status, grpc } = ANSWER_STATUS[reason];
        const { [reason]: blame } = BLAME;
        return [code(reason), String(status), String(grpc), COUNTS_AGAINST[blame], ...PROXY_ERROR_ADVICE[reason]];
      }),
    ),
    'mesh-headers': table(
      ['header', 'said by', 'heard by', 'removed from'],
      MESH_HEADERS.map(({ name, saidBy, heardBy, removedFrom }) => [
        code(name),
        saidBy,
        heardBy,
        removedFrom.map((speaker) => SPEAKERS[speaker]).join('; '),
      ]),
    ),
    'mesh-protocols': words('ALPN value', MESH_PROTOCOLS),
    'mesh-ports': words('port', MESH_PORTS),
    'mesh-labels': words('label or annotation', MESH_LABELS),
    limits: table(
      ['token', 'of', 'bound', 'why', 'variable', 'above it'],
      Object.entries(LIMITS).map(([token, { what, bound, reason, variable, consequence }]) => [
        code(token),
        what,
        bound,
        reason,
        variable ? code(variable) : '–',
        consequence,
      ]),
    ),
    'server-limits': table(
      ['token', 'of', ...SERVERS.map(([name]) => name), 'above it'],
      Object.entries(SERVER_LIMITS).map(([token, { what, above, bound }]) => [
        code(token),
        what,
        ...SERVERS.map(([, bounds]) => bound(bounds)),
        above,
      ]),
    ),
    compatibility: compatibilityTable(),
    commands: COMMANDS.map(({ name, help }) => `## weft ${name}\n\n\`\`\`text\n${help.trim()}\n\`\`\``).join('\n\n'),
  };
}

const SERVERS = [
  ['identity', CERTIFY_BOUNDS],
  ['destination', WATCH_BOUNDS],
  ['webhook', ADMISSION_BOUNDS],
  ['admin ports', ADMIN_BOUNDS],
] as const;

const COUNTS_AGAINST: Readonly<Record<Blame, string>> = {
  endpoint: 'the endpoint',
  impostor: 'the address',
  request: 'the request',
  nobody: '–',
};

const SPEAKERS: Readonly<Record<Speaker, string>> = {
  application: 'requests of the application, by its own proxy',
  client: 'requests of clients, by the server’s proxy',
  outsider: 'requests of clients without an identity, by the server’s proxy',
  server: 'answers of the application, by its own proxy',
  endpoint: 'answers of endpoints with a proxy of ours, by the client’s proxy',
  stranger: 'answers of servers without one, by the client’s proxy',
};

function words(kind: string, rows: readonly MeshWord[]): string {
  return table(
    [kind, 'said by', 'meaning', 'anybody else'],
    rows.map(({ word, saidBy, meaning, others }) => [code(word), saidBy, meaning, others]),
  );
}

function environment(settings: Settings): string {
  return table(
    ['variable', 'kind', 'default', 'meaning'],
    Object.values(settings).map(({ name, kind, fallback, meaning }) => [
      code(name),
      kind.name,
      fallback === null ? '**required**' : fallback === '' ? '–' : code(fallback),
      meaning,
    ]),
  );
}

function annotations(): string {
  return table(
    ['annotation', 'Linkerd’s', 'Istio’s', 'values', 'meaning'],
    Object.values(POD_ANNOTATIONS).map(({ weft, linkerd, istio, values, meaning }: PodAnnotation) => [
      code(weft),
      linkerd ? code(linkerd) : '–',
      istio ? code(istio) : '–',
      values,
      meaning,
    ]),
  );
}

/** Defaults that a variable of the proxy sets, with what changes them for a pod. */
function defaults(): string {
  const rows: [string, Setting<unknown>, PodAnnotation | null][] = [
    ['connecting to an endpoint', PROXY.outboundConnectTimeout, POD_ANNOTATIONS.outboundConnectTimeout],
    ['connecting to the application', PROXY.inboundConnectTimeout, POD_ANNOTATIONS.inboundConnectTimeout],
    ['silence of a client after which the server may speak first', PROXY.detectTimeout, null],
    ['opaque ports', PROXY.opaquePorts, POD_ANNOTATIONS.opaquePorts],
    ['inbound policy', PROXY.defaultInboundPolicy, POD_ANNOTATIONS.defaultInboundPolicy],
    ['drain after SIGTERM, at most', PROXY.shutdownGrace, POD_ANNOTATIONS.shutdownGrace],
    ['log level', PROXY.logLevel, POD_ANNOTATIONS.logLevel],
  ];
  return table(
    ['what', 'default', 'for a pod', 'variable'],
    rows.map(([what, { name, fallback }, annotation]) => [
      what,
      fallback ?? '',
      annotation ? code(annotation.weft) : '–',
      code(name),
    ]),
  );
}

function proxyMetrics(): string {
  const { registry } = new Metrics();
  processMetrics(registry);
  return metricTable(registry.families);
}

/** Metrics of the control plane, without those of Node that prom-client adds. */
function programMetrics({ registry }: { readonly registry: WebhookMetrics['registry'] }): string {
  // The package's types leave out the labels.
  const rows = registry.getMetricsAsArray() as unknown as MetricRow[];
  return metricTable(rows.filter(({ name }) => name.startsWith('weft_')));
}

/** What is read at a scrape is not asked for here. */
function measured(): DestinationMetrics {
  const metrics = new DestinationMetrics();
  metrics.measure({} as Measured);
  return metrics;
}

interface MetricRow {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames?: readonly string[];
}

function metricTable(rows: readonly MetricRow[]): string {
  const withLabels = rows.some(({ labelNames }) => labelNames !== undefined);
  return table(
    ['metric', 'type', ...(withLabels ? ['labels'] : []), 'meaning'],
    rows.map(({ name, type, help, labelNames }) => [
      code(name),
      type,
      ...(withLabels ? [labelNames?.map(code).join(', ') || '–'] : []),
      help,
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

const PORTS: Readonly<Record<keyof typeof ports, readonly [owner: string, purpose: string]>> = {
  PROXY_INBOUND_PORT: ['proxy', 'connections to the pod'],
  PROXY_OUTBOUND_PORT: ['proxy', 'connections of the application'],
  PROXY_ADMIN_PORT: ['proxy', 'health, metrics, control'],
  IDENTITY_PORT: ['Service and pod of identity', '`POST /v1/certify`'],
  DESTINATION_PORT: ['Service and pod of destination', '`POST /v1/watch`'],
  WEBHOOK_SERVICE_PORT: ['Service of the webhook', 'admission reviews'],
  WEBHOOK_PORT: ['pod of the webhook', 'admission reviews; private clusters leave this port open'],
  CONTROL_ADMIN_PORT: ['pods of the control plane', 'health and metrics, in plain HTTP'],
};

const LABELS: readonly (readonly [name: string, where: string, meaning: string])[] = [
  [names.INJECT, 'label or annotation of namespace or pod', '`enabled`, `disabled` or `ingress` (see below)'],
  [names.LINKERD_INJECT, 'label or annotation of namespace or pod', 'the same, in Linkerd’s words'],
  [names.ISTIO_INJECTION, 'label of a namespace', '`enabled` or `disabled`, in Istio’s words'],
  [names.ISTIO_REVISION, 'label of namespace or pod', 'any revision means that injection is wanted'],
  [names.ISTIO_SIDECAR_INJECT, 'label or annotation of a pod', '`true` or `false`, in Istio’s words'],
  [
    names.ROUTE_PROFILE_ANNOTATION,
    'annotation of a Deployment or its pod template',
    'a ServiceProfile’s name, or inline YAML of its `spec`',
  ],
  [
    names.RESTART_UNINJECTED_ANNOTATION,
    'annotation of a namespace',
    '`enabled`: workloads whose pods slipped through are restarted once (see below)',
  ],
  [
    names.REQUEST_OVERRIDES_ANNOTATION,
    'annotation of a Service or namespace',
    '`enabled`: requests may say themselves how they are retried and timed out (see below)',
  ],
  [names.RESTARTED_ANNOTATION, 'annotation of a pod template', 'when the webhook restarted the workload'],
  [names.NAMESPACE_ANNOTATION_LABEL, 'label of a namespace', 'set by the webhook where a namespace asks by annotation'],
  [names.CONTROL_NAMESPACE_LABEL, 'label of every injected pod', 'namespace of the control plane that its proxy obeys'],
  [names.INJECTED_ANNOTATION, 'annotation of every injected pod', 'version and settings of the injection'],
];

const OBJECTS: readonly (readonly [name: string, kind: string, meaning: string])[] = [
  [names.CONTROL_NAMESPACE, 'Namespace', 'the control plane'],
  [names.IDENTITY_SERVICE_ACCOUNT, 'Deployment, Service, ServiceAccount', 'the certificate authority'],
  [names.DESTINATION_SERVICE_ACCOUNT, 'Deployment, Service, ServiceAccount', 'discovery'],
  [names.WEBHOOK_SERVICE_ACCOUNT, 'Deployment, Service, ServiceAccount', 'admission'],
  [names.ISSUER_SECRET, 'Secret', 'key and certificate of the issuer'],
  [names.WEBHOOK_TLS_SECRET, 'Secret', 'serving certificate of the webhook'],
  [names.TRUST_ROOTS_CONFIG_MAP, 'ConfigMap', `the roots (\`${names.TRUST_ROOTS_KEY}\`), in every injected namespace`],
  [names.INIT_CONTAINER, 'container', 'writes the redirect rules'],
  [names.PROXY_CONTAINER, 'container', `the proxy, as user ${names.PROXY_UID}`],
];
