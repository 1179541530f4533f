import type { Random } from '../../../core/testing/random.ts';

/** Connections of well-formed requests (RFC 9112): every one must be accepted. One char an octet. */
export function wellFormed(random: Random): string {
  let text = random.oneIn(12) ? '\r\n' : '';
  for (let count = 1 + (random.oneIn(3) ? random.below(4) : 0); count > 0; count--)
    text += request(random, count === 1);
  return text;
}

/** The same with one to three changes, most of which make it ambiguous or wrong. */
export function mutated(random: Random): string {
  let text = wellFormed(random);
  for (let changes = 1 + random.below(3); changes > 0; changes--) text = random.pick(MUTATIONS)(text, random);
  return text;
}

function request(random: Random, isLast: boolean): string {
  const kind = random.below(20);
  if (kind === 0 && isLast) return connect(random);
  if (kind === 1 && isLast) return upgrade(random);
  if (kind === 2) return http10(random);
  const body = random.pick(BODIES)(random);
  const method = body.fields === '' ? random.pick(METHODS) : random.pick(METHODS_WITH_BODY);
  const host = random.pick(HOSTS);
  const target = method === 'OPTIONS' && random.oneIn(2) ? '*' : targetOf(random, host);
  const close =
    isLast && random.oneIn(4) ? `${random.pick(['Connection', 'connection'])}: ${random.pick(CLOSE)}\r\n` : '';
  const fields = shuffled(
    [`Host:${ows(random)}${host}${ows(random)}\r\n`, ...fieldLines(random), close, body.fields],
    random,
  );
  return `${method} ${target} HTTP/1.1\r\n${fields.join('')}\r\n${body.octets}`;
}

function connect(random: Random): string {
  const authority = random.pick(['web:443', '10.0.0.1:80', '[::1]:8443', 'a.b-c.example:1']);
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${fieldLines(random).join('')}\r\n`;
}

function upgrade(random: Random): string {
  const token = random.pick(['websocket', 'WebSocket', 'h2c', 'TLS/1.0', 'foo/2, bar']);
  const fields = shuffled(
    [
      'Host: a\r\n',
      `Upgrade: ${token}\r\n`,
      `Connection: ${random.pick(['Upgrade', 'upgrade', 'keep-alive, Upgrade'])}\r\n`,
    ],
    random,
  );
  return `GET /chat HTTP/1.1\r\n${fields.join('')}${fieldLines(random).join('')}\r\n`;
}

function http10(random: Random): string {
  const host = random.oneIn(2) ? 'Host: old\r\n' : '';
  const keep = `Connection: ${random.pick(['keep-alive', 'Keep-Alive'])}\r\n`;
  if (random.oneIn(2)) return `GET /${random.below(100)} HTTP/1.0\r\n${host}${keep}\r\n`;
  const body = text(random, random.below(50));
  return `POST /form HTTP/1.0\r\n${host}${keep}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function targetOf(random: Random, host: string): string {
  const path = random.pick(PATHS) + (random.oneIn(3) ? random.pick(QUERIES) : '');
  if (host === '' || !random.oneIn(6)) return path;
  return `${random.pick(['http', 'http', 'HTTP', 'https'])}://${host}${path === '/' && random.oneIn(2) ? '' : path}`;
}

function fieldLines(random: Random): string[] {
  const lines: string[] = [];
  for (let count = random.below(5); count > 0; count--) {
    lines.push(`${random.pick(NAMES)}:${ows(random)}${random.pick(VALUES)(random)}${ows(random)}\r\n`);
  }
  if (random.oneIn(8)) lines.push('Connection: X-Hop\r\nX-Hop: 1\r\n');
  if (random.oneIn(10)) lines.push('Keep-Alive: timeout=5\r\n');
  return lines;
}

interface Body {
  readonly fields: string;
  readonly octets: string;
}

const BODIES: readonly ((random: Random) => Body)[] = [
  () => ({ fields: '', octets: '' }),
  () => ({ fields: '', octets: '' }),
  () => ({ fields: '', octets: '' }),
  () => ({ fields: 'Content-Length: 0\r\n', octets: '' }),
  (random) => {
    const octets = random.oneIn(4) ? GET : text(random, random.below(random.oneIn(10) ? 3000 : 60));
    const zeros = random.oneIn(6) ? '00' : '';
    return {
      fields: `${random.pick(['Content-Length', 'content-length', 'CONTENT-LENGTH'])}: ${zeros}${octets.length}\r\n`,
      octets,
    };
  },
  chunked,
  chunked,
];

function chunked(random: Random): Body {
  const name = random.pick(['Transfer-Encoding', 'transfer-encoding', 'TRANSFER-ENCODING']);
  let octets = '';
  for (let count = random.below(5); count > 0; count--) {
    const data = random.oneIn(5) ? GET : text(random, 1 + random.below(random.oneIn(8) ? 2000 : 40));
    const size = random.oneIn(2) ? data.length.toString(16) : data.length.toString(16).toUpperCase();
    octets += `${random.oneIn(6) ? '000' : ''}${size}${random.oneIn(4) ? random.pick(EXTENSIONS) : ''}\r\n${data}\r\n`;
  }
  octets += `${random.oneIn(6) ? '000' : '0'}${random.oneIn(8) ? random.pick(EXTENSIONS) : ''}\r\n`;
  let fields = `${name}: ${random.pick(['chunked', 'chunked', 'Chunked', 'CHUNKED'])}\r\n`;
  if (random.oneIn(4)) {
    octets += `X-Sum: ${text(random, 8).replace(/[^a-z]/g, 'x')}\r\n${random.oneIn(2) ? 'x-more:\t1 \r\n' : ''}`;
    if (random.oneIn(2)) fields += 'Trailer: X-Sum, X-More\r\nTE: trailers\r\n';
  }
  return { fields, octets: `${octets}\r\n` };
}

const GET = 'GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n';
const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE', 'PROPFIND', 'M-SEARCH', 'PURGE', 'REPORT'];
const METHODS_WITH_BODY = ['POST', 'PUT', 'PATCH', 'GET', 'DELETE', 'OPTIONS', 'SEARCH', 'PROPPATCH'];
const HOSTS = [
  'a',
  'web',
  'web:80',
  'api.default.svc.cluster.local',
  '10.0.0.1:8080',
  '[::1]',
  '[fe80::1]:80',
  'x_y.z',
  '',
];
const CLOSE = ['close', 'Close', 'close, X-Hop', 'keep-alive, close'];
const PATHS = [
  '/',
  '/',
  '/a/b',
  '/a//b/../c',
  '/%20%41',
  "/~user/!$&'()*+,;=:@",
  `/${'long/'.repeat(60)}`,
  '/a%2Fb',
  '/a;b=c',
  '/-._~',
];
const QUERIES = ['?', '?a=b', '?a=b&c=d', '?q=/?:@', '?%00', '?redirect=http://x/y'];
const NAMES = [
  'Accept',
  'accept',
  'X-Request-ID',
  'x-empty',
  "!#$%&'*+-.^_`|~",
  'Cookie',
  'a',
  'User-Agent',
  'Content-Type',
  'X-0',
  'Via',
  'Forwarded',
  'Range',
];
const VALUES: readonly ((random: Random) => string)[] = [
  () => '',
  () => '*/*',
  () => 'text/html; charset="a b"',
  () => 'a, b,\tc',
  () => 'x'.repeat(500),
  () => 'caf\xe9 \xff\x80',
  () => 'GET / HTTP/1.1',
  () => 'a: b: c',
  () => 'Content-Length: 5',
  (random) => String(random.below(100_000)),
];
const EXTENSIONS = [';a', ';a=b', ';a="b c"', ';a=1;b=2', '; a', ';name="x\\"y"', ';a = b'];

function ows(random: Random): string {
  return random.pick([' ', ' ', ' ', '', '\t', '  ', ' \t ']);
}

function text(random: Random, length: number): string {
  let octets = '';
  for (let i = 0; i < length; i++)
    octets += String.fromCharCode(random.oneIn(4) ? random.below(256) : 97 + random.below(26));
  return octets;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}

type Mutation = (text: string, random: Random) => string;

/** What request smuggling has been made of, by field. */
const HOSTILE_FIELDS = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: +5',
  'Content-Length: -1',
  'Content-Length: 5, 5',
  'Content-Length: 0x5',
  'Content-Length: 5 6',
  'Content-Length:',
  'Content-Length: 1e1',
  'Content-Length: 99999999999999999999',
  'Content_Length: 5',
  'Content-Length : 5',
  ' Content-Length: 5',
  'Content-Length\t: 5',
  'Content-Length: 5\x0b',
  'Content-Length: "5"',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: chunked\x0b',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: chunked,',
  'Transfer-Encoding:',
  'Transfer-Encoding: ch\xfcnked',
  'Transfer-Encoding: chunKed',
  '\x00Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'Transfer-Encoding:\r\n chunked',
  'Transfer_Encoding: chunked',
  'TE: trailers, gzip',
  'Host: b',
  'Host: a, b',
  'Host: a b',
  'Host: a/b',
  'Host: user@a',
  'Host: a\xe4',
  'Host: "a"',
  'Host:',
  'Host: a:b:c',
  'Host: [::1',
  'Connection: Content-Length',
  'Connection: Transfer-Encoding',
  'Connection: Host',
  'Connection: close',
  'Connection: upgrade',
  'Connection:',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Connection: Upgrade, HTTP2-Settings',
  'HTTP2-Settings: AAMAAABkAAQ',
  'Expect: 100-continue',
  'X: \x00',
  'X: \x01',
  'X: \x7f',
  'X: a\x0cb',
  'X: \x1b[0m',
  'X : y',
  'X',
  ': y',
  'X(: y',
  'X\x80: y',
  'X: y\r',
  'Trailer: Content-Length',
  'Proxy-Connection: keep-alive',
  'Keep-Alive: x',
  'weft-connection: close',
];

const HOSTILE_LINES = [
  'GET  / HTTP/1.1',
  'GET / HTTP/1.1 ',
  ' GET / HTTP/1.1',
  'GET\t/ HTTP/1.1',
  'GET / HTTP/1.2',
  'GET / HTTP/2.0',
  'GET / http/1.1',
  'GET / HTTP/1.1\x00',
  'GET /a b HTTP/1.1',
  'GET / HTTP/01.1',
  'GET / HTTP/1.10',
  'GET /',
  'G\x00T / HTTP/1.1',
  'get / HTTP/1.1',
  'FOO / HTTP/1.1',
  'GET /\xe4 HTTP/1.1',
  'GET /# HTTP/1.1',
  'GET a HTTP/1.1',
  'GET * HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET http:///a HTTP/1.1',
  'GET http://u@a/ HTTP/1.1',
  'GET //a/b HTTP/1.1',
  'GET http://a\\b/ HTTP/1.1',
  'GET http://a,b/ HTTP/1.1',
  'GET ?a HTTP/1.1',
  'CONNECT a HTTP/1.1',
  'CONNECT a:99999 HTTP/1.1',
  'GET /%zz HTTP/1.1',
  'GET /"<>\\^`{|} HTTP/1.1',
  'GET http://a:b/ HTTP/1.1',
  'GET http://[::1/ HTTP/1.1',
  'POST / HTTP/1.0',
  'GET / HTTP/1.0',
  'GET / HTTP/1.',
  'PRI * HTTP/2.0',
  'GET / HTTP/1,1',
  'GET http://a%41/ HTTP/1.1',
];

const CHUNK_LINES = [
  '5',
  '5 ',
  ' 5',
  '0x5',
  '+5',
  '-5',
  '5;',
  '5;a',
  '5;a=',
  '5;=b',
  '5;a\n',
  '5\n',
  '5\r\r\n',
  '05',
  '5_0',
  '5,5',
  '5;a="b',
  '5;a="\r\n"',
  '5;\x00',
  '5;\x01=2',
  '5;\x7f',
  '5;a b',
  'ffffffffffffffff',
  '10000000000000005',
  '',
  'g',
  '5\t',
  '5;;a',
  '5;a=b;',
  '5 ;a',
  '5;a=\xff',
  '0',
  '00',
  '0;a',
  '5;a;b="c\\',
];

const OCTETS = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '\0',
  ':',
  ';',
  ',',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xff',
  '"',
  '0',
  '5',
  'a',
  '/',
  '#',
  '\x85',
  '\xa0',
];

const MUTATIONS: readonly Mutation[] = [
  (text, random) => insert(text, random.below(text.length + 1), random.pick(OCTETS)),
  (text, random) => replace(text, random.below(text.length), 1, ''),
  (text, random) => replace(text, random.below(text.length), 1, random.pick(OCTETS)),
  (text, random) => insertLine(text, random, random.pick(HOSTILE_FIELDS)),
  (text, random) => insertLine(text, random, random.pick(HOSTILE_FIELDS)),
  (text, random) => insertLine(text, random, random.pick(HOSTILE_FIELDS)),
  (text, random) => text.replace(/^[^\r\n]*/, () => random.pick(HOSTILE_LINES)),
  (text, random) => text.replace(/\r\n0*[0-9a-fA-F]+(;[^\r\n]*)?\r\n/, () => `\r\n${random.pick(CHUNK_LINES)}\r\n`),
  (text, random) => text.replace(/\r\n0*[0-9a-fA-F]+(;[^\r\n]*)?\r\n/, () => `\r\n${random.pick(CHUNK_LINES)}\r\n`),
  (text, random) =>
    atLineEnd(text, random, () => random.pick(['\n', '\r', '\r\r\n', '\n\n', '\r\n ', '\r\n\t', '\r\n\r\n', ''])),
  (text) => text.replace(/(\r\n[^\r\n]+)(\r\n[^\r\n]+)/, '$2$1'),
  (text) => text.replace(/\r\n([^\r\n:]+):[^\r\n]*/, '$&$&'),
  (text) => text.replace(/(\r\n[^\r\n:]+):/, '$1 :'),
  (text, random) => text.slice(0, random.below(text.length)),
  (text, random) => text.slice(random.below(Math.min(20, text.length))),
  (text) => text + GET,
  (text, random) =>
    text.replace(
      /Content-Length: (\d+)/i,
      (_, n: string) => `Content-Length: ${Math.max(0, Number(n) + random.below(5) - 2)}`,
    ),
  (text, random) => text.replace(/\r\n/, () => `\r\nX: ${'x'.repeat(random.pick([100, 8000, 66_000]))}\r\n`),
  (text, random) => text.replace(/HTTP\/1\.1/, random.pick(['HTTP/1.0', 'HTTP/1.2', 'HTTP/1.1\t', 'HTTP/1.9'])),
];

function insert(text: string, at: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at);
}

function replace(text: string, at: number, length: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at + length);
}

/** Puts a field line after the request line or before the end of the head. */
function insertLine(text: string, random: Random, line: string): string {
  const at = random.oneIn(2) ? text.indexOf('\r\n') : text.indexOf('\r\n\r\n');
  return at < 0 ? text : insert(text, at, `\r\n${line}`);
}

function atLineEnd(text: string, random: Random, end: () => string): string {
  const ends = [...text.matchAll(/\r\n/g)];
  if (ends.length === 0) return text;
  return replace(text, random.pick(ends).index, 2, end());
}
