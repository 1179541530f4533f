/** What the first octets of a connection are. `more`: they do not tell yet. */
export type Detected = 'http1' | 'http2' | 'opaque' | 'more';

/** Octets after which a line that is still no request line is no HTTP. */
const MAX_REQUEST_LINE = 8192;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/**
 * Tells HTTP/2 by its preface (RFC 9113 section 3.4) and HTTP/1 by a request line (RFC 9112 section 3); anything else is
 * opaque. Octets that can no longer become either are opaque at once.
 */
export function detectProtocol(bytes: Uint8Array): Detected {
  let preface = 0;
  while (preface < bytes.length && preface < PREFACE.length && bytes[preface] === PREFACE.charCodeAt(preface))
    preface++;
  if (preface === PREFACE.length) return 'http2';
  if (preface === bytes.length) return 'more';

  let at = 0;
  while (bytes[at] === 13 || bytes[at] === 10) at++; // empty lines before a request, section 2.2
  const method = at;
  while (at < bytes.length && isTokenOctet(bytes[at]!)) at++;
  if (at === bytes.length) return at - method > MAX_METHOD ? 'opaque' : 'more';
  if (at === method || at - method > MAX_METHOD || bytes[at] !== SPACE) return 'opaque';
  const target = ++at;
  while (at < bytes.length && bytes[at]! > SPACE && bytes[at] !== 127) at++;
  if (at === bytes.length) return at > MAX_REQUEST_LINE ? 'opaque' : 'more';
  if (at === target || bytes[at] !== SPACE) return 'opaque';
  at++;
  for (let i = 0; i < VERSION.length; i++, at++) {
    if (at === bytes.length) return 'more';
    if (bytes[at] !== VERSION.charCodeAt(i)) return 'opaque';
  }
  return 'http1';
}

const VERSION = 'HTTP/1.';
const SPACE = 32;
/** The longest registered method has 16 letters. */
const MAX_METHOD = 32;

function isTokenOctet(octet: number): boolean {
  return (octet >= 65 && octet <= 90) || (octet >= 97 && octet <= 122) || octet === 45 || octet === 95;
}
