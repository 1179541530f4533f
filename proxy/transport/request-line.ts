/** By octet: 1 where it parts words. */
export type Blanks = Uint8Array;

/** SP, HTAB, VT, FF and bare CR (RFC 9112 section 3), and the separators that Python's `split` knows. */
export const NARROW_BLANKS: Blanks = blanks([9, 11, 12, 13, 28, 29, 30, 31, 32]);
/** Those of Latin-1 too: to `split` they are blanks, to net/http and nginx parts of a target. */
export const WIDE_BLANKS: Blanks = blanks([9, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xa0]);

/**
 * Tells whether the first line that a client says is one that some server may take for a request's:
 *
 * - a registered method in capitals, then a target that begins with `/` or `*` or has `://` (for CONNECT: that ends in a port)
 * - any two words of which the second begins with a version, or any three of which the third does: `HTTP/` in any case, or
 *   `RTSP/` and `ICE/`, which llhttp takes
 *
 * Lines end with LF alone; empty lines and blanks before the first word do not count.
 *
 * `GET` with any other word is octets at once, since it is a command of Redis too, but also a request of HTTP/0.9, whose
 * header fields some servers read. So it stays unsettled until the second line is no header field. A first word that is no
 * token (RFC 9110 section 5.6.2) makes octets at once as well, since most protocols begin so, and is unsettled until the
 * line has ended: scripting languages look methods up by any name.
 *
 * What begins with a token, and cannot be told after {@link MAX_UNDECIDED} octets, is a request: nginx skips empty lines and
 * net/http takes methods of any length, and no other protocol says so much in so few words.
 */
export class RequestLine {
  readonly #blanks: Blanks;
  /** null: more octets are needed. */
  verdict: 'http1' | 'opaque' | null = null;
  #state = BEFORE;
  #octets = 0;
  /** The method, as far as a registered one may reach. */
  #method = '';
  #isRegistered = false;
  /** How much of `://` ends what has come of the target, and of a port: 1 its colon, 2 digits after it. */
  #scheme = 0;
  #port = 0;
  /** What has come of a word that may be a version, or of a field's name. */
  #word = '';
  #mayBeVersion = false;
  #lineIsEmpty = true;

  constructor(blanks: Blanks) {
    this.#blanks = blanks;
  }

  /** The verdict is final. */
  get isSettled(): boolean {
    return this.#state === DONE;
  }

  /** Reads the next octet; once the verdict is settled it does nothing. */
  take(octet: number): void {
    if (this.#state === DONE) return;
    this.#octets++;
    this.#read(octet);
    if (this.#octets < MAX_UNDECIDED || this.isSettled) return;
    if (this.verdict === null || this.#state >= SIMPLE) this.#end('http1');
    else if (this.#octets >= MAX_ODD_LINE) this.#end('opaque');
  }

  #read(octet: number): void {
    const isBlank = this.#blanks[octet] === 1;
    switch (this.#state) {
      case BEFORE:
        if (isBlank || octet === LF) return;
        this.#state = METHOD;
        return this.#read(octet);
      case METHOD:
        if (octet === LF) return this.#end('opaque');
        if (isBlank) {
          this.#isRegistered = this.verdict === null && METHODS.has(this.#method);
          this.#state = BEFORE_TARGET;
        } else if (TOKEN[octet] !== 1) this.verdict = 'opaque';
        else if (this.#method.length <= LONGEST_METHOD) this.#method += String.fromCharCode(octet);
        return;
      case BEFORE_TARGET:
        if (octet === LF) return this.#end('opaque');
        if (isBlank) return;
        if (this.#isRegistered && (octet === SLASH || octet === ASTERISK)) return this.#end('http1');
        this.#state = TARGET;
        this.#mayBeVersion = true;
        return this.#target(octet);
      case TARGET:
        if (octet === LF) return this.#endOfTwoWords();
        if (!isBlank) this.#target(octet);
        else if (this.#isConnect) this.#end('http1');
        else this.#state = BEFORE_VERSION;
        return;
      case BEFORE_VERSION:
        if (octet === LF) return this.#endOfTwoWords();
        if (isBlank) return;
        this.#state = VERSION;
        this.#word = '';
        return this.#version(octet, 'opaque');
      case VERSION:
        return this.#version(octet, 'opaque');
      case SIMPLE:
        return this.#lineOfSimple(octet, isBlank);
      case SIMPLE_FIELD:
        // The name of a field reaches to a colon without a blank.
        if (octet === COLON) this.#end('http1');
        else if (octet > SPACE && octet < DELETE) this.#word += String.fromCharCode(octet);
        else this.#endOfField(octet);
    }
  }

  /** CONNECT, and a target that ends in a port. */
  get #isConnect(): boolean {
    return this.#isRegistered && this.#method === 'CONNECT' && this.#port === 2;
  }

  #target(octet: number): void {
    this.#scheme = octet === '://'.charCodeAt(this.#scheme) ? this.#scheme + 1 : octet === COLON ? 1 : 0;
    if (this.#isRegistered && this.#scheme === 3) return this.#end('http1');
    this.#port = octet === COLON ? 1 : this.#port > 0 && octet >= ZERO && octet <= NINE ? 2 : 0;
    if (this.#mayBeVersion) this.#version(octet, null);
  }

  /** @param otherwise what the line is when its word is no version; null: that says nothing */
  #version(octet: number, otherwise: 'opaque' | null): void {
    this.#word += String.fromCharCode(octet).toUpperCase();
    if (VERSIONS.includes(this.#word)) this.#end('http1');
    else if (!VERSIONS.some((each) => each.startsWith(this.#word))) {
      this.#mayBeVersion = false;
      if (otherwise) this.#end(otherwise);
    }
  }

  #endOfTwoWords(): void {
    if (this.verdict !== null) return this.#end('opaque');
    if (this.#isConnect) return this.#end('http1');
    if (this.#method !== 'GET') return this.#end('opaque');
    this.verdict = 'opaque';
    this.#state = SIMPLE;
  }

  /** A line after `GET word`: an empty one ends a request of HTTP/0.9, one that begins with a blank says nothing. */
  #lineOfSimple(octet: number, isBlank: boolean): void {
    if (octet === LF) {
      if (this.#lineIsEmpty) this.#end('http1');
      this.#lineIsEmpty = true;
    } else if (octet === CR) return;
    else if (isBlank) this.#lineIsEmpty = false;
    else if (this.#lineIsEmpty) {
      this.#word = '';
      this.#state = SIMPLE_FIELD;
      this.#read(octet);
    }
  }

  /** A line that begins with no field; one of a mailbox (`From me`) is passed over by readers of mail headers. */
  #endOfField(octet: number): void {
    if (octet !== SPACE || this.#word !== 'From') return this.#end('opaque');
    this.#lineIsEmpty = false;
    this.#state = SIMPLE;
  }

  #end(verdict: 'http1' | 'opaque'): void {
    this.verdict = verdict;
    this.#state = DONE;
  }
}

/** Octets after which what may still be a request is taken for one. */
export const MAX_UNDECIDED = 8192;
/** The longest line that a server reads whose methods need not be tokens (Python's http.server). */
const MAX_ODD_LINE = 65_536;

const VERSIONS = ['HTTP/', 'RTSP/', 'ICE/'];

/** Those registered with IANA ("HTTP Method Registry"), QUERY, and those that llhttp knows, of RTSP too. */
const METHODS = new Set(
  (
    'ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR ' +
    'MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PRI PROPFIND PROPPATCH PUT QUERY REBIND REPORT ' +
    'SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL ' +
    'M-SEARCH MSEARCH NOTIFY PURGE SOURCE SUBSCRIBE UNSUBSCRIBE ' +
    'ANNOUNCE DESCRIBE FLUSH GET_PARAMETER PAUSE PLAY RECORD REDIRECT SETUP SET_PARAMETER TEARDOWN'
  ).split(' '),
);
const LONGEST_METHOD = Math.max(...[...METHODS].map(({ length }) => length));

/** Token characters (RFC 9110 section 5.6.2). */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[char.charCodeAt(0)] = 1;

function blanks(octets: readonly number[]): Blanks {
  const table = new Uint8Array(256);
  for (const octet of octets) table[octet] = 1;
  return table;
}

const BEFORE = 0;
const METHOD = 1;
const BEFORE_TARGET = 2;
const TARGET = 3;
const BEFORE_VERSION = 4;
const VERSION = 5;
/** At or in a line after `GET word`. */
const SIMPLE = 6;
const SIMPLE_FIELD = 7;
const DONE = 8;

const LF = 10;
const CR = 13;
const SPACE = 32;
const ASTERISK = 42;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const DELETE = 127;
