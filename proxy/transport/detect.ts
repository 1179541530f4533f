/** What a connection speaks, by the octets that its client says first. */
export type Detected = 'http1' | 'http2' | 'opaque';

/** Which HTTP it is, where it is HTTP: the preface tells (RFC 9113 section 3.4); null: it may still become one. */
export function httpVersion(bytes: Uint8Array): 'http1' | 'http2' | null {
  for (let i = 0; i < PREFACE.length; i++) {
    if (i === bytes.length) return null;
    if (bytes[i] !== PREFACE.charCodeAt(i)) return 'http1';
  }
  return 'http2';
}

/**
 * Tells by the first octets of a client what its connection speaks, one octet after another, and keeps none.
 *
 * HTTP is what any server may take for a request, however lax it is:
 *
 * - the preface of HTTP/2 (RFC 9113 section 3.4)
 * - a first line whose third word begins with `HTTP/` in any case (or `RTSP/`, `ICE/`: llhttp takes them)
 * - a registered method, then a target that begins with `/` or `*` or has `://`; for CONNECT one with a port
 *
 * Words are parted by any of the blanks that RFC 9112 section 3 and the `split` of scripting languages know, lines by LF
 * alone, and empty lines and blanks before the first word do not count. All else is octets. What cannot be told after
 * {@link MAX_UNDECIDED} octets is HTTP, which the engine refuses: no other protocol says so much in so few words.
 *
 * `GET` with any other word is octets at once, since it is a command of Redis too, but also a request of HTTP/0.9, whose
 * header fields some servers read. So it stays unsettled until the second line is no header field.
 */
export class Detector {
  #state = BEFORE;
  #preface = 0;
  #octets = 0;
  #word = '';
  #isRegistered = false;
  /** How much of `://` ends what has come of the target, and of a port (`:` and digits). */
  #scheme = 0;
  #port = 0;
  #third = '';
  #lineIsBlank = true;
  #line: Detected | null = null;

  /** null: more octets are needed. Octets that were to be octets may still turn into HTTP while not {@link isSettled}. */
  get decided(): Detected | null {
    return this.#preface === PREFACE.length ? 'http2' : this.#mayBePreface ? null : this.#line;
  }

  /** What is decided is final. */
  get isSettled(): boolean {
    return this.decided !== null && this.#state !== SIMPLE && this.#state !== SIMPLE_FIELD;
  }

  /** Octets fed so far. */
  get octets(): number {
    return this.#octets;
  }

  /** What the octets are when no more come, or no more are waited for. */
  get otherwise(): Detected {
    return this.decided ?? this.#line ?? 'opaque';
  }

  /** Takes `bytes[start, end)`, which follow what it has had. @returns {@link decided} */
  feed(bytes: Uint8Array, start: number, end: number): Detected | null {
    for (let at = start; at < end && !this.isSettled; at++) this.#take(bytes[at]!);
    return this.decided;
  }

  get #mayBePreface(): boolean {
    return this.#preface > 0 && this.#preface < PREFACE.length;
  }

  #take(octet: number): void {
    if (this.#preface >= 0 && this.#preface < PREFACE.length)
      this.#preface = octet === PREFACE.charCodeAt(this.#preface) ? this.#preface + 1 : -1;
    this.#octets++;
    if (this.#state !== DONE) this.#read(octet);
    if (this.#octets >= MAX_UNDECIDED && this.#state !== DONE) this.#end('http1');
  }

  #read(octet: number): void {
    const isBlank = BLANK[octet] === 1;
    switch (this.#state) {
      case BEFORE:
        if (isBlank || octet === LF) return;
        this.#state = METHOD;
        return this.#read(octet);
      case METHOD:
        if (octet === LF) return this.#end('opaque');
        if (isBlank) {
          this.#isRegistered = METHODS.has(this.#word);
          this.#state = BEFORE_TARGET;
        } else if (TOKEN[octet] !== 1) this.#end('opaque');
        else if (this.#word.length <= LONGEST_METHOD) this.#word += String.fromCharCode(octet);
        return;
      case BEFORE_TARGET:
        if (octet === LF) return this.#end('opaque');
        if (isBlank) return;
        if (this.#isRegistered && (octet === SLASH || octet === ASTERISK)) return this.#end('http1');
        this.#state = TARGET;
        return this.#target(octet);
      case TARGET:
        if (octet === LF) return this.#endOfTwoWords();
        if (isBlank) this.#state = BEFORE_VERSION;
        else this.#target(octet);
        return;
      case BEFORE_VERSION:
        if (octet === LF) return this.#endOfTwoWords();
        if (isBlank) return;
        this.#state = VERSION;
        return this.#version(octet);
      case VERSION:
        return this.#version(octet);
      case SIMPLE:
        return this.#lineOfSimple(octet, isBlank);
      case SIMPLE_FIELD:
        // The name of a field reaches to a colon without a blank.
        if (octet === COLON) this.#end('http1');
        else if (octet === LF || isBlank || octet < 33 || octet > 126) this.#endOfField(octet);
        else this.#third += String.fromCharCode(octet);
    }
  }

  #target(octet: number): void {
    this.#scheme = octet === '://'.charCodeAt(this.#scheme) ? this.#scheme + 1 : octet === COLON ? 1 : 0;
    if (this.#isRegistered && this.#scheme === 3) return this.#end('http1');
    this.#port = octet === COLON ? 1 : this.#port > 0 && octet >= ZERO && octet <= NINE ? 2 : 0;
  }

  #version(octet: number): void {
    this.#third += String.fromCharCode(octet).toUpperCase();
    if (VERSIONS.includes(this.#third)) this.#end('http1');
    else if (!VERSIONS.some((each) => each.startsWith(this.#third))) this.#end('opaque');
  }

  #endOfTwoWords(): void {
    if (this.#word === 'CONNECT' && this.#port === 2) return this.#end('http1');
    if (this.#word !== 'GET') return this.#end('opaque');
    this.#line = 'opaque';
    this.#state = SIMPLE;
    this.#third = '';
  }

  /** A line after `GET word`: an empty one ends a request of HTTP/0.9, one that begins with a blank says nothing. */
  #lineOfSimple(octet: number, isBlank: boolean): void {
    if (octet === LF) {
      if (this.#lineIsBlank) this.#end('http1');
      this.#lineIsBlank = true;
    } else if (octet === CR) return;
    else if (isBlank) this.#lineIsBlank = false;
    else if (this.#lineIsBlank) {
      this.#third = '';
      this.#state = SIMPLE_FIELD;
      this.#read(octet);
    }
  }

  /** A line that begins with no field; one of a mailbox (`From me`) is passed over by readers of mail headers. */
  #endOfField(octet: number): void {
    if (octet !== SPACE || this.#third !== 'From') return this.#end('opaque');
    this.#lineIsBlank = false;
    this.#state = SIMPLE;
  }

  #end(line: Detected): void {
    this.#line = line;
    this.#state = DONE;
  }
}

/** Octets after which what may still be HTTP is taken for it. */
export const MAX_UNDECIDED = 8192;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const VERSIONS = ['HTTP/', 'RTSP/', 'ICE/'];

/** Methods that are registered with IANA ("Hypertext Transfer Protocol (HTTP) Method Registry"), QUERY and those that llhttp knows. */
const METHODS = new Set(
  (
    'ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR ' +
    'MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PRI PROPFIND PROPPATCH PUT QUERY REBIND REPORT ' +
    'SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL ' +
    'M-SEARCH MSEARCH NOTIFY PURGE SOURCE SUBSCRIBE UNSUBSCRIBE'
  ).split(' '),
);
const LONGEST_METHOD = Math.max(...[...METHODS].map(({ length }) => length));

/** Token characters (RFC 9110 section 5.6.2). */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[char.charCodeAt(0)] = 1;

/** SP, HTAB, VT, FF and bare CR (RFC 9112 section 3); the separators and Latin-1's blanks are those of Python's `split`. */
const BLANK = new Uint8Array(256);
for (const octet of [9, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xa0]) BLANK[octet] = 1;

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
