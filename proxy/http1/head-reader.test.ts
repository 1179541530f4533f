import t from 'tap';

import { latin1 } from '../../test/support/http1-talk.ts';
import { type Head, type HeadFault, HeadReader, MAX_HEAD_BYTES } from './head-reader.ts';

/** Reads octets that lie among others, in pieces of `size`; what is left of them is told by `next`. */
function read(kind: 'request' | 'response', text: string, size = text.length): Head | HeadFault | null {
  const reader = new HeadReader(kind, latin1);
  const octets = Buffer.from(`##${text}##`, 'latin1');
  for (let at = 2; at < octets.length - 2; at += size) {
    const end = Math.min(octets.length - 2, at + size);
    const head = reader.read(octets, at, end);
    if (head !== null) return head;
  }
  return null;
}

const request = (lines: string, line = 'GET / HTTP/1.1') => read('request', `${line}\r\n${lines}\r\n`);
const fieldsOf = (lines: string) => (request(lines) as Head).fields;

t.test('a request is a method, a target, a version and fields', async (t) => {
  t.match(request('Host: a\r\nX-Y: z\r\n', 'PUT /p?q HTTP/1.1'), {
    ...{ method: 'PUT', target: '/p?q', minor: 1, host: 'a', fields: ['X-Y', 'z'], contentLength: -1 },
    ...{ chunked: false, close: false, keepAlive: false, upgrade: '', status: 0 },
  });
  t.match(request('', 'GET / HTTP/1.0'), { minor: 0, host: null, fields: { length: 0 } });
  t.match(request('', "!#$%&'*+-.^_`|~09Az / HTTP/1.9"), { minor: 1 }, 'a later minor version is 1.1');
});

t.test('a line that is no request line is refused', async (t) => {
  for (const line of [
    'GET / HTTP/1.1 ',
    ' GET / HTTP/1.1',
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET / http/1.1',
    'GET / HTTP/11',
  ])
    t.equal(request('', line), 'request_line_invalid', line);
  for (const line of [
    'G(T / HTTP/1.1',
    'GET /\x01 HTTP/1.1',
    'GET /\x7f HTTP/1.1',
    'GET / HTTP/1.10',
    'GET HTTP/1.1',
    'GET /\tHTTP/1.1',
  ])
    t.equal(request('', line), 'request_line_invalid', line);
  t.equal(request('', 'GET / HTTP/2.0'), 'version_unsupported');
  t.equal(request('', 'GET / HTTP/0.9'), 'version_unsupported');
});

t.test('an answer is a version, a status and fields', async (t) => {
  t.match(read('response', 'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n'), {
    status: 204,
    minor: 1,
    fields: ['A', 'b'],
    method: '',
  });
  t.match(read('response', 'HTTP/1.0 599 \r\n\r\n'), { status: 599, minor: 0 });
  t.match(read('response', 'HTTP/1.1 100\r\n\r\n'), { status: 100 });
  t.match(read('response', 'HTTP/1.1 200 \t~\x80\xff\r\n\r\n'), { status: 200 });
  for (const line of [
    'HTTP/1.1 099',
    'HTTP/1.1 20',
    'HTTP/1.1 2000',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200 \x01',
    'HTTP/1.1 200 \x7f',
    'http/1.1 200',
  ])
    t.equal(read('response', `${line}\r\n\r\n`), 'status_line_invalid', line);
  t.equal(read('response', 'HTTP/3.1 200 OK\r\n\r\n'), 'version_unsupported');
});

t.test('an answer is read as others read it, where a request is refused', async (t) => {
  const LINE = { request: 'GET / HTTP/1.1\r\nHost: a', response: 'HTTP/1.1 200 OK' };
  for (const [rest, fields, fault] of [
    ['\nA: b\n\n', ['A', 'b'], 'bare_lf'],
    ['\r\nA: b\n\r\n', ['A', 'b'], 'bare_lf'],
    ['\r\nA : b\r\n\r\n', ['A', 'b'], 'space_before_colon'],
    ['\r\nA \t:b\r\n\r\n', ['A', 'b'], 'space_before_colon'],
    ['\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n', ['Content-Length', '5'], 'content_length_repeated'],
  ] as const) {
    t.match(read('response', LINE.response + rest), { fields }, rest);
    t.equal(read('request', LINE.request + rest), fault, rest);
  }
  t.match(read('response', 'HTTP/1.1 999 x\r\n\r\n'), { status: 999 });
  for (const [rest, fault] of [
    ['\r\nA b: c\r\n\r\n', 'header_name_invalid'],
    ['\r\n : c\r\n\r\n', 'obs_fold'],
    ['\r\nA \r\n\r\n', 'header_name_invalid'],
    ['\r\nA\r: b\r\n\r\n', 'bare_cr'],
    ['\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', 'content_length_repeated'],
  ] as const)
    t.equal(read('response', LINE.response + rest), fault, rest);
});

t.test('white space around a value is not of it, within it is', async (t) => {
  t.same(fieldsOf('A:b\r\nC: \t d \t \r\nE:\r\nF: \t\r\nG: h i\tj\r\n'), [
    'A',
    'b',
    'C',
    'd',
    'E',
    '',
    'F',
    '',
    'G',
    'h i\tj',
  ]);
  t.same(fieldsOf('A: \x80\xff:~!\r\n'), ['A', '\x80\xff:~!']);
});

t.test('control characters in a value, and others than of a token in a name, are refused', async (t) => {
  for (const code of [0, 1, 8, 11, 12, 31, 127])
    for (const value of [`${String.fromCharCode(code)}b`, `a${String.fromCharCode(code)}`])
      t.equal(request(`A: ${value}\r\n`), 'header_value_invalid', `${code}`);
  for (const char of '"(),/;<=>?@[]{}\\\0\x7f\x80\xff')
    t.equal(request(`A${char}: b\r\n`), 'header_name_invalid', char);
  t.equal(request('A\r\n'), 'header_name_invalid', 'no colon');
  t.equal(request(': b\r\n'), 'header_name_invalid', 'no name');
  t.equal(request('A : b\r\n'), 'space_before_colon');
  t.equal(request('A\t: b\r\n'), 'space_before_colon');
  t.same(fieldsOf("!#$%&'*+-.^_`|~09Az: b\r\n"), ["!#$%&'*+-.^_`|~09Az", 'b']);
});

t.test('a field does not go on in the next line', async (t) => {
  t.equal(request('A: b\r\n c\r\n'), 'obs_fold');
  t.equal(request('A: b\r\n\tc: d\r\n'), 'obs_fold');
  t.equal(request(' A: b\r\n'), 'obs_fold', 'not the request line either');
});

t.test('lines end with CR LF, every one', async (t) => {
  for (const [text, fault] of [
    ['GET / HTTP/1.1\nA: b\r\n\r\n', 'bare_lf'],
    ['GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n', 'bare_lf'],
    ['GET / HTTP/1.1\r\nA: b\r\n\n', 'bare_lf'],
    ['GET / HTTP/1.1\r\nA: b\n\r\n', 'bare_lf'],
    ['GET / HTTP/1.1\n\n', 'bare_lf'],
    ['\n\n', 'bare_lf'],
    ['GET / HTTP/1.1\rX\r\n\r\n', 'bare_cr'],
    ['GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n', 'bare_cr'],
    ['GET / HTTP/1.1\r\nA: b\r\r\n\r\n', 'bare_cr'],
  ] as const)
    for (const size of [1, text.length]) t.equal(read('request', text, size), fault, JSON.stringify(text));
});

t.test('a head ends at its first empty line, in whatever pieces it comes', async (t) => {
  const head = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n';
  for (const size of [1, 2, 3, 5, 50, 1000]) {
    const reader = new HeadReader('request', latin1);
    const octets = Buffer.from(`${head}body and more`);
    let at = 0;
    let found: Head | HeadFault | null = null;
    for (; found === null; at += size) found = reader.read(octets, at, Math.min(octets.length, at + size));
    t.match(found, { target: '/a', contentLength: 4 }, `${size}`);
    t.equal(reader.next, head.length);
    t.equal(reader.hasBegun, false);
  }
});

t.test('says whether some of a head has come', async (t) => {
  const reader = new HeadReader('request', latin1);
  const octets = Buffer.from('GET / HTTP/1.1\r\n\r\nG');
  t.equal(reader.hasBegun, false);
  reader.read(octets, 0, 5);
  t.equal(reader.hasBegun, true);
  reader.read(octets, 5, 18);
  t.equal(reader.hasBegun, false);
});

t.test('an empty line is no beginning of a head, in two pieces neither', async (t) => {
  const reader = new HeadReader('request', latin1);
  const octets = Buffer.from('\r\n');
  reader.read(octets, 0, 1);
  t.equal(reader.hasBegun, true, 'it may be bare');
  reader.read(octets, 1, 2);
  t.equal(reader.hasBegun, false);
});

t.test('a head may be 65,536 octets long, and come at once, in two pieces or in many', async (t) => {
  for (const [length, isRead] of [
    [MAX_HEAD_BYTES, true],
    [MAX_HEAD_BYTES + 1, false],
  ] as const) {
    const [start, end] = ['GET / HTTP/1.1\r\nX: ', '\r\n\r\n'];
    const text = start + 'x'.repeat(length - start.length - end.length) + end;
    for (const size of [length, 40_000, 1000, length - 1]) {
      const head = read('request', text, size);
      if (isRead) t.match(head, { target: '/' }, `${length} by ${size}`);
      else t.equal(head, 'head_too_large', `${length} by ${size}`);
    }
  }
  t.equal(read('request', `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}`, 1000), 'head_too_large', 'without an end');
  t.equal(read('request', `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}`), 'head_too_large');
});

t.test('empty lines before a request are passed over, eight of them', async (t) => {
  const head = 'GET / HTTP/1.1\r\n\r\n';
  for (const size of [1, 2, 3, 1000]) {
    t.match(read('request', '\r\n'.repeat(8) + head, size), { target: '/' });
    t.equal(read('request', '\r\n'.repeat(9) + head, size), 'empty_line_flood');
  }
  const reader = new HeadReader('request', latin1);
  for (let round = 0; round < 3; round++) {
    const octets = Buffer.from('\r\n'.repeat(8) + head);
    t.match(reader.read(octets, 0, octets.length), { target: '/' }, 'counted from request to request');
  }
  t.equal(read('request', '\r\rGET / HTTP/1.1\r\n\r\n'), 'bare_cr');
  t.equal(read('request', '\nGET / HTTP/1.1\r\n\r\n'), 'bare_lf');
  t.equal(read('response', '\r\nHTTP/1.1 200 OK\r\n\r\n'), 'status_line_invalid', 'before an answer there are none');
});

t.test('what cannot begin a request is refused at its first octet', async (t) => {
  for (const octet of [0x16, 0, 32, 127, 128, 58])
    t.equal(read('request', String.fromCharCode(octet)), 'request_line_invalid', `${octet}`);
  for (const char of 'G!~\r') t.equal(read('request', char), null);
  t.equal(read('response', '\x16'), null);
});

t.test('256 fields are taken, one more is not', async (t) => {
  t.equal((request('A: b\r\n'.repeat(256)) as Head).fields.length, 512);
  t.equal(request('A: b\r\n'.repeat(257)), 'header_fields_too_many');
});

t.test('the length is one number', async (t) => {
  t.match(request('Content-Length: 0\r\n'), { contentLength: 0, fields: ['Content-Length', '0'] });
  t.match(request('content-length: 999999999999999\r\n'), { contentLength: 999_999_999_999_999 });
  for (const value of ['', '-1', '+1', '1,1', '0x1', '1.0', '1 1', 'x', '1000000000000000'])
    t.equal(request(`Content-Length: ${value}\r\n`), 'content_length_invalid', value);
  t.equal(request('Content-Length: 0\r\nContent-Length: 0\r\n'), 'content_length_repeated');
});

t.test('chunked is the one transfer coding, of HTTP/1.1 alone, and never beside a length', async (t) => {
  t.match(request('Transfer-Encoding: CHUNKED\r\n'), { chunked: true, fields: { length: 0 } });
  for (const value of ['gzip', 'gzip, chunked', 'chunked, chunked', 'identity', ''])
    t.equal(request(`Transfer-Encoding: ${value}\r\n`), 'transfer_encoding_unsupported', value);
  t.equal(request('Transfer-Encoding: chunked\r\n'.repeat(2)), 'transfer_encoding_unsupported');
  t.equal(request('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'), 'content_length_with_transfer_encoding');
  t.equal(request('Transfer-Encoding: chunked\r\nContent-Length: 1\r\n'), 'content_length_with_transfer_encoding');
  t.equal(request('Transfer-Encoding: chunked\r\n', 'GET / HTTP/1.0'), 'transfer_encoding_in_http10');
});

t.test('Host is one authority', async (t) => {
  t.match(request('hOST: a:80\r\n'), { host: 'a:80', fields: { length: 0 } });
  t.match(request('Host:\r\n'), { host: '' });
  t.equal(request('Host: a\r\nHost: a\r\n'), 'host_repeated');
  t.equal(request('Host:\r\nHost:\r\n'), 'host_repeated');
  t.equal(request('Host: a b\r\n'), 'host_invalid');
});

t.test('Connection says close, keep-alive and upgrade, among others and in any case', async (t) => {
  t.match(request('Connection: Close\r\n'), { close: true, keepAlive: false, fields: { length: 0 } });
  t.match(request('Connection: a, KEEP-alive ,b\r\n'), { close: false, keepAlive: true });
  t.match(request('Connection: a\r\nConnection: close\r\n'), { close: true });
  t.match(request('Connection: closed\r\n'), { close: false });
  t.equal(request('Connection: "close"\r\n'), 'header_value_invalid');
  t.match(request('Keep-Alive: 5\r\nProxy-Connection: close\r\nweft-connection: close\r\n'), {
    close: false,
    fields: { length: 0 },
  });
});

t.test('fields that Connection lists go no further, but for the length', async (t) => {
  t.same(fieldsOf('A: 1\r\nConnection: X-Hop, b\r\nx-hop: 2\r\nB: 3\r\nBb: 4\r\nX-HOP: 5\r\n'), ['A', '1', 'Bb', '4']);
  t.same(fieldsOf('Content-Length: 5\r\nConnection: content-length\r\n'), ['Content-Length', '5']);
  t.same(fieldsOf('Connection: close, keep-alive, upgrade, ,\r\nClose: 1\r\nUpgrades: 2\r\n'), [
    'Close',
    '1',
    'Upgrades',
    '2',
  ]);
});

t.test('of TE only trailers goes further', async (t) => {
  for (const value of ['trailers', 'Trailers', 'gzip, trailers', 'trailers;q=0.5', 'a trailers b'])
    t.same(fieldsOf(`TE: ${value}\r\n`), ['TE', 'trailers'], value);
  for (const value of ['gzip', 'xtrailers', 'trailersx', 'trailers-x', ''])
    t.same(fieldsOf(`te: ${value}\r\n`), [], value);
  t.same(fieldsOf('Connection: TE\r\nTE: trailers\r\nUE: trailer\r\n'), ['TE', 'trailers', 'UE', 'trailer']);
});

t.test('an upgrade is offered where Connection lists it, in HTTP/1.1 and without content', async (t) => {
  const upgrade = 'Upgrade: A\r\nUpgrade: b\r\n';
  t.match(request(`Connection: upgrade\r\n${upgrade}`), { upgrade: 'a, b', fields: { length: 0 } });
  t.match(request(upgrade), { upgrade: '' });
  t.match(request('Connection: upgrade\r\n'), { upgrade: '' });
  t.match(request(`Connection: upgrade\r\n${upgrade}`, 'GET / HTTP/1.0'), { upgrade: '' });
  t.match(request(`Connection: upgrade\r\n${upgrade}Content-Length: 1\r\n`), { upgrade: '' });
  t.match(request(`Connection: upgrade\r\n${upgrade}Content-Length: 0\r\n`), { upgrade: 'a, b' });
  t.match(request(`Connection: upgrade\r\n${upgrade}Transfer-Encoding: chunked\r\n`), { upgrade: '' });
});

t.test('a tunnel is asked for without content', async (t) => {
  const connect = (lines: string) => request(lines, 'CONNECT a:80 HTTP/1.1');
  t.match(connect(''), { method: 'CONNECT' });
  t.match(connect('Content-Length: 0\r\n'), { method: 'CONNECT' });
  t.equal(connect('Content-Length: 1\r\n'), 'content_in_connect');
  t.equal(connect('Transfer-Encoding: chunked\r\n'), 'content_in_connect');
});

t.test('Trailer announces no field that frames a message', async (t) => {
  t.same(fieldsOf('Trailer: X-Sum, Content-Lengths, My-Trailer\r\n'), [
    'Trailer',
    'X-Sum, Content-Lengths, My-Trailer',
  ]);
  for (const value of ['content-length', 'X, Transfer-Encoding', 'TRAILER,X', 'X\tcontent-length'])
    t.equal(request(`Trailer: ${value}\r\n`), 'trailer_invalid', value);
});

t.test('a head that comes again is the same object, one that differs is not', async (t) => {
  const lines = `Host: again\r\nX: ${Math.PI}\r\n`;
  t.equal(request(lines), request(lines));
  t.not(request(lines), request(lines, 'PUT / HTTP/1.1'));
});
