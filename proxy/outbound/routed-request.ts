import { OWN_BACKEND } from '../../api/routing.ts';
import type { Failure } from '../answers.ts';
import { NO_HASH } from '../balance/balancer.ts';
import { type FilterChain, filtersOf } from '../filters/filter-chain.ts';
import type { HeaderContext } from '../filters/header-change.ts';
import {
  http2Fields,
  isGrpc,
  type RequestHead,
  type ResponseHead,
  upgradeUnsupported,
  withOfferedUpgrade,
} from '../http.ts';
import { type CompiledRoute, NOT_FOUND } from '../routing/route-table.ts';
import type { OutboundBackend } from './backend.ts';
import { grpcTimeoutMs, withGrpcTimeout } from './grpc-timeout.ts';
import { unmatchedFailure } from './outcome.ts';
import { requestHash, type StickyCookie } from './request-hash.ts';
import { overriddenRequest } from './request-overrides.ts';
import type { Target } from './target.ts';

/**
 * What a request's head says of it: its route, where that leads, and how heads go either way. Decided once, when it comes;
 * does nothing.
 *
 *     route ─▶ headers of the request that change it ─▶ upgrade ─▶ split ─▶ filters, backend ─▶ deadline, hash
 */
export class RoutedRequest {
  /** As the application sent it, without what only the proxy was to know. */
  readonly head: RequestHead;
  readonly compiled: CompiledRoute;
  /** null: there are none. */
  readonly filters: FilterChain | null;
  readonly backend: OutboundBackend;
  /** What the client gives the request, milliseconds; 0: it does not say. */
  readonly deadlineMs: number;
  /** Of what keeps requests together, or {@link NO_HASH}. */
  readonly hash: number;
  /** Why it goes nowhere; null: it does. */
  readonly refusal: Failure | null;
  /** A cookie that keeps the client at its endpoint, to be set with the answer. */
  readonly #cookie: StickyCookie | null;
  readonly #client: string;
  /** As it goes to the backend. */
  #forwarded: RequestHead;

  /** @param client `host:port` of the application's connection */
  constructor(head: RequestHead, target: Target, client: string) {
    this.#client = client;
    const found = target.route(head);
    const overridden = target.description.requestOverrides ? overriddenRequest(head, found) : null;
    const asked = overridden?.head ?? head;
    const offered = withOfferedUpgrade(asked);
    this.head = offered ?? asked;
    this.#forwarded = this.head;
    this.compiled = overridden?.route ?? found;
    const alternative = this.compiled.pick();
    this.filters = filtersOf(this.compiled.route, alternative);
    this.backend = target.backend(alternative?.backend ?? OWN_BACKEND);
    this.deadlineMs = isGrpc(head) ? grpcTimeoutMs(head.fields) : 0;
    const hash = this.backend.description.balancer?.hash;
    const sticky = hash ? requestHash(hash, head, client) : null;
    this.hash = sticky?.hash ?? NO_HASH;
    this.#cookie = sticky?.cookie ?? null;
    if (!offered) this.refusal = upgradeUnsupported(asked);
    else this.refusal = found === NOT_FOUND ? unmatchedFailure(target.description, this.head) : null;
  }

  /** Of the application's HTTP. */
  get version(): 'http1' | 'http2' {
    return this.head.version ? 'http1' : 'http2';
  }

  /** gRPC over HTTP/2, whose clients look for a failure in its own status. */
  get isGrpc(): boolean {
    return !this.head.version && isGrpc(this.head);
  }

  /** What filters look at. */
  get headerContext(): HeaderContext {
    return { head: this.head, client: this.#client, route: this.compiled.route.name };
  }

  /** Has the filters change the head. @returns it as it goes on, to mirrors as well */
  filter(filters: FilterChain): RequestHead {
    this.#forwarded = filters.forward(this.head, this.headerContext);
    return this.#forwarded;
  }

  /** The head for an attempt: a deadline that the client gave is lowered by the time that has gone. */
  headAfter(goneMs: number): RequestHead {
    if (this.deadlineMs === 0 || goneMs < 1) return this.#forwarded;
    return { ...this.#forwarded, fields: withGrpcTimeout(this.#forwarded.fields, this.deadlineMs - goneMs) };
  }

  /** An answer's head as the application is to get it; the same where nothing changes. */
  answerHead(head: ResponseHead): ResponseHead {
    let { fields } = head;
    if (this.filters) fields = this.filters.answerFields(fields, this.headerContext);
    if (this.#cookie) fields = [...fields, 'set-cookie', this.#cookie.header];
    const kept = this.head.version ? fields : http2Fields(fields);
    return kept === head.fields ? head : { status: head.status, fields: kept };
  }
}
