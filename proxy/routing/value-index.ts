import { type Entry, firstOf, insertAt } from './entry.ts';
import type { RequestView } from './predicate.ts';
import { headerValue, isNamed, lowerCase, queryValue } from './request-parts.ts';

/** Entries by name and value of a header. */
export class HeaderIndex {
  /** Chains by value, by name in lower case. */
  readonly #names = new Map<string, Map<string, Entry>>();
  /** 1 for each length that some name has: most fields are none of ours. */
  readonly #lengths = new Uint8Array(256);

  add(name: string, value: string, entry: Entry): void {
    this.#lengths[Math.min(name.length, 255)] = 1;
    insertAt(valuesOf(this.#names, name), value, entry);
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
  readonly #names = new Map<string, Map<string, Entry>>();

  add(name: string, value: string, entry: Entry): void {
    insertAt(valuesOf(this.#names, name), value, entry);
  }

  first(request: RequestView, limit: number): number {
    if (this.#names.size === 0) return limit;
    for (const [name, values] of this.#names) {
      const value = queryValue(request.path, name);
      if (value !== null) limit = firstOf(values.get(value), request, limit);
    }
    return limit;
  }
}

function valuesOf(names: Map<string, Map<string, Entry>>, name: string): Map<string, Entry> {
  let values = names.get(name);
  if (!values) {
    values = new Map();
    names.set(name, values);
  }
  return values;
}
