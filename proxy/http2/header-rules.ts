import type { Fields, RequestHead, ResponseHead } from './message.ts';

/** Marks the final answer of an application that ignored an upgrade, where 200 would mean that it was accepted. */
const UPGRADE_IGNORED = 'weft-upgrade-ignored';

/** What is wrong with a header list; a stream error of type PROTOCOL_ERROR (RFC 9113 section 8.1.1). */
export type HeaderFault =
  | 'pseudo_header_unknown'
  | 'pseudo_header_repeated'
  | 'pseudo_header_misplaced'
  | 'pseudo_header_missing'
  | 'header_name_invalid'
  | 'header_value_invalid'
  | 'header_connection_specific'
  | 'te_invalid'
  | 'status_invalid'
  | 'path_invalid'
  | 'scheme_invalid'
  | 'authority_invalid'
  | 'trailer_invalid';

/**
 * Reads a request's header list (RFC 9113 section 8.3.1, RFC 8441 section 4).
 *
 * @param keepCase upper-case letters in names are allowed: our own proxies carry HTTP/1 that way
 */
export function readRequest(fields: Fields, keepCase: boolean): RequestHead | HeaderFault {
  let method = '';
  let scheme = '';
  let authority = '';
  let path = '';
  let protocol = '';
  let seen = 0;
  let at = 0;
  for (; at < fields.length && fields[at]!.charCodeAt(0) === COLON; at += 2) {
    const value = fields[at + 1]!;
    let bit = 0;
    switch (fields[at]) {
      case ':method':
        bit = 1;
        method = value;
        break;
      case ':scheme':
        bit = 2;
        scheme = value;
        break;
      case ':authority':
        bit = 4;
        authority = value;
        break;
      case ':path':
        bit = 8;
        path = value;
        break;
      case ':protocol':
        bit = 16;
        protocol = value;
        break;
      default:
        return 'pseudo_header_unknown';
    }
    if (seen & bit) return 'pseudo_header_repeated';
    if (!isFieldValue(value)) return 'header_value_invalid';
    seen |= bit;
  }
  let rest = at === 0 ? fields : fields.slice(at);
  const fault = faultOf(rest, keepCase);
  if (fault) return fault;
  for (let i = 0; i < rest.length; i += 2) {
    if (rest[i]!.length !== 4 || rest[i]!.toLowerCase() !== 'host') continue;
    // Host is another way to say the authority; two that differ are a way to say two things (section 8.3.1).
    if (authority === '') authority = rest[i + 1]!;
    else if (!isSameHost(authority, rest[i + 1]!, scheme)) return 'authority_invalid';
    rest = rest.toSpliced(i, 2);
    i -= 2;
  }
  if (!isAuthority(authority)) return 'authority_invalid';

  if (!isToken(method)) return 'pseudo_header_missing';
  if (method === 'CONNECT' && (seen & 16) === 0) {
    return seen === (1 | 4) && authority !== ''
      ? { method, scheme, authority, path, protocol, fields: rest }
      : 'pseudo_header_missing';
  }
  if ((seen & 16) !== 0 && (method !== 'CONNECT' || protocol === '')) return 'pseudo_header_misplaced';
  if ((seen & (2 | 8)) !== (2 | 8) || scheme === '') return 'pseudo_header_missing';
  if (!/^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme)) return 'scheme_invalid';
  if (!isPath(path, method)) return 'path_invalid';
  return { method: protocol === '' ? method : 'GET', scheme, authority, path, protocol, fields: rest };
}

/** Reads an answer's header list (section 8.3.2). @param isUpgrade it answers an extended CONNECT: 200 accepts, as 101 */
export function readResponse(fields: Fields, keepCase: boolean, isUpgrade: boolean): ResponseHead | HeaderFault {
  if (fields[0] !== ':status') return 'pseudo_header_missing';
  const text = fields[1]!;
  let status = /^[1-9]\d\d$/.test(text) ? Number(text) : 0;
  if (status === 0 || status === 101) return 'status_invalid';
  let rest: Fields = fields.slice(2);
  const fault = faultOf(rest, keepCase);
  if (fault) return fault;
  if (isUpgrade && status >= 200 && status < 300) {
    const ignored = rest.indexOf(UPGRADE_IGNORED);
    if (ignored < 0) status = 101;
    else rest = rest.filter((_, i) => i !== ignored && i !== ignored + 1);
  }
  return { status, fields: rest };
}

/** Whether a trailer list is allowed: no pseudo-header (section 8.1). */
export function trailersFault(fields: Fields, keepCase: boolean): HeaderFault | null {
  return faultOf(fields, keepCase);
}

/** The header list of a request, pseudo-headers first. */
export function requestFields(head: RequestHead): string[] {
  const fields = [':method', head.protocol === '' ? head.method : 'CONNECT'];
  if (head.method !== 'CONNECT') fields.push(':scheme', head.scheme, ':path', head.path);
  if (head.authority !== '') fields.push(':authority', head.authority);
  if (head.protocol !== '') fields.push(':protocol', head.protocol);
  return fields.concat(head.protocol === '' ? head.fields : withoutLength(head.fields));
}

/** What a tunnel carries is no content, whatever an upgrade's request said of its own. */
function withoutLength(fields: Fields): Fields {
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-length');
  return at < 0 ? fields : fields.filter((_, i) => i !== at && i !== at + 1);
}

/** The header list of an answer. @param isUpgrade it answers an extended CONNECT */
export function responseFields(head: ResponseHead, isUpgrade: boolean): string[] {
  const accepted = isUpgrade && head.status === 101;
  const fields = [':status', accepted ? '200' : String(head.status)].concat(head.fields);
  if (isUpgrade && head.status >= 200 && head.status < 300) fields.push(UPGRADE_IGNORED, '1');
  return fields;
}

/** Whether two authorities are one, the default port of the scheme said or not (RFC 9110 section 4.2.3). */
function isSameHost(one: string, other: string, scheme: string): boolean {
  if (one === other) return true;
  const port = scheme === 'https' ? ':443' : scheme === 'http' ? ':80' : '';
  const bare = (text: string) =>
    (port !== '' && text.endsWith(port) ? text.slice(0, -port.length) : text).toLowerCase();
  return bare(one) === bare(other);
}

/** Whether a client may wait with the body until it is asked for it (RFC 9110 section 10.1.1). */
export function expectsContinue(fields: Fields): boolean {
  for (let i = 0; i < fields.length; i += 2)
    if (fields[i]!.length === 6 && fields[i]!.toLowerCase() === 'expect')
      return fields[i + 1]!.toLowerCase() === '100-continue';
  return false;
}

/** The declared content-length: -1 when there is none, -2 when it is no number or stands twice. */
export function contentLength(fields: Fields): number {
  let length = -1;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name.length !== 14 || name.toLowerCase() !== 'content-length') continue;
    const value = fields[i + 1]!;
    if (!/^\d{1,15}$/.test(value)) return -2;
    // Even equal ones: HTTP/1 servers refuse what this would be forwarded as.
    if (length >= 0) return -2;
    length = Number(value);
  }
  return length;
}

function faultOf(fields: Fields, keepCase: boolean): HeaderFault | null {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name.charCodeAt(0) === COLON) return 'pseudo_header_misplaced';
    if (!isFieldName(name, keepCase)) return 'header_name_invalid';
    if (!isFieldValue(fields[i + 1]!)) return 'header_value_invalid';
    switch (keepCase ? name.toLowerCase() : name) {
      case 'connection':
      case 'proxy-connection':
      case 'keep-alive':
      case 'transfer-encoding':
      case 'upgrade':
        return 'header_connection_specific'; // section 8.2.2
      case 'te':
        if (fields[i + 1]!.toLowerCase() !== 'trailers') return 'te_invalid';
        break;
      case 'trailer':
        // Fields that frame a message cannot come after it (RFC 9110 section 6.5.1).
        if (/(?:^|[\s,])(?:content-length|transfer-encoding|trailer)(?:$|[\s,])/i.test(fields[i + 1]!))
          return 'trailer_invalid';
        break;
    }
  }
  return null;
}

/** A path with query. White space and control characters would be another request in HTTP/1 (section 8.3.1). */
function isPath(path: string, method: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return path === '*' && method === 'OPTIONS';
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code <= 32 || code === 127 || code === HASH) return false;
  }
  return true;
}

/** A host with an optional port: none of what delimits an authority from the rest of a URI, no list, no white space. */
function isAuthority(text: string): boolean {
  return /^(?:\[[0-9A-Za-z:.%_~-]+\]|[0-9A-Za-z._~!$&'()*+;=%-]*)(?::\d{0,5})?$/.test(text);
}

function isToken(text: string): boolean {
  return text !== '' && isFieldName(text, true);
}

/** Token characters (RFC 9110 section 5.6.2), by octet. */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  TOKEN[char.charCodeAt(0)] = char >= 'A' && char <= 'Z' ? 2 : 1;
}

function isFieldName(name: string, keepCase: boolean): boolean {
  if (name.length === 0) return false;
  for (let i = 0; i < name.length; i++) {
    const kind = TOKEN[name.charCodeAt(i)];
    if (kind !== 1 && !(keepCase && kind === 2)) return false;
  }
  return true;
}

/**
 * No white space at either end (section 8.2.1) and no control character but TAB: HTTP/1 servers, to which the field may
 * go, refuse the message otherwise (RFC 9110 section 5.5).
 */
function isFieldValue(value: string): boolean {
  const length = value.length;
  if (length === 0) return true;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(length - 1));
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

const COLON = 58;
const SLASH = 47;
const HASH = 35;
