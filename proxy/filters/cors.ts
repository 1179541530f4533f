import type { Cors } from '../../api/filters.ts';
import { type Fields, fieldValue, type RequestHead, type ResponseHead } from '../http.ts';
import { compileString } from '../routing/predicate.ts';

/** A policy of cross-origin requests, compiled. */
export class CorsPolicy {
  readonly #cors: Cors;
  readonly #origins: readonly ((origin: string) => boolean)[];

  /** @throws when a pattern is not of RE2 syntax */
  constructor(cors: Cors) {
    this.#cors = cors;
    this.#origins = cors.origins.map(compileString);
  }

  /**
   * The answer to a preflight, in the application's stead; null: the request is none, or goes to the application.
   *
   * Source: https://fetch.spec.whatwg.org/#cors-preflight-fetch
   */
  preflight(head: RequestHead): ResponseHead | null {
    const origin = fieldValue(head.fields, 'origin');
    const method = fieldValue(head.fields, 'access-control-request-method');
    if (head.method !== 'OPTIONS' || origin === null || method === null) return null;
    if (!this.#allows(origin)) {
      return this.#cors.forwardsUnmatched ? null : { status: 200, fields: ['content-length', '0'] };
    }
    const { methods, requestHeaders, maxAge } = this.#cors;
    const asked = fieldValue(head.fields, 'access-control-request-headers');
    const allowed = requestHeaders.includes('*') && asked !== null ? asked : requestHeaders.join(',');
    const fields = [
      ...this.#common(origin),
      ...(methods.length > 0
        ? ['access-control-allow-methods', methods.includes('*') ? method : methods.join(',')]
        : []),
      ...(allowed === '' ? [] : ['access-control-allow-headers', allowed]),
      ...(maxAge === null ? [] : ['access-control-max-age', String(maxAge)]),
    ];
    return { status: 200, fields: [...fields, 'content-length', '0'] };
  }

  /** An answer's fields with what the browser needs to let the page see it. */
  answer(request: RequestHead, fields: Fields): Fields {
    const origin = fieldValue(request.fields, 'origin');
    if (origin === null || !this.#allows(origin)) return fields;
    const own = new Set(['access-control-allow-origin', 'access-control-allow-credentials']);
    const { exposedHeaders } = this.#cors;
    if (exposedHeaders.length > 0) own.add('access-control-expose-headers');
    const kept = fields.flatMap((name, i) =>
      i % 2 === 0 && !own.has(name.toLowerCase()) ? [name, fields[i + 1]!] : [],
    );
    const exposed = exposedHeaders.length > 0 ? ['access-control-expose-headers', exposedHeaders.join(',')] : [];
    return [...kept, ...this.#common(origin), ...exposed];
  }

  #allows(origin: string): boolean {
    return this.#origins.some((matches) => matches(origin));
  }

  /** The origin itself, never `*`: with it credentials would be refused, and caches must tell origins apart. */
  #common(origin: string): string[] {
    const credentials = this.#cors.hasCredentials ? ['access-control-allow-credentials', 'true'] : [];
    return ['access-control-allow-origin', origin, ...credentials, 'vary', 'origin'];
  }
}
