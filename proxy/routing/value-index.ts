import { type Entry, firstOf, insertAt } from './entry.ts';
import type { RequestView } from './predicate.ts';
import { headerValue, isNamed, lowerCase, queryValue } from './request-parts.ts';

/** Entries by name and value of a header. */
export class HeaderIndex {
  /** Chains by value, by name in lower case. */
  readonly #names = new Map<string, Map<string, Entry>>();
  /** 1 for each length that some name has: most fields are none of ours. */
  readonly #lengths = new Uint8Array(256);

  /** Adds a value of a header. @param name in lower case */
  add(name: string, value: string, entry: Entry): void {
    this.#lengths[Math.min(name.length, 255)] = 1;
    let values = this.#names.get(name);
    if (!values) {
      values = new Map();
      this.#names.set(name, values);
    }
    insertAt(values, value, entry);
  }

  /** The first route before `limit` that takes the request, or `limit`. */
  first(request: RequestView, limit: number): number {
    if (this.#names.size === 0) return limit;
    const { fields } = request;
    for (let i = 0; i < fields.length; i += 2) {
      const field = fields[i]!;
      if (this.#lengths[Math.min(field.length, 255)] === 0) continue;
      const name = this.#names.has(field) ? field : lowerCase(field);
      const values = this.#names.get(name);
      if (!values || isRepeated(fields, i, name)) continue;
      limit = firstOf(values.get(headerValue(fields, name)!), request, limit);
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
  readonly #names: string[] = [];
  /** Chains by value, one map for each name. */
  readonly #values: Map<string, Entry>[] = [];

  /** Adds a value of a parameter, percent-decoded. */
  add(name: string, value: string, entry: Entry): void {
    let at = this.#names.indexOf(name);
    if (at < 0) {
      at = this.#names.push(name) - 1;
      this.#values.push(new Map());
    }
    insertAt(this.#values[at]!, value, entry);
  }

  /** The first route before `limit` that takes the request, or `limit`. */
  first(request: RequestView, limit: number): number {
    for (let i = 0; i < this.#names.length; i++) {
      const value = queryValue(request.path, this.#names[i]!);
      if (value !== null) limit = firstOf(this.#values[i]!.get(value), request, limit);
    }
    return limit;
  }
}
