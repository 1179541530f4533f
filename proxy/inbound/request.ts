import type { SocketAddress } from '../../core/config/socket-address.ts';
import { REASON_OF_REFUSAL } from '../access/verdict.ts';
import type { FailureLog } from '../admin/failure-log.ts';
import { answer, type Failure, resetFailure, statusOf } from '../answers.ts';
import {
  type ClientStream,
  type Fields,
  fieldValue,
  http2Fields,
  isGrpc,
  opensTunnel,
  type RequestHead,
  type ResponseHead,
  type ServerStream,
  type StreamListener,
  upgradeUnsupported,
} from '../http.ts';
import { brokenOff, CANCEL, INTERNAL_ERROR, REFUSED_STREAM } from '../http2/wire-vocabulary.ts';
import { fieldsOfServer, trailersOf } from '../mesh-fields.ts';
import type { Client } from '../routing/inbound-policy.ts';
import { isProbe } from '../routing/probe.ts';
import { pathOf } from '../routing/request-parts.ts';
import type { CompiledRoute } from '../routing/route-table.ts';
import { come } from '../telemetry/callers.ts';
import type { Metrics, Outcome, ResponseSeries } from '../telemetry/metrics.ts';
import { grpcStatus } from '../telemetry/outcome-labels.ts';
import type { ConnectError } from '../transport/dialer.ts';
import type { Waiter } from '../transport/http-pool.ts';
import type { Application, ApplicationServer } from './application.ts';
import type { PortVerdict } from './ports.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { counterOf, isCurrent, type Reading, type ReadingContext, readHead } from './reading.ts';
import type { RequestsUnderWay, UnderWay } from './requests-under-way.ts';

/** What an inbound request needs of the proxy. */
export interface InboundContext extends ReadingContext {
  readonly application: Application;
  readonly metrics: Metrics;
  readonly failures: FailureLog;
  /** Where the application is, when it is not at the connection's own destination. */
  readonly applicationAddress: string | null;
}

/** A connection's share of what its requests need. */
export interface InboundConnection {
  readonly client: Client;
  readonly destination: SocketAddress;
  /** The client speaks HTTP/2 that is not ours: names go out in lower case. */
  readonly isStrict: boolean;
  /** Where its requests go. */
  readonly server: ApplicationServer;
  /** Series of this client and port. */
  readonly responses: ResponseSeries;
  /** What was found out for the last request's head. */
  last: Reading | null;
  /** Those under way, which a change of policy may end. */
  readonly requests: RequestsUnderWay;
}

/**
 * One request on its way in.
 *
 *     policy ─▶ rate limit ─▶ route (metrics) ─▶ connection to the application ─▶ answer
 *
 * Only what provably never reached the application is tried again here; the rest is for the client's proxy to decide.
 */
export class InboundRequest implements StreamListener, Waiter, UnderWay {
  previous: UnderWay | null = null;
  next: UnderWay | null = null;
  readonly #downstream: ServerStream;
  /** As the application gets it. */
  readonly #head: RequestHead & { version: string };
  /** With its tokens, which were looked at then, milliseconds since 1970. */
  readonly #asked: RequestHead;
  readonly #readAtMs: number;
  readonly #connection: InboundConnection;
  readonly #context: InboundContext;
  readonly #route: CompiledRoute;
  readonly #series: ResponseSeries;
  readonly #startMs = performance.now();
  /** Listens to the application. */
  readonly listener = new Answer(this);
  /** The client has given up. */
  cancelled = false;
  #upstream: ClientStream | null = null;
  /** What came of the body before there was a connection; null: nothing. */
  #held: Buffer[] | null = null;
  #requestDone: boolean;
  #trailers: Fields | null = null;
  #answer: ResponseHead | null = null;
  /** The answer has opened a tunnel: it is over when both sides have ended. Else the rest of the request goes on after it. */
  #isTunnel = false;
  #answerDone = false;
  #refusals = 0;
  #bodyless = false;
  #over = false;

  constructor(
    downstream: ServerStream,
    head: RequestHead,
    end: boolean,
    connection: InboundConnection,
    context: InboundContext,
  ) {
    this.#downstream = downstream;
    this.#connection = connection;
    this.#context = context;
    this.#requestDone = end;
    const rules = context.ports.rules(connection.destination.port);
    if (!isCurrent(connection.last, head, rules)) connection.last = readHead(head, rules, connection, context);
    const { asked, sent, isOffered, route, series, readAtMs, verdict, judged, isProbe, caller } = connection.last!;
    this.#asked = asked;
    this.#readAtMs = readAtMs;
    this.#head = sent;
    this.#route = route;
    this.#series = series;
    this.#series.request();
    connection.responses.request();
    connection.requests.add(this);

    const isRefused = verdict.isRefused && !isProbe;
    come(caller, isRefused, this.#startMs);
    if (verdict.isRefused && isProbe) this.#countProbe();
    else judged.value++;
    for (const counter of verdict.noted) counter.value++;
    if (isRefused) {
      this.#refuse(verdict);
      return;
    }
    const excess = rules.rateLimiter && this.#excess(rules.rateLimiter);
    if (excess !== null) this.#fail({ reason: 'rate_limited', message: excess });
    else if (!isOffered) this.#fail(upgradeUnsupported(sent));
    else this.#connect();
  }

  /** Which bound the request exceeds; null: none. Probes, and the pod itself, have none. */
  #excess(limiter: RateLimiter): string | null {
    const { client } = this.#connection;
    const isOwn = client.isLocal && client.identity === '';
    return isOwn || this.#connection.last!.isProbe ? null : limiter.refusal(client.identity, this.#startMs);
  }

  // From the client.

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (last) this.#requestDone = true;
    if (!this.#upstream) {
      if (this.#over || end === start) return;
      this.#held ??= [];
      this.#held.push(Buffer.from(bytes.subarray(start, end)));
      return;
    }
    const sent = this.#upstream.sendData(bytes, start, end, last);
    if (sent > 0) this.#downstream.grant(sent);
    if (last && this.#answerDone) this.#done(null);
  }

  onTrailers(fields: Fields): void {
    const kept = this.#context.ports.tokens.withoutLent(trailersOf(fields));
    this.#requestDone = true;
    this.#trailers = kept;
    this.#upstream?.sendTrailers(kept);
    if (this.#answerDone) this.#done(null);
  }

  onReset(): void {
    this.#upstream?.reset(CANCEL);
    if (this.#over) return;
    this.cancelled = true;
    this.#end({ status: 499, success: true, grpcStatus: '', error: 'cancelled' });
  }

  onSent(octets: number): void {
    this.#upstream?.grant(octets);
  }

  onResponse(): void {}
  onInformational(): void {}

  // The connection to the application.

  #connect(): void {
    this.#connection.server.pool(this.#head.version ? 'http1' : 'http2').acquire(this);
  }

  onUnavailable(error: ConnectError): void {
    const { host, port } = this.#connection.server;
    this.#fail({ reason: error.reason, message: `the application at ${host}:${port}: ${error.message}` });
  }

  onStream(upstream: ClientStream): void {
    this.#upstream = upstream;
    const held = this.#held;
    const trailers = this.#trailers;
    const last = this.#requestDone && !trailers;
    this.#bodyless = last && held === null;
    upstream.sendRequest(this.#head, this.#bodyless);
    this.#context.metrics.addedInbound.observe((performance.now() - this.#startMs) / 1000);
    this.#held = null;
    if (held !== null) {
      for (let i = 0; i < held.length; i++) {
        const sent = upstream.sendData(held[i]!, 0, held[i]!.length, last && i === held.length - 1);
        if (sent > 0) this.#downstream.grant(sent);
      }
    }
    if (trailers) upstream.sendTrailers(trailers);
  }

  // From the application, by way of its listener.

  onAnswer(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#isTunnel = opensTunnel(this.#head, head);
    this.#answer = head;
    this.#downstream.sendResponse(this.#answerHead(head), end);
    if (end) this.#onAnswerEnd(null);
  }

  onAnswerInformational(head: ResponseHead): void {
    if (!this.#over) this.#downstream.sendResponse(this.#answerHead(head), false);
  }

  onAnswerData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.#over) return;
    const sent = this.#downstream.sendData(bytes, start, end, last);
    if (sent > 0) this.#upstream?.grant(sent);
    if (last) this.#onAnswerEnd(null);
  }

  onAnswerTrailers(fields: Fields): void {
    if (this.#over) return;
    this.#downstream.sendTrailers(this.#answerFields(trailersOf(fields)));
    this.#onAnswerEnd(fields);
  }

  onAnswerReset(code: number): void {
    // The answer was whole: the application takes no more of the request.
    if (this.#over) return this.#downstream.refuseRest();
    // The application took nothing of the request: it closed an idle connection under it, or is ending.
    if (code === REFUSED_STREAM && !this.#answer && this.#bodyless && ++this.#refusals < APPLICATION_ATTEMPTS)
      return this.#connect();
    const failure = resetFailure('endpoint_closed', 'the application', code);
    if (!this.#answer) return this.#fail(failure);
    this.#downstream.reset(brokenOff(code));
    this.#end({ status: this.#answer.status, success: false, grpcStatus: '', error: failure.reason });
  }

  onRequestSent(octets: number): void {
    this.#downstream.grant(octets);
  }

  #answerHead(head: ResponseHead): ResponseHead {
    const fields = this.#answerFields(head.fields);
    return fields === head.fields ? head : { status: head.status, fields };
  }

  /** Only a proxy may say that an answer is a proxy's: clients' proxies try again by it. */
  #answerFields(fields: Fields): Fields {
    const own = fieldsOfServer(fields);
    return this.#connection.isStrict ? http2Fields(own) : own;
  }

  #onAnswerEnd(trailers: Fields | null): void {
    this.#answerDone = true;
    // What the client still says in a tunnel arrives.
    if (!this.#isTunnel || this.#requestDone) this.#done(trailers);
  }

  #done(trailers: Fields | null): void {
    const head = this.#answer!;
    const grpc = grpcStatus(fieldValue(trailers ?? head.fields, 'grpc-status'));
    this.#end({ status: head.status, success: this.#route.isSuccess(head.status, grpc), grpcStatus: grpc, error: '' });
  }

  #fail(failure: Failure): void {
    if (this.#over) return;
    const { client } = this.#connection;
    this.#tell(failure);
    this.#end({ status: statusOf(failure.reason), success: false, grpcStatus: '', error: failure.reason });
    answer(this.#downstream, failure, {
      grpc: isGrpc(this.#head) && !this.#head.version,
      audience: client.identity === '' && !client.isLocal ? 'stranger' : 'peer',
    });
  }

  /** Tells the operator of a failure. */
  #tell(failure: Failure): void {
    const { metrics, failures } = this.#context;
    const { client, destination } = this.#connection;
    metrics.inboundErrors.with({ error: failure.reason }).value++;
    failures.add('inbound', failure, {
      target: `${destination.host}:${destination.port}`,
      route: this.#route.route.name,
      method: this.#head.method,
      path: this.#head.path,
      endpoint: client.address,
    });
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.requests.remove(this);
    const latencyMs = performance.now() - this.#startMs;
    this.#series.response(outcome, latencyMs);
    this.#connection.responses.response(outcome, latencyMs);
  }

  /** Answers that policy refuses it; a client that has no business here without an identity is cut off instead. */
  #refuse(verdict: PortVerdict): void {
    const failure = refusedBy(verdict, this.#head);
    if (verdict.refusal !== 'reset') return this.#fail(failure);
    this.#tell(failure);
    this.#end({ status: 0, success: false, grpcStatus: '', error: failure.reason });
    this.#downstream.reset(INTERNAL_ERROR);
  }

  /** Probes are let in whatever policies say. */
  #countProbe(): void {
    const { ports, metrics } = this.#context;
    const { client, destination } = this.#connection;
    metrics.authzAllow.with({ ...ports.probeLabels(destination.port), tls: client.identity ? 'true' : 'no_identity' })
      .value++;
  }

  /** Policy has changed: what it lets in no more ends, whether it is answered already, is a tunnel, or waits. */
  endIfRefused(): void {
    const { ports, metrics } = this.#context;
    const { client, destination } = this.#connection;
    // A token that has expired since is none that policy refuses.
    const authentication = ports.tokens.of(this.#asked, this.#readAtMs);
    const verdict = ports.judgeRequest(destination.port, client, this.#head, authentication);
    if (this.#over || !verdict.isRefused || this.#isProbe()) return;
    counterOf(verdict, client, metrics).value++;
    this.#upstream?.reset(CANCEL);
    this.cancelled = true;
    if (!this.#answer) return this.#refuse(verdict);
    const failure = refusedBy(verdict, this.#head);
    this.#tell(failure);
    this.#downstream.reset(INTERNAL_ERROR);
    this.#end({ status: this.#answer.status, success: false, grpcStatus: '', error: failure.reason });
  }

  #isProbe(): boolean {
    return isProbe(this.#context.probePaths, this.#connection.destination.port, this.#head);
  }
}

/** Hears the application for a request, which itself hears the client. */
class Answer implements StreamListener {
  readonly #request: InboundRequest;

  constructor(request: InboundRequest) {
    this.#request = request;
  }

  onResponse(head: ResponseHead, end: boolean): void {
    this.#request.onAnswer(head, end);
  }

  onInformational(head: ResponseHead): void {
    this.#request.onAnswerInformational(head);
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.#request.onAnswerData(bytes, start, end, last);
  }

  onTrailers(fields: Fields): void {
    this.#request.onAnswerTrailers(fields);
  }

  onReset(code: number): void {
    this.#request.onAnswerReset(code);
  }

  onSent(octets: number): void {
    this.#request.onRequestSent(octets);
  }
}

/** Tries while the application refuses or closes idle connections. */
const APPLICATION_ATTEMPTS = 3;

function refusedBy({ refusal, why }: PortVerdict, { scheme, authority, path }: RequestHead): Failure {
  const reason = REASON_OF_REFUSAL[refusal];
  if (reason !== 'token_invalid' && reason !== 'token_for_others') return { reason, message: why };
  const realm = `${scheme}://${authority}${pathOf(path)}`.slice(0, MAX_REALM_CHARACTERS);
  // RFC 6750 section 3.
  const challenge = `Bearer realm="${realm.replace(/["\\]/g, encodeURIComponent)}", error="invalid_token"`;
  return { reason, message: why, challenge };
}

/** As Envoy cuts it. */
const MAX_REALM_CHARACTERS = 256;
