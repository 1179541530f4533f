import type { TokenPlace, TokenRule } from '../../api/request-authentication.ts';
import { decodedForm, isNamed, octetsOf } from '../routing/request-parts.ts';

/** The parts of a request that may have tokens. One character an octet. */
export interface Carrier {
  /** The target, with its query. */
  readonly path: string;
  readonly fields: readonly string[];
}

/** The places of a rule, compiled: what it finds in a request, and a request without that. */
export class TokenPlaces {
  readonly #headers: readonly { readonly name: string; readonly prefix: string; readonly isApart: boolean }[];
  readonly #queries: readonly string[];
  readonly #cookies: readonly string[];

  /** @throws Error for a place that this version does not know: a token there would not be checked */
  constructor(places: readonly TokenPlace[]) {
    const headers: { name: string; prefix: string; isApart: boolean }[] = [];
    const queries: string[] = [];
    const cookies: string[] = [];
    for (const place of places) {
      if ('header' in place) {
        const prefix = octetsOf(place.prefix.toLowerCase());
        headers.push({ name: place.header, prefix: prefix.trimEnd(), isApart: /\s$/.test(prefix) });
      } else if ('query' in place) queries.push(octetsOf(place.query));
      else if ('cookie' in place) cookies.push(octetsOf(place.cookie));
      else throw new Error(`knows no place of tokens by ${Object.keys(place).join(', ') || 'nothing'}`);
    }
    this.#headers = headers;
    this.#queries = queries;
    this.#cookies = cookies;
  }

  /** All of the rules' places. */
  static ofAll(rules: readonly TokenRule[]): TokenPlaces {
    return new TokenPlaces(rules.flatMap(({ places }) => places));
  }

  /** Every token there, as it is written: each line of a header, each parameter and cookie of the name. Mostly none or one. */
  find({ path, fields }: Carrier): readonly string[] {
    const found: string[] = [];
    for (let i = 0; i < fields.length; i += 2) {
      for (const header of this.#headers) {
        const token = isNamed(fields[i]!, header.name) ? afterPrefix(fields[i + 1]!, header) : null;
        if (token !== null) found.push(token);
      }
      if (this.#cookies.length > 0 && isNamed(fields[i]!, 'cookie'))
        for (const { name, value } of cookiesOf(fields[i + 1]!)) if (this.#cookies.includes(name)) found.push(value);
    }
    if (this.#queries.length > 0)
      for (const { name, value } of parametersOf(path)) if (this.#queries.includes(name)) found.push(value);
    return found;
  }

  /** The request without what {@link find} finds; the same object where there is nothing. */
  without(request: Carrier): Carrier {
    const path = this.#queries.length > 0 ? this.#pathWithout(request.path) : request.path;
    const fields: string[] = [];
    for (let i = 0; i < request.fields.length; i += 2) {
      const [name, value] = [request.fields[i]!, request.fields[i + 1]!];
      if (this.#headers.some((header) => isNamed(name, header.name) && afterPrefix(value, header) !== null)) continue;
      const kept = this.#cookies.length > 0 && isNamed(name, 'cookie') ? this.#cookiesWithout(value) : value;
      if (kept !== null) fields.push(name, kept);
    }
    const isSame = path === request.path && fields.every((each, at) => each === request.fields[at]);
    return isSame && fields.length === request.fields.length ? request : { path, fields };
  }

  #pathWithout(path: string): string {
    const query = path.indexOf('?');
    if (query < 0) return path;
    // Parameters at even places, what separates them at odd ones.
    const parts = path.slice(query + 1).split(/([&;])/);
    const isKept = (at: number) => !this.#queries.includes(parameterOf(parts[at]!).name);
    let rest = '';
    for (let at = 0; at < parts.length; at += 2)
      if (isKept(at)) rest += `${rest === '' ? '' : parts[at - 1]}${parts[at]}`;
    if (parts.every((_, at) => at % 2 === 1 || isKept(at))) return path;
    return rest === '' ? path.slice(0, query) : `${path.slice(0, query)}?${rest}`;
  }

  /** null: nothing is left. */
  #cookiesWithout(line: string): string | null {
    const pairs = line.split(';');
    const kept = pairs.filter((pair) => !this.#cookies.includes(cookieOf(pair).name));
    if (kept.length === pairs.length) return line;
    return kept.length === 0 ? null : kept.join(';').trimStart();
  }
}

/** What follows the prefix; null: the value is of something else. */
function afterPrefix(value: string, { prefix, isApart }: { prefix: string; isApart: boolean }): string | null {
  if (value.length <= prefix.length || value.slice(0, prefix.length).toLowerCase() !== prefix) return null;
  const rest = value.slice(prefix.length);
  // Whatever space there is: servers differ in what they take for one.
  return isApart && !/^\s/.test(rest) ? null : rest.trim();
}

function cookiesOf(line: string): { readonly name: string; readonly value: string }[] {
  return line.split(';').map(cookieOf);
}

/** RFC 6265 section 4.2.1; the value may be quoted. */
function cookieOf(pair: string): { readonly name: string; readonly value: string } {
  const equals = pair.indexOf('=');
  if (equals < 0) return { name: '', value: '' };
  return {
    name: pair.slice(0, equals).trim(),
    value: pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1'),
  };
}

/** Also those behind a semicolon, which some servers take for what separates parameters (HTML 4.01 appendix B.2.2). */
function parametersOf(target: string): { readonly name: string; readonly value: string }[] {
  const query = target.indexOf('?');
  if (query < 0) return [];
  return target
    .slice(query + 1)
    .split(/[&;]/)
    .map(parameterOf);
}

function parameterOf(part: string): { readonly name: string; readonly value: string } {
  const equals = part.indexOf('=');
  if (equals < 0) return { name: decodedForm(part), value: '' };
  return { name: decodedForm(part.slice(0, equals)), value: decodedForm(part.slice(equals + 1)) };
}
