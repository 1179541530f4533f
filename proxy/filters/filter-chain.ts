import type { Fault, Filters, Mirror } from '../../api/filters.ts';
import type { Route, WeightedBackend } from '../../api/routing.ts';
import type { Fields, RequestHead, ResponseHead } from '../http.ts';
import { compilePathRewrite } from '../routing/path-rewrite.ts';
import { CorsPolicy } from './cors.ts';
import { bothChanges, changeHeaders, type HeaderContext, isConstant, octetChange } from './header-change.ts';
import { redirectLocation } from './redirect.ts';

/** An answer in the backend's stead: a redirect, a direct response, an injected abort or a preflight. */
export interface OwnAnswer {
  readonly head: ResponseHead;
  /** Empty: none. */
  readonly body: Buffer;
}

/**
 * The filters of one alternative of a route, compiled: the route's own, and the backend's where both say the same thing.
 *
 *     cors ─▶ fault ─▶ redirect or direct response ─▶ rewrite ─▶ request headers ─▶ … ─▶ response headers ─▶ cors
 */
export class FilterChain {
  readonly fault: Fault | null;
  readonly mirrors: readonly Mirror[];
  readonly #filters: Filters;
  readonly #cors: CorsPolicy | null;
  readonly #rewritePath: ((path: string) => string) | null;
  readonly #redirectPath: (path: string) => string;
  readonly #body: Buffer;
  /** What a head becomes is the same for every request with that head. */
  readonly #isConstant: boolean;
  #lastHead: RequestHead | null = null;
  #lastForwarded: RequestHead | null = null;

  /** @throws when a pattern is not of RE2 syntax; translators refuse such a route before it comes here */
  constructor(filters: Filters) {
    const { requestHeaders, responseHeaders } = filters;
    this.#filters = {
      ...filters,
      ...(requestHeaders && { requestHeaders: octetChange(requestHeaders) }),
      ...(responseHeaders && { responseHeaders: octetChange(responseHeaders) }),
    };
    this.fault = filters.fault ?? null;
    this.mirrors = filters.mirrors ?? [];
    this.#cors = filters.cors ? new CorsPolicy(filters.cors) : null;
    this.#rewritePath = filters.rewrite?.path ? compilePathRewrite(filters.rewrite.path) : null;
    this.#redirectPath = compilePathRewrite(filters.redirect?.path ?? {});
    this.#body = Buffer.from(filters.respond?.body ?? '', 'base64');
    this.#isConstant = isConstant(filters.requestHeaders);
  }

  /** The answer to a request that may not or need not reach a backend: before faults, a preflight. */
  preflight(head: RequestHead): OwnAnswer | null {
    const answer = this.#cors?.preflight(head);
    return answer ? { head: answer, body: NOTHING } : null;
  }

  /** A redirect or a direct response; null: the request goes on. @param port of the Service */
  ownAnswer(head: RequestHead, port: number, context: HeaderContext): OwnAnswer | null {
    const { redirect, respond } = this.#filters;
    if (redirect) {
      const location = redirectLocation(redirect, head, port, this.#redirectPath);
      const fields = this.answerFields(['location', location, 'content-length', '0'], context);
      return { head: { status: redirect.status, fields }, body: NOTHING };
    }
    if (!respond) return null;
    const length = String(this.#body.length);
    const type = this.#body.length > 0 ? ['content-type', 'text/plain'] : [];
    const fields = this.answerFields(['content-length', length, ...type], context);
    return { head: { status: respond.status, fields }, body: this.#body };
  }

  /** The head as it goes to the backend. */
  forward(head: RequestHead, context: HeaderContext): RequestHead {
    if (this.#isConstant && head === this.#lastHead) return this.#lastForwarded!;
    const { rewrite, requestHeaders } = this.#filters;
    const forwarded = {
      ...head,
      authority: rewrite?.authority ?? head.authority,
      path: this.#rewritePath ? this.#rewritePath(head.path) : head.path,
      fields: requestHeaders ? changeHeaders(head.fields, requestHeaders, context) : head.fields,
    };
    this.#lastHead = head;
    this.#lastForwarded = forwarded;
    return forwarded;
  }

  /** An answer's fields as they go to the client. */
  answerFields(fields: Fields, context: HeaderContext): Fields {
    const { responseHeaders } = this.#filters;
    const changed = responseHeaders ? changeHeaders(fields, responseHeaders, context) : fields;
    return this.#cors ? this.#cors.answer(context.head, changed) : changed;
  }
}

/** The filters of a route towards an alternative of its split; null: none. Compiled at the first request. */
export function filtersOf(route: Route, alternative: WeightedBackend | null): FilterChain | null {
  if (!route.filters && !alternative?.filters) return null;
  const key = alternative ?? route;
  let chain = CHAINS.get(key);
  if (!chain) {
    chain = new FilterChain(merge(route.filters ?? {}, alternative?.filters ?? {}));
    CHAINS.set(key, chain);
  }
  return chain;
}

function merge(route: Filters, backend: Filters): Filters {
  const requestHeaders = bothChanges(route.requestHeaders, backend.requestHeaders);
  const responseHeaders = bothChanges(route.responseHeaders, backend.responseHeaders);
  const mirrors = [...(route.mirrors ?? []), ...(backend.mirrors ?? [])];
  return {
    ...route,
    ...backend,
    ...(requestHeaders && { requestHeaders }),
    ...(responseHeaders && { responseHeaders }),
    ...(mirrors.length > 0 && { mirrors }),
  };
}

/** By route, or by alternative where the route has a split; both go with the target's description. */
const CHAINS = new WeakMap<Route | WeightedBackend, FilterChain>();
const NOTHING = Buffer.alloc(0);
