import { DST_CANONICAL_HEADER, ORIG_PROTO_HEADER } from '../../api/proxy-headers.ts';
import {
  type ClientStream,
  type Fields,
  http2Fields,
  type RequestHead,
  type ResponseHead,
  type StreamListener,
} from '../http.ts';
import type { Outcome } from '../telemetry/metrics.ts';
import type { ConnectError } from '../transport/dialer.ts';
import type { Waiter } from '../transport/http-client.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { OutboundRequest } from './request.ts';
import type { RouteSeries, Target } from './target.ts';

/** One try at one endpoint: waits for its stream, then listens to it. */
export class Attempt implements StreamListener, Waiter {
  readonly client: EndpointClient;
  stream: ClientStream | null = null;
  cancelled = false;
  readonly #request: OutboundRequest;
  readonly #series: RouteSeries;
  readonly #version: 'http1' | 'http2';
  readonly #startMs = performance.now();
  #head: ResponseHead | null = null;
  #counted = false;
  #over = false;

  constructor(request: OutboundRequest, client: EndpointClient, series: RouteSeries, version: 'http1' | 'http2') {
    this.#request = request;
    this.client = client;
    this.#series = series;
    this.#version = version;
  }

  get listener(): StreamListener {
    return this;
  }

  /** Asks for a stream to the endpoint. */
  start(): void {
    this.client.load.inFlight++;
    this.client.pool(this.#version).acquire(this);
  }

  onStream(stream: ClientStream): void {
    this.stream = stream;
    this.client.responses.request();
    this.#series.actual.request();
    this.#counted = true;
    this.#request.onStream(this);
  }

  onUnavailable(error: ConnectError): void {
    this.#over = true;
    this.#request.onUnavailable(this, error);
  }

  /** The request's head as the endpoint's protocol wants it; the same for a head that came before, as shared heads do. */
  requestHead(head: RequestHead, target: Target): RequestHead & { version: string } {
    const { client } = this;
    if (head === client.lastHead && client.lastRewritten) return client.lastRewritten;
    const rewritten = this.#rewrite(head, target);
    client.lastHead = head;
    client.lastRewritten = rewritten;
    return rewritten;
  }

  #rewrite(head: RequestHead, target: Target): RequestHead & { version: string } {
    const { endpoint } = this.client;
    const version = head.version ?? '';
    if (!endpoint.tls) return { ...head, version, fields: version === '' ? http2Fields(head.fields) : head.fields };
    const fields = this.fieldsFor(head.fields);
    const canonical =
      target.description.kind === 'service'
        ? [DST_CANONICAL_HEADER, `${target.description.name}:${target.description.port}`]
        : [];
    return {
      method: head.method,
      // Between proxies the scheme is the application's; an absolute form is told by the header.
      scheme: head.scheme === '' ? 'http' : head.scheme,
      authority: head.authority,
      path: head.path,
      protocol: head.protocol,
      version: '',
      fields: version === '' ? [...fields, ...canonical] : [...fields, ORIG_PROTO_HEADER, version, ...canonical],
    };
  }

  fieldsFor(fields: Fields): Fields {
    return this.#version === 'http1' && (this.client.keepsCase || !this.client.endpoint.tls)
      ? fields
      : http2Fields(fields);
  }

  cancel(code: number): void {
    this.cancelled = true;
    if (this.#over) return;
    this.#over = true;
    this.stream?.reset(code);
  }

  /** The attempt's outcome is known. Counts it once. */
  finish(outcome: Outcome): void {
    if (!this.#counted) return this.#leave();
    this.#counted = false;
    const latencyMs = performance.now() - this.#startMs;
    this.client.responses.response(outcome, latencyMs);
    this.#series.actual.response(outcome, latencyMs);
    this.#leave();
  }

  #left = false;
  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.client.load.inFlight--;
  }

  onResponse(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    const nowMs = performance.now();
    this.client.load.observe(nowMs - this.#startMs, nowMs);
    this.#head = head;
    if (!this.#request.onUpstreamResponse(this, head, end)) {
      this.#over = true;
      return;
    }
    if (end) this.#end(null);
  }

  onInformational(head: ResponseHead): void {
    if (!this.#over) this.#request.onUpstreamInformational(head);
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.#over) return;
    this.#request.onUpstreamData(this, bytes, start, end, last);
    if (last) this.#end(null);
  }

  onTrailers(fields: Fields): void {
    if (this.#over) return;
    this.#request.onUpstreamTrailers(fields);
    this.#end(fields);
  }

  onReset(code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#request.onUpstreamReset(this, code);
  }

  onSent(octets: number): void {
    if (!this.#over) this.#request.onUpstreamSent(octets);
  }

  #end(trailers: Fields | null): void {
    this.#over = true;
    this.#request.onUpstreamEnd(this, this.#head!, trailers);
  }
}
