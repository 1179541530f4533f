import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import { EndpointSeries } from './endpoint-series.ts';
import { outcomeLabels, statusLabel } from './outcome-labels.ts';
import {
  type Counter,
  type CounterFamily,
  type Histogram,
  type HistogramFamily,
  type Labels,
  Registry,
} from './registry.ts';

/** Buckets of `response_latency_ms`, which are linkerd2-proxy's, so that its dashboards read ours. */
const LATENCY_MS = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000, 10_000, 20_000, 30_000,
  40_000, 50_000,
];

/** Buckets of the time that the proxy itself adds, in seconds. */
const ADDED_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5];

/** How an exchange ended, as metrics tell it. `success` is by the classes of its route. */
export interface Outcome {
  readonly status: number;
  readonly success: boolean;
  /** gRPC status, `0` to `16`; empty: not gRPC. */
  readonly grpcStatus: string;
  /** Reason where a proxy made the answer; empty: it came from the application. `cancelled`: the client gave up. */
  readonly error: ProxyErrorReason | 'cancelled' | '';
}

/** Every family, under Linkerd's names where it has one. */
export class Metrics {
  readonly registry = new Registry();
  readonly #r = this.registry;
  readonly requests = this.#r.counter(
    'request_total',
    'Requests sent to (outbound) or taken for (inbound) an endpoint.',
  );
  readonly responses = this.#r.counter('response_total', 'Answers, by status and classification.');
  readonly latency = this.#r.histogram(
    'response_latency_ms',
    'Time from the request to the end of its answer, in milliseconds.',
    LATENCY_MS,
  );
  readonly routeRequests = this.#r.counter('route_request_total', 'Requests by route, retries not counted.');
  readonly routeResponses = this.#r.counter('route_response_total', 'Answers by route, after retries.');
  readonly routeLatency = this.#r.histogram(
    'route_response_latency_ms',
    'Time from request to end of answer by route, retries included.',
    LATENCY_MS,
  );
  readonly routeActualRequests = this.#r.counter(
    'route_actual_request_total',
    'Requests by route, each retry counted.',
  );
  readonly routeActualResponses = this.#r.counter('route_actual_response_total', 'Answers by route, of each attempt.');
  readonly routeRetryable = this.#r.counter(
    'route_retryable_total',
    'Failures that a rule would retry; skipped says why one was not.',
  );
  readonly #added = this.#r.histogram(
    'weft_proxy_added_latency_seconds',
    'Time that the proxy itself adds to a request.',
    ADDED_SECONDS,
  );
  /** Of the proxy to others; they are asked only when they are silent. */
  readonly pingRoundTrip = this.#r
    .histogram(
      'weft_proxy_ping_round_trip_seconds',
      'Time to the answer of a keep-alive PING to another proxy, which is sent after 1 s of silence while answers are owed.',
      ADDED_SECONDS,
    )
    .with({ direction: 'outbound' });
  readonly addedInbound = this.#added.with({ direction: 'inbound' });
  readonly addedOutbound = this.#added.with({ direction: 'outbound' });
  readonly tcpOpenTotal = this.#r.counter('tcp_open_total', 'Connections opened.');
  readonly tcpOpen = this.#r.gauge('tcp_open_connections', 'Connections open now.');
  readonly tcpClose = this.#r.counter('tcp_close_total', 'Connections closed.');
  readonly tcpRead = this.#r.counter('tcp_read_bytes_total', 'Bytes read.');
  readonly tcpWrite = this.#r.counter('tcp_write_bytes_total', 'Bytes written.');
  readonly authzAllow = this.#r.counter('inbound_http_authz_allow_total', 'Requests that the inbound policy let in.');
  readonly authzDeny = this.#r.counter('inbound_http_authz_deny_total', 'Requests that the inbound policy refused.');
  readonly authzAudit = this.#r.counter(
    'inbound_authz_audit_total',
    'Requests, and connections of octets, that a rule takes whose action is AUDIT.',
  );
  readonly authzDryRun = this.#r.counter(
    'inbound_authz_dry_run_total',
    'Requests, and connections of octets, by what policies would say of them that are only tried (`verdict`).',
  );
  readonly rateLimited = this.#r.counter(
    'inbound_http_local_ratelimit_total',
    'Requests over a rate limit, by the policy and by which of its bounds: total, identity or override.',
  );
  readonly tcpAuthzAllow = this.#r.counter(
    'inbound_tcp_authz_allow_total',
    'Connections that the inbound policy let in.',
  );
  readonly tcpAuthzDeny = this.#r.counter(
    'inbound_tcp_authz_deny_total',
    'Connections that the inbound policy refused.',
  );
  readonly inboundErrors = this.#r.counter('inbound_http_errors_total', 'Answers that the proxy made itself, inbound.');
  readonly outboundErrors = this.#r.counter(
    'outbound_http_errors_total',
    'Answers that the proxy made itself, outbound.',
  );
  readonly detected = this.#r.counter(
    'weft_proxy_protocol_detections_total',
    'What the first bytes of a connection turned out to be.',
  );
  readonly ejections = this.#r.counter(
    'weft_proxy_endpoint_ejections_total',
    'Times that a circuit breaker left an endpoint out, by backend.',
  );
  readonly ejected = this.#r.gauge(
    'weft_proxy_ejected_endpoints',
    'Endpoints that a circuit breaker leaves out now or has on probation, by backend.',
  );
  readonly unknownTargets = this.#r.counter(
    'weft_proxy_unknown_target_connections_total',
    'Connections to addresses that discovery does not know, forwarded untouched.',
  );
  readonly malformed = this.#r.counter(
    'weft_proxy_malformed_messages_total',
    'Messages and connections refused as malformed.',
  );
  readonly #limits = this.#r.counter(
    'weft_limit_exceeded_total',
    'Times that a peer (src: client, dst: server) exceeded a limit, by its token.',
  );
  readonly destinationConnected = this.#r.gauge(
    'weft_proxy_destination_connected',
    '1 while the stream to destination is open; 0: serving on what is known.',
  );
  readonly destinationStreams = this.#r.counter(
    'weft_proxy_destination_streams_total',
    'Streams to destination begun.',
  );
  readonly #keyExchanges = this.#r.counter(
    'weft_proxy_key_exchanges_total',
    'Connections with mutual TLS to others, by the group of their key exchange.',
  );
  readonly certificateRefreshes = this.#r.counter(
    'control_identity_cert_refreshes_total',
    'Certificates asked for, by result.',
  );
  readonly certificateExpiry = this.#r.gauge(
    'control_identity_cert_expiration_timestamp_seconds',
    'When the certificate expires.',
  );

  /** Of endpoints of the outbound side, which come and go. */
  readonly endpoints = new EndpointSeries([
    this.requests,
    this.responses,
    this.latency,
    this.tcpOpenTotal,
    this.tcpOpen,
    this.tcpClose,
    this.tcpRead,
    this.tcpWrite,
  ]);

  constructor() {
    this.registry.collect(() => this.endpoints.sweep(performance.now()));
  }

  /** Counter of connections to others whose keys were exchanged in a group. */
  keyExchange(group: string): Counter {
    return this.#keyExchanges.with({ direction: 'outbound', group: GROUPS.includes(group) ? group : 'other' });
  }

  /** The groups that have been seen, and how often. */
  keyExchanges(): Readonly<Record<string, number>> {
    const counts = [...GROUPS, 'other'].map((group) => [group, this.keyExchange(group).value] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  /** Counts that a peer has exceeded a limit. @param limit its token */
  exceeded(direction: 'inbound' | 'outbound', peer: 'src' | 'dst', limit: string): void {
    this.#limits.with({ direction, peer, limit }).value++;
  }
}

/** As OpenSSL names what proxies offer (`prime256v1`: P-256). */
const GROUPS: readonly string[] = ['X25519MLKEM768', 'X25519', 'prime256v1'];

/** The series of one set of labels, found once; answers by status below it. */
export class ResponseSeries {
  readonly #labels: Labels;
  readonly #requests: Counter;
  readonly #responses: CounterFamily;
  readonly #latency: HistogramFamily | null;
  readonly #byOutcome = new Map<string, OutcomeSeries>();
  /** The answer before this one: the next mostly ends alike, and is counted without a look-up. */
  #last: OutcomeSeries | null = null;

  constructor(labels: Labels, requests: CounterFamily, responses: CounterFamily, latency: HistogramFamily | null) {
    this.#labels = labels;
    this.#requests = requests.with(labels);
    this.#responses = responses;
    this.#latency = latency;
  }

  /** Counts a request when it begins. */
  request(): void {
    this.#requests.value++;
  }

  /** Counts an answer, and its latency where the family has one, when it has ended. */
  response(outcome: Outcome, latencyMs: number): void {
    const last = this.#last;
    const series = last !== null && isSame(last.outcome, outcome) ? last : this.#find(outcome);
    series.answers.value++;
    series.latency?.observe(latencyMs);
  }

  #find(outcome: Outcome): OutcomeSeries {
    const { status, success, grpcStatus, error } = outcome;
    const key = `${status} ${success} ${grpcStatus} ${error}`;
    let series = this.#byOutcome.get(key);
    if (!series) {
      const answers = this.#responses.with({ ...this.#labels, ...outcomeLabels(status, success, grpcStatus, error) });
      const latency = this.#latency?.with({ ...this.#labels, status_code: statusLabel(status) }) ?? null;
      series = { outcome, answers, latency };
      this.#byOutcome.set(key, series);
    }
    this.#last = series;
    return series;
  }
}

interface OutcomeSeries {
  readonly outcome: Outcome;
  readonly answers: Counter;
  readonly latency: Histogram | null;
}

function isSame(a: Outcome, b: Outcome): boolean {
  return a.status === b.status && a.success === b.success && a.grpcStatus === b.grpcStatus && a.error === b.error;
}

/** Counters of connections to or from one peer. */
export class TcpSeries {
  readonly #open: Counter;
  readonly #opened: Counter;
  readonly #closed: Counter;
  readonly #read: Counter;
  readonly #write: Counter;

  constructor(metrics: Metrics, labels: Labels) {
    this.#opened = metrics.tcpOpenTotal.with(labels);
    this.#open = metrics.tcpOpen.with(labels);
    this.#closed = metrics.tcpClose.with(labels);
    this.#read = metrics.tcpRead.with(labels);
    this.#write = metrics.tcpWrite.with(labels);
  }

  opened(): void {
    this.#opened.value++;
    this.#open.value++;
  }

  /** Counts what came from the peer and went to it. */
  octets(read: number, written: number): void {
    this.#read.value += read;
    this.#write.value += written;
  }

  closed(): void {
    this.#closed.value++;
    this.#open.value--;
  }
}
