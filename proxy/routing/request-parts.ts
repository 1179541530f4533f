/**
 * The parts of a request that predicates look at. Requests have one character an octet, so manifests' texts are brought
 * into that form ({@link octetsOf}) to be compared, and what a pattern is to match is brought out of it ({@link textOf}).
 */

/** The path of a request's target, without its query. */
export function pathOf(target: string): string {
  if (target === lastTarget) return lastPath;
  const query = target.indexOf('?');
  lastTarget = target;
  lastPath = query < 0 ? target : target.slice(0, query);
  lastText = null;
  return lastPath;
}

/** The path as Unicode, for patterns. */
export function pathTextOf(target: string): string {
  const path = pathOf(target);
  lastText ??= textOf(path);
  return lastText;
}

// Every route of a table asks for the same path.
let lastTarget = '';
let lastPath = '';
let lastText: string | null = null;

/** Host of an authority: in lower case, without its port; an IPv6 address keeps its brackets (RFC 3986 section 3.2). */
export function hostOf(authority: string): string {
  if (authority === lastAuthority) return lastHost;
  const end = authority.indexOf(':', authority.startsWith('[') ? authority.indexOf(']') : 0);
  lastAuthority = authority;
  lastHost = lowerCase(end < 0 ? authority : authority.slice(0, end));
  return lastHost;
}

let lastAuthority = '';
let lastHost = '';

/**
 * The value of a header, lines joined with `, ` (RFC 9110 section 5.3), of a cookie with `; ` (RFC 9113 section 8.2.3).
 *
 * @param name in lower case
 * @returns null: there is none
 */
export function headerValue(fields: readonly string[], name: string): string | null {
  let value: string | null = null;
  for (let i = 0; i < fields.length; i += 2) {
    if (!isNamed(fields[i]!, name)) continue;
    const line = fields[i + 1]!;
    value = value === null ? line : `${value}${name === 'cookie' ? '; ' : ', '}${line}`;
  }
  return value;
}

/** Whether a field's name is this one of lower case. */
export function isNamed(field: string, name: string): boolean {
  if (field.length !== name.length) return false;
  if (field === name) return true;
  for (let i = 0; i < name.length; i++) {
    const code = field.charCodeAt(i);
    if ((code >= UPPER_A && code <= UPPER_Z ? code + 32 : code) !== name.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * The value of the first parameter of that name in a target's query (https://url.spec.whatwg.org/#urlencoded-parsing).
 * Escapes that are none stand for themselves.
 *
 * @param name as {@link octetsOf} has it, decoded
 * @returns octets, decoded; null: there is none
 */
export function queryValue(target: string, name: string): string | null {
  const query = target.indexOf('?');
  if (query < 0) return null;
  for (let at = query + 1; at < target.length; ) {
    let end = at;
    let equals = -1;
    for (; end < target.length && target.charCodeAt(end) !== AMPERSAND; end++)
      if (equals < 0 && target.charCodeAt(end) === EQUALS) equals = end;
    const nameEnd = equals < 0 ? end : equals;
    if (end > at && isEncodingOf(target, at, nameEnd, name))
      return equals < 0 ? '' : decodedForm(target.slice(equals + 1, end));
    at = end + 1;
  }
  return null;
}

/** Whether `target[at, end)` decodes to `name`; without making a text of it, because a query may have thousands. */
function isEncodingOf(target: string, at: number, end: number, name: string): boolean {
  if (end - at < name.length) return false;
  for (let i = 0; i < name.length; i++, at++) {
    if (at >= end) return false;
    let code = target.charCodeAt(at);
    if (code === PLUS) code = SPACE;
    else if (code === PERCENT && at + 2 < end) {
      const octet = octetOf(target.charCodeAt(at + 1), target.charCodeAt(at + 2));
      if (octet >= 0) {
        code = octet;
        at += 2;
      }
    }
    if (code !== name.charCodeAt(i)) return false;
  }
  return at === end;
}

/** A name or value of a query, decoded; escapes that are none stand for themselves. */
export function decodedForm(raw: string): string {
  return raw.replace(/\+|%[0-9A-Fa-f]{2}/g, (code) => (code === '+' ? ' ' : escapedOctet(code)));
}

/** The octet that an escape stands for, `%2F`, as one character. */
export function escapedOctet(code: string): string {
  return String.fromCharCode(Number.parseInt(code.slice(1), 16));
}

function octetOf(high: number, low: number): number {
  const first = hexDigit(high);
  const second = hexDigit(low);
  return first < 0 || second < 0 ? -1 : first * 16 + second;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** ASCII letters in lower case, others as they are; the same text where nothing changes. */
export function lowerCase(text: string): string {
  return UPPER_CASE.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** A text's UTF-8, one character an octet. */
export function octetsOf(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text;
  return Array.from(new TextEncoder().encode(text), (octet) => String.fromCharCode(octet)).join('');
}

/** The text that octets are in UTF-8; what is no UTF-8 becomes U+FFFD. */
export function textOf(octets: string): string {
  if (!BEYOND_ASCII.test(octets)) return octets;
  return UTF8.decode(Uint8Array.from({ length: octets.length }, (_, i) => octets.charCodeAt(i)));
}

// A pattern that is written where it is used is a new object each time.
const UPPER_CASE = /[A-Z]/;
const BEYOND_ASCII = /[^\x00-\x7f]/;
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

const SPACE = 0x20;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const PLUS = 0x2b;
const EQUALS = 0x3d;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
