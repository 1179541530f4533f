import t, { type Test } from 'tap';

import { type Detected, Detector } from './detect.ts';
import { MAX_UNDECIDED } from './request-line.ts';

/** What octets are: decided for good, `…` not yet, and `opaque…` for what may still turn into HTTP. */
function detected(text: string): string {
  const detector = new Detector();
  const octets = Buffer.from(text, 'latin1');
  detector.feed(octets, 0, octets.length);
  return `${detector.decided ?? ''}${detector.isSettled ? '' : '…'}`;
}

function same(t: Test, rows: readonly (readonly [string, Detected | '…' | 'opaque…'])[]): void {
  for (const [text, expected] of rows) t.equal(detected(text), expected, JSON.stringify(text.slice(0, 40)));
}

t.test('a registered method with a target is HTTP, before the line has ended', async (t) => {
  same(t, [
    ['GET /', 'http1'],
    ['\r\n\r\nPOST /a', 'http1'],
    ['OPTIONS *', 'http1'],
    ['GET http://a', 'http1'],
    ['GET  \t /x', 'http1'],
    ['DELETE\x0b\x0c\r/x', 'http1'],
    ['GET\xa0/x', 'http1'],
    ['  GET /x', 'http1'],
    ['PURGE /x', 'http1'],
    ['DESCRIBE rtsp://a', 'http1'],
    ['CONNECT a:80\n', 'http1'],
    ['CONNECT a:80 ', 'http1'],
    ['GET', '…'],
    ['GET ', '…'],
    ['', '…'],
  ]);
});

t.test('a third word that is a version is HTTP, whatever the method', async (t) => {
  same(t, [
    ['brew x HTTP/', 'http1'],
    ['brew x http/9', 'http1'],
    ['get /x Http/1.1', 'http1'],
    ['X \t y \x1f hTTP/', 'http1'],
    ['DESCRIBE rtsp:x RTSP/1.0', 'http1'],
    ['SOURCE x ICE/1.0', 'http1'],
    ['brew x HTT', '…'],
    ['brew /x', '…'],
    ['CONNECT  HTTP/1.1', 'http1'],
    ['GET http/1.0', 'http1'],
    ['GET HTTP\n', 'opaque…'],
    ['brew x HTML', 'opaque'],
    ['brew x y HTTP/1.1', 'opaque'],
  ]);
});

t.test('octets that are blanks to some servers and parts of a word to others are both', async (t) => {
  same(t, [
    ['brew\x85/x\xa0HTTP/1.1', 'http1'],
    ['brew /x\x85y HTTP/1.1', 'http1'],
    ['brew /x\xa0y\x85z HTTP/1.1', 'http1'],
    ['brew /x\xa0y z\n', 'opaque'],
  ]);
});

t.test('a first word that is no token is octets at once, until its line makes a request of it', async (t) => {
  same(t, [
    ['"GET', 'opaque…'],
    ['G\0T / HTTP/1.1', 'http1'],
    ['\x16GET / HTTP/', 'http1'],
    ['\x00\x00\x00\x08\x04\xd2\x16\x2f', 'opaque…'],
    ['\x00\x00\x00\x08\n', 'opaque'],
    ['<13>1 2026-01-01 web', 'opaque'],
    [`\0${'a'.repeat(65_534)}`, 'opaque…'],
    [`\0${'a'.repeat(65_535)}`, 'opaque'],
  ]);
});

t.test('HTTP/2 is told by its preface, and a damaged one is HTTP all the same', async (t) => {
  same(t, [
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
    ['PRI * HTTP/2.0\r\n\r\nSM', '…'],
    ['PRI * HTTP/2.0\r\n\r\nXM', 'http1'],
    ['PRI *  HTTP/2.0', 'http1'],
  ]);
  const detector = new Detector();
  detector.feed(Buffer.from('PRI * HTTP/2'), 0, 12);
  t.equal(detector.otherwise, 'http1', 'one that ends within');
});

t.test('everything else is octets as soon as that is sure', async (t) => {
  same(t, [
    ['PING\r\n', 'opaque'],
    ['SET a b', 'opaque'],
    ['*1\r\n$4\r\nPING\r\n', 'opaque'],
    ['<13>1 2026-01-01 web "GET / HTTP/1.1"', 'opaque'],
    ['CONNECT {"verbose":false}\r\n', 'opaque'],
    ['get /key\r\n', 'opaque'],
    ['set k 0 0 1\r\n', 'opaque'],
    ['servers.web.load 0.5 1700000000\n', 'opaque'],
    ['EHLO mail.example\r\n', 'opaque'],
    ['USER anonymous\r\n', 'opaque'],
    ['SSH-2.0-OpenSSH\r\n', 'opaque'],
    ['ruok', '…'],
  ]);
});

t.test('`GET word` is octets, until a field or an empty line makes it a request of HTTP/0.9', async (t) => {
  same(t, [
    ['GET key\r\n', 'opaque…'],
    ['GET key\r\nGET other\r\n', 'opaque'],
    ['GET key\r\nSET user:1 x\r\n', 'opaque'],
    ['GET key\r\n*1\r\n$4\r\nPING\r\n', 'opaque'],
    ['GET x\r\nl5d-client-id:', 'http1'],
    ['GET x\n folded\r\nl5d-client-id:', 'http1'],
    ['GET x\nFrom me\nl5d-client-id:', 'http1'],
    ['GET x\r\n\r\n', 'http1'],
    ['GET x \r\n', 'opaque…'],
  ]);
});

t.test('what may still become HTTP after so many octets is taken for it', async (t) => {
  for (const text of ['\r\n', 'A', 'GET ', 'brew /a', 'brew / ', 'GET x\n ']) {
    const fill = text.slice(-1);
    t.equal(detected(text + fill.repeat(MAX_UNDECIDED)), 'http1', JSON.stringify(text));
  }
});

t.test('octets in pieces are what they are at once', async (t) => {
  for (const text of [
    'GET /a HTTP/1.1',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET x\r\na:',
    'PING\r\n',
    'brew x HTTP/1.0',
  ]) {
    const detector = new Detector();
    for (const octet of Buffer.from(text)) detector.feed(Uint8Array.of(octet), 0, 1);
    t.equal(`${detector.decided}${detector.isSettled ? '' : '…'}`, detected(text), text);
  }
});
