import { type Bucket, bucketOf, type Entry } from './bucket.ts';
import type { RequestView } from './predicate.ts';
import { headerValue, isNamed, lowerCase, queryValue } from './request-parts.ts';

/** Entries by name and value of a header. */
export class HeaderIndex {
  /** Buckets by value, by name in lower case. */
  readonly #names = new Map<string, Map<string, Bucket>>();
  /** 1 for each length that some name has: most fields are none of ours. */
  readonly #lengths = new Uint8Array(256);

  add(name: string, value: string, entry: Entry): void {
    this.#lengths[Math.min(name.length, 255)] = 1;
    bucketOf(valuesOf(this.#names, name), value).add(entry);
  }

  first(request: RequestView, limit: number): number {
    if (this.#names.size === 0) return limit;
    const { fields } = request;
    for (let i = 0; i < fields.length; i += 2) {
      const field = fields[i]!;
      if (this.#lengths[Math.min(field.length, 255)] === 0) continue;
      const name = this.#names.has(field) ? field : lowerCase(field);
      const values = this.#names.get(name);
      if (!values || isRepeated(fields, i, name)) continue;
      limit = values.get(headerValue(fields, name)!)?.first(request, limit) ?? limit;
    }
    return limit;
  }
}

/** Whether an earlier line has the name too. */
function isRepeated(fields: readonly string[], at: number, name: string): boolean {
  for (let i = 0; i < at; i += 2) if (isNamed(fields[i]!, name)) return true;
  return false;
}

/** Entries by name and value of a query parameter. */
export class QueryIndex {
  readonly #names = new Map<string, Map<string, Bucket>>();

  add(name: string, value: string, entry: Entry): void {
    bucketOf(valuesOf(this.#names, name), value).add(entry);
  }

  first(request: RequestView, limit: number): number {
    if (this.#names.size === 0) return limit;
    for (const [name, values] of this.#names) {
      const value = queryValue(request.path, name);
      if (value !== null) limit = values.get(value)?.first(request, limit) ?? limit;
    }
    return limit;
  }
}

function valuesOf(names: Map<string, Map<string, Bucket>>, name: string): Map<string, Bucket> {
  let values = names.get(name);
  if (!values) {
    values = new Map();
    names.set(name, values);
  }
  return values;
}
