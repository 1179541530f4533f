import { isAuthority } from './authority.ts';
import { HeadMemo } from './head-memo.ts';
import { CONNECTION_FIELD, type Fields, type RequestHead, type ResponseHead, UPGRADE_FIELD } from './message.ts';
import { offeredUpgrades } from './upgrade.ts';

/** Turns octets into a string, one char an octet; given by the host. */
export type DecodeLatin1 = (bytes: Uint8Array, start: number, end: number) => string;

/** Why a message is refused. Everything ambiguous is (RFC 9112 sections 2.2, 3, 5, 6.3, 11.2). */
export type HeadFault =
  | 'head_too_large'
  | 'header_fields_too_many'
  | 'empty_line_flood'
  | 'header_timeout'
  | 'body_timeout'
  | 'bare_lf'
  | 'bare_cr'
  | 'request_line_invalid'
  | 'status_line_invalid'
  | 'version_unsupported'
  | 'target_invalid'
  | 'host_missing'
  | 'host_repeated'
  | 'host_invalid'
  | 'obs_fold'
  | 'space_before_colon'
  | 'header_name_invalid'
  | 'header_value_invalid'
  | 'content_length_invalid'
  | 'content_length_repeated'
  | 'content_length_with_transfer_encoding'
  | 'transfer_encoding_unsupported'
  | 'transfer_encoding_in_http10'
  | 'content_in_connect'
  | 'chunk_size_invalid'
  | 'chunk_extension_too_large'
  | 'chunk_extension_invalid'
  | 'chunk_end_invalid'
  | 'trailer_invalid';

/** Largest head accepted, request or status line included: 64 KiB, as HTTP/2's header list. */
export const MAX_HEAD_BYTES = 65_536;

/** Fields of a head, as many as HTTP/2's. */
export const MAX_HEADER_FIELDS = 256;

/** Empty lines before a request. Old clients send one after a body (RFC 9112 section 2.2); nobody sends more than a few. */
export const MAX_EMPTY_LINES = 8;

/** How a message's body ends (RFC 9112 section 6.3). */
export const BODY_NONE = 0;
export const BODY_LENGTH = 1;
export const BODY_CHUNKED = 2;
export const BODY_UNTIL_CLOSE = 3;

/** A parsed head, its connection-level fields already taken out of `fields`. Shared between messages that are alike. */
export interface Head {
  /** Requests: method and target. Answers: empty. */
  method: string;
  target: string;
  status: number;
  /** 0 or 1, of HTTP/1.x. */
  minor: number;
  fields: Fields;
  host: string | null;
  /** -1: not declared. */
  contentLength: number;
  chunked: boolean;
  close: boolean;
  keepAlive: boolean;
  /** What `Upgrade` offers, lower-case, where `Connection` lists it and it can be honoured; empty: nothing. */
  upgrade: string;
  /** What the layers above are told, made when it is first needed. */
  request: RequestHead | HeadFault | null;
  response: ResponseHead | null;
}

/** Heads seen before, of requests and of answers. */
const KNOWN = { request: new HeadMemo<Head>(), response: new HeadMemo<Head>() };

/**
 * Collects octets until a head is whole and parses it in place. A head that comes in one piece is never copied.
 *
 *     HTTP-message   = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]         section 2.1
 *     start-line     = request-line / status-line
 *     HTTP-version   = %s"HTTP" "/" DIGIT "." DIGIT                                       2.3
 *     request-line   = method SP request-target SP HTTP-version                           3
 *     method         = token                                                              3.1
 *     request-target = origin-form / absolute-form / authority-form / asterisk-form       3.2
 *     status-line    = HTTP-version SP status-code SP [ reason-phrase ]                   4
 *     status-code    = 3DIGIT
 *     reason-phrase  = 1*( HTAB / SP / VCHAR / obs-text )
 *     field-line     = field-name ":" OWS field-value OWS                                 5
 *     field-name     = token                                                              RFC 9110, 5.1
 *     token          = 1*tchar                                                            RFC 9110, 5.6.2
 *     OWS            = *( SP / HTAB )                                                     RFC 9110, 5.6.3
 *
 * Of requests narrower than the grammar's leniencies: a line ends with CR LF alone, although a recipient may take a bare LF (section 2.2);
 * one blank parts the words of a request line, although it may take more (section 3); obs-fold is refused, never joined
 * (section 5.2). Answers are read as others read them, because nobody but their own client is told by them: a bare LF ends a
 * line, blanks before a colon go (section 5.1), a length may stand twice if it is the same one, a status may be of any class,
 * and the blank before a reason phrase that is empty may be missing.
 *
 * Spec: RFC 9112 sections 2 to 5.
 */
export class HeadReader {
  readonly #latin1: DecodeLatin1;
  readonly #kind: 'request' | 'response';
  #carry: Uint8Array | null = null;
  #carried = 0;
  /** How far the search for the empty line has come within the carried octets. */
  #searched = 0;
  #emptyLines = 0;
  /** The offset after the head in the last chunk, when `read` returned a head. */
  next = 0;

  constructor(kind: 'request' | 'response', latin1: DecodeLatin1) {
    this.#kind = kind;
    this.#latin1 = latin1;
  }

  /** Whether some of a head has come. */
  get hasBegun(): boolean {
    return this.#carried > 0;
  }

  /**
   * Takes `bytes[start, end)`.
   *
   * @returns the head, with `next` set to the offset after it; null: more is needed and all was taken; or why it is refused
   */
  read(bytes: Uint8Array, start: number, end: number): Head | HeadFault | null {
    if (this.#kind === 'request') start = this.#skipEmptyLines(bytes, start, end);
    if (this.#emptyLines > MAX_EMPTY_LINES) return 'empty_line_flood';
    if (start === end) return null;
    if (this.#carry === null) {
      if (this.#kind === 'request' && !canBeginMethod(bytes[start]!)) return 'request_line_invalid';
      const found = findEnd(bytes, start, start, end);
      if (found >= 0) {
        if (found - start > MAX_HEAD_BYTES) return 'head_too_large';
        this.next = found;
        this.#emptyLines = 0;
        return this.#parse(bytes, start, found);
      }
      if (end - start > MAX_HEAD_BYTES) return 'head_too_large';
      this.#carry = new Uint8Array(Math.max(1024, (end - start) * 2));
      this.#carry.set(bytes.subarray(start, end));
      this.#carried = end - start;
      this.#searched = 0;
      return null;
    }
    const before = this.#carried;
    const taken = Math.min(end - start, MAX_HEAD_BYTES + 1 - before);
    if (before + taken > this.#carry.length) {
      const grown = new Uint8Array((before + taken) * 2);
      grown.set(this.#carry.subarray(0, before));
      this.#carry = grown;
    }
    this.#carry.set(bytes.subarray(start, start + taken), before);
    this.#carried = before + taken;
    const found = findEnd(this.#carry, 0, this.#searched, this.#carried);
    if (found < 0) {
      if (this.#carried > MAX_HEAD_BYTES) return 'head_too_large';
      this.#searched = Math.max(0, this.#carried - 3);
      return null;
    }
    const carry = this.#carry;
    this.#carry = null;
    this.#carried = 0;
    this.#emptyLines = 0;
    this.next = start + (found - before);
    return found > MAX_HEAD_BYTES ? 'head_too_large' : this.#parse(carry, 0, found);
  }

  #parse(bytes: Uint8Array, start: number, end: number): Head | HeadFault {
    const memo = KNOWN[this.#kind];
    const known = memo.find(bytes, start, end);
    if (known !== null) return known;
    const head = parseHead(bytes, start, end, this.#kind, this.#latin1);
    if (typeof head !== 'string') memo.keep(bytes, start, end, head);
    return head;
  }

  /** Empty lines before a request line are skipped (section 2.2), in whatever pieces they come. */
  #skipEmptyLines(bytes: Uint8Array, start: number, end: number): number {
    if (this.#carry !== null) {
      if (this.#carried !== 1 || this.#carry[0] !== CR || start === end || bytes[start] !== LF) return start;
      this.#carry = null;
      this.#carried = 0;
      start++;
      this.#emptyLines++;
    }
    for (; end - start >= 2 && bytes[start] === CR && bytes[start + 1] === LF; start += 2) this.#emptyLines++;
    return start;
  }
}

/** TLS and the like are told at once that this is no HTTP: they may send no line feed for long. */
function canBeginMethod(octet: number): boolean {
  return TOKEN[octet] === 1 || octet === CR || octet === LF;
}

/**
 * The offset after the first empty line at or after `from`, or -1. LF LF ends a head too, so that the parser refuses
 * the bare LF at once rather than the connection waiting for more.
 */
function findEnd(bytes: Uint8Array, start: number, from: number, end: number): number {
  for (let i = Math.max(from, start) + 1; i < end; i++) {
    if (bytes[i] !== LF) continue;
    const before = bytes[i - 1];
    if (before === LF || (before === CR && i - start >= 3 && bytes[i - 2] === LF)) return i + 1;
  }
  return -1;
}

function parseHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  kind: 'request' | 'response',
  latin1: DecodeLatin1,
): Head | HeadFault {
  const head: Head = {
    method: '',
    target: '',
    status: 0,
    minor: 1,
    fields: [],
    host: null,
    contentLength: -1,
    chunked: false,
    close: false,
    keepAlive: false,
    upgrade: '',
    request: null,
    response: null,
  };
  const isAnswer = kind === 'response';
  if (bytes[end - 2] !== CR && !isAnswer) return 'bare_lf';
  const last = bytes[end - 2] === CR ? end - 2 : end - 1;
  let lineEnd = lineEndAt(bytes, start, end, isAnswer);
  if (lineEnd < 0) return lineEnd === -1 ? 'bare_lf' : 'bare_cr';
  const line = latin1(bytes, start, lineEnd);
  const fault = kind === 'request' ? parseRequestLine(line, head) : parseStatusLine(line, head);
  if (fault) return fault;

  const fields: string[] = [];
  const connection: string[] = [];
  let upgrade = '';
  let count = 0;
  for (let at = afterLine(bytes, lineEnd); at < last; at = afterLine(bytes, lineEnd)) {
    if (++count > MAX_HEADER_FIELDS) return 'header_fields_too_many';
    lineEnd = lineEndAt(bytes, at, end, isAnswer);
    if (lineEnd < 0) return lineEnd === -1 ? 'bare_lf' : 'bare_cr';
    if (bytes[at] === SPACE || bytes[at] === TAB) return 'obs_fold';
    let colon = at;
    while (colon < lineEnd && TOKEN[bytes[colon]!] === 1) colon++;
    const nameEnd = colon;
    if (isAnswer) while (bytes[colon] === SPACE || bytes[colon] === TAB) colon++;
    if (nameEnd === at || colon === lineEnd || bytes[colon] !== COLON) {
      return bytes[colon] === SPACE || bytes[colon] === TAB ? 'space_before_colon' : 'header_name_invalid';
    }
    let from = colon + 1;
    let to = lineEnd;
    while (from < to && (bytes[from] === SPACE || bytes[from] === TAB)) from++;
    while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--;
    for (let i = from; i < to; i++) if (isControl(bytes[i]!)) return 'header_value_invalid';
    const name = latin1(bytes, at, nameEnd);
    const value = latin1(bytes, from, to);
    switch (name.length >= 4 && name.length <= 17 ? name.toLowerCase() : '') {
      case 'host':
        if (head.host !== null) return 'host_repeated';
        if (!isAuthority(value)) return 'host_invalid';
        head.host = value;
        break;
      case 'content-length':
        if (!/^\d{1,15}$/.test(value)) return 'content_length_invalid';
        if (head.contentLength >= 0) {
          if (isAnswer && head.contentLength === Number(value)) break;
          return 'content_length_repeated';
        }
        head.contentLength = Number(value);
        fields.push(name, value);
        break;
      case 'transfer-encoding':
        if (head.chunked || value.toLowerCase() !== 'chunked') return 'transfer_encoding_unsupported';
        head.chunked = true;
        break;
      case 'connection':
        if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z, \t]*$/.test(value)) return 'header_value_invalid';
        for (const option of value.split(',')) connection.push(option.trim().toLowerCase());
        break;
      case 'upgrade':
        upgrade = upgrade === '' ? value : `${upgrade}, ${value}`;
        break;
      case 'trailer':
        // Fields that frame a message cannot come after it (RFC 9110 section 6.5.1).
        if (/(?:^|[\s,])(?:content-length|transfer-encoding|trailer)(?:$|[\s,])/i.test(value)) return 'trailer_invalid';
        fields.push(name, value);
        break;
      case 'keep-alive':
      case 'proxy-connection':
      case CONNECTION_FIELD:
      case UPGRADE_FIELD:
        break;
      default:
        fields.push(name, value);
    }
  }
  if (head.chunked && head.contentLength >= 0) return 'content_length_with_transfer_encoding';
  if (head.chunked && head.minor === 0) return 'transfer_encoding_in_http10';
  head.close = connection.includes('close');
  head.keepAlive = connection.includes('keep-alive');
  const hasContent = head.chunked || head.contentLength > 0;
  // What would be content and what tunnel parsers do not agree upon (RFC 9110 section 9.3.6).
  if (head.method === 'CONNECT' && hasContent) return 'content_in_connect';
  // A server may ignore Upgrade (RFC 9110 section 7.8). So is done with content, which would come before the other protocol.
  if (connection.includes('upgrade') && head.minor === 1) {
    if (kind === 'response') head.upgrade = upgrade;
    else if (!hasContent) head.upgrade = offeredUpgrades(upgrade);
  }
  head.fields = withoutListed(fields, connection);
  return head;
}

function parseRequestLine(line: string, head: Head): HeadFault | null {
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^\x00-\x20\x7f]+) HTTP\/(\d)\.(\d)$/.exec(line);
  if (!match) return 'request_line_invalid';
  if (match[3] !== '1') return 'version_unsupported';
  head.method = match[1]!;
  head.target = match[2]!;
  head.minor = match[4] === '0' ? 0 : 1;
  return null;
}

function parseStatusLine(line: string, head: Head): HeadFault | null {
  const match = /^HTTP\/(\d)\.(\d) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(line);
  if (!match) return 'status_line_invalid';
  if (match[1] !== '1') return 'version_unsupported';
  head.minor = match[2] === '0' ? 0 : 1;
  head.status = Number(match[3]);
  return null;
}

/** Drops fields that `Connection` lists: they are for this hop alone (RFC 9110 section 7.6.1). */
function withoutListed(fields: string[], connection: readonly string[]): Fields {
  const listed = connection.filter(
    (option) => option !== 'close' && option !== 'keep-alive' && option !== 'upgrade' && option !== '',
  );
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const lower = name.length === 2 || listed.length > 0 ? name.toLowerCase() : '';
    // TE is for one hop too, except that "trailers" is worth passing on (RFC 9110 section 10.1.4).
    if (lower === 'te') {
      if (/(^|[\s,])trailers($|[\s,;])/i.test(fields[i + 1]!)) kept.push(name, 'trailers');
    } else if (lower === '' || !listed.includes(lower) || lower === 'content-length') kept.push(name, fields[i + 1]!);
  }
  return kept;
}

/** The offset of the next CR LF, -1 at a bare LF unless that `isEnd` (its offset then), -2 at a bare CR. */
function lineEndAt(bytes: Uint8Array, start: number, end: number, isEnd: boolean): number {
  for (let i = start; i < end; i++) {
    if (bytes[i] === CR) return bytes[i + 1] === LF ? i : -2;
    if (bytes[i] === LF) return isEnd ? i : -1;
  }
  return -1;
}

/** The offset after a line that ends at `lineEnd`. */
function afterLine(bytes: Uint8Array, lineEnd: number): number {
  return bytes[lineEnd] === CR ? lineEnd + 2 : lineEnd + 1;
}

/**
 * Control characters are invalid in a field value (RFC 9110 section 5.5). A recipient may retain those that delimit
 * nothing, but not all do, so they are refused.
 */
function isControl(octet: number): boolean {
  return (octet < SPACE && octet !== TAB) || octet === DELETE;
}

/** Token characters (RFC 9110 section 5.6.2). */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[char.charCodeAt(0)] = 1;

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const DELETE = 127;
