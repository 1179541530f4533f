import t from 'tap';

import { client, latin1, server } from '../../test/support/http1-talk.ts';
import { Recorder } from '../../test/support/recorder.ts';
import type { HeadFault } from './head-reader.ts';
import { HeadReader } from './head-reader.ts';
import type { RequestHead } from './message.ts';

t.test('reads a request and writes its answer', async (t) => {
  const { wire, requests, feed } = server();
  feed('GET /a?b HTTP/1.1\r\nHost: web\r\nX-Case: Value\r\n\r\n');
  const { head, end, stream } = requests[0]!;
  t.same(head, {
    method: 'GET',
    scheme: 'http',
    authority: 'web',
    path: '/a?b',
    protocol: '',
    fields: ['X-Case', 'Value'],
    version: 'HTTP/1.1',
  });
  t.equal(end, true);
  stream.sendResponse({ status: 200, fields: ['Content-Length', '2'] }, false);
  stream.sendData(Buffer.from('ok'), 0, 2, true);
  t.equal(wire.takeText(), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.notOk(wire.closed);
});

const MESSAGES = [
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://b:80/p HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n\r\n',
  '\r\nGET / HTTP/1.0\r\n\r\n',
  '\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a="\\"" ; b\r\nx\r\n0;c\r\n\r\n',
];

t.test('hears the same whether octets come one at a time or all at once', async (t) => {
  for (const message of MESSAGES) {
    const outcomes = [1, 2, 3, 7, message.length].map((size) => {
      const { feed, requests, faults } = server();
      feed(message, size);
      return {
        heads: requests.map(({ head, end }) => [head, end]),
        heard: requests.map(({ recorder }) => recorder.heard),
        faults,
      };
    });
    for (const outcome of outcomes) t.same(outcome, outcomes[0], JSON.stringify(message.slice(0, 40)));
    t.equal(outcomes[0]!.faults.length, 0);
  }
});

t.test('waits for more at every truncation', async (t) => {
  for (const message of MESSAGES) {
    for (let length = 0; length < message.length; length++) {
      const { feed, faults } = server();
      feed(message.slice(0, length));
      if (faults.length > 0) t.fail(`${JSON.stringify(message.slice(0, length))}: ${faults}`);
    }
  }
  t.pass();
});

t.test('refuses what is ambiguous, each with its reason', async (t) => {
  const head = (lines: string) => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
  const chunks = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
  const cases: readonly (readonly [HeadFault, string])[] = [
    ['content_length_with_transfer_encoding', head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
    ['content_length_repeated', head('Content-Length: 5\r\nContent-Length: 5\r\n')],
    ['content_length_invalid', head('Content-Length: +5\r\n')],
    ['content_length_invalid', head('Content-Length: 5, 5\r\n')],
    ['transfer_encoding_unsupported', head('Transfer-Encoding: gzip\r\n')],
    ['transfer_encoding_unsupported', head('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
    ['transfer_encoding_in_http10', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['bare_lf', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['bare_lf', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['bare_cr', 'GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n'],
    ['obs_fold', head('X: a\r\n b\r\n')],
    ['space_before_colon', head('X : a\r\n')],
    ['header_name_invalid', head('X(y): a\r\n')],
    ['header_name_invalid', head(': a\r\n')],
    ['header_value_invalid', head('X: a\x00b\r\n')],
    ['header_value_invalid', head('X: a\x1bb\r\n')],
    ['header_value_invalid', head('X: a\x7f\r\n')],
    ['header_value_invalid', head('Connection: : close\r\n')],
    ['trailer_invalid', head('Trailer: X-Sum, Content-Length\r\n')],
    ['content_in_connect', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\n'],
    ['host_missing', 'GET / HTTP/1.1\r\n\r\n'],
    ['host_repeated', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['host_invalid', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['host_invalid', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['host_invalid', 'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n'],
    ['host_invalid', 'GET / HTTP/1.1\r\nHost: [1:2]\r\n\r\n'],
    ['request_line_invalid', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['request_line_invalid', 'GET /\r\nHost: a\r\n\r\n'],
    ['version_unsupported', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n'],
    ['target_invalid', 'GET a/b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['target_invalid', 'GET http://user@b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['target_invalid', 'GET http://a\\b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['target_invalid', 'CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['head_too_large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`],
    ['chunk_size_invalid', chunks('x\r\n')],
    ['chunk_size_invalid', chunks('\r\n')],
    ['chunk_size_invalid', chunks('5 \r\n')],
    ['chunk_size_invalid', chunks('ffffffffffff\r\n')],
    ['chunk_size_invalid', chunks('5\n')],
    ['chunk_end_invalid', chunks('1\r\nab')],
    ['chunk_extension_too_large', chunks(`1;${'x'.repeat(300)}\r\n`)],
    ['chunk_extension_invalid', chunks('1;\r\n')],
    ['chunk_extension_invalid', chunks('1;a b\r\n')],
    ['chunk_extension_invalid', chunks('1;a="b\r\n')],
    ['trailer_invalid', chunks('0\r\nX: \x01\r\n\r\n')],
    ['trailer_invalid', chunks('0\r\nno colon\r\n\r\n')],
    ['bare_lf', chunks('0\r\nX: 1\n\r\n')],
  ];
  for (const [reason, message] of cases) {
    const { feed, faults, wire } = server();
    feed(message);
    t.same(faults, [reason], JSON.stringify(message.slice(0, 60)));
    t.ok(wire.closed);
    const split = server();
    split.feed(message.slice(0, 2000), 1);
    if (message.length < 2000) t.same(split.faults, [reason], 'octet by octet too');
  }
});

t.test('refuses TLS at its first octet', async (t) => {
  const { feed, faults, wire } = server();
  feed('\x16');
  t.same(faults, ['request_line_invalid']);
  t.ok(wire.closed);
});

t.test('passes over an upgrade that cannot be honoured', async (t) => {
  for (const [fields, body] of [
    ['Upgrade: websocket\r\nContent-Length: 2\r\n', 'hi'],
    ['Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\n\r\n'],
    ['Upgrade: h2c\r\nContent-Length: 2\r\n', 'hi'],
  ] as const) {
    const { requests, feed } = server();
    feed(`POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${fields}\r\n${body}`);
    t.equal(requests[0]!.head.protocol, '');
    t.same(requests[0]!.recorder.heard, ['data hi end'], fields);
  }
  const { requests, feed } = server();
  feed('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  t.equal(requests[0]!.end, true);
});

t.test('takes for Host what is a host with an optional port', async (t) => {
  for (const host of [
    '',
    'a',
    'a.b-c_d:80',
    '10.0.0.1',
    '[::]',
    '[::1]:443',
    '[fe80::1%25eth0]',
    '[1:2:3:4:5:6:7:8]',
    '[::ffff:1.2.3.4]',
  ]) {
    const { requests, feed } = server();
    feed(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    t.equal(requests[0]?.head.authority, host);
  }
  for (const host of [
    '[]',
    '[1]',
    '[::1',
    '[1::2::3]',
    '[12345::]',
    '[1:2:3:4:5:6:7:8:9]',
    '[1:2:3:4:5:6:7::8]',
    'a b',
    'ä',
    '"a"',
  ]) {
    const { faults, feed } = server();
    feed(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    t.same(faults, ['host_invalid'], host);
  }
});

t.test('takes a pipelined request only when the one before it is answered', async (t) => {
  const { wire, requests, feed } = server();
  feed('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  t.equal(requests.length, 1);
  t.notOk(wire.paused, 'so that its end is heard');
  feed('x'.repeat(65_537));
  t.ok(wire.paused, 'no more is read meanwhile');
  requests[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.equal(requests.length, 2);
  t.equal(requests[1]!.head.path, '/2');
});

t.test('stops reading when its listener is behind', async (t) => {
  const { wire, requests, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n');
  feed('x'.repeat(70_000));
  t.ok(wire.paused);
  requests[0]!.stream.grant(70_000);
  t.notOk(wire.paused);
});

t.test('answers HTTP/1.0 without chunks, and closes', async (t) => {
  const { wire, requests, feed } = server();
  feed('GET / HTTP/1.0\r\n\r\n');
  requests[0]!.stream.sendResponse({ status: 200, fields: [] }, false);
  requests[0]!.stream.sendData(Buffer.from('ok'), 0, 2, true);
  t.equal(wire.takeText(), 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok');
  t.ok(wire.closed);
});

t.test('makes a request and reads its answer, octet by octet', async (t) => {
  const { wire, events, recorder, stream, head, feed } = client();
  stream.sendRequest({ ...head, fields: ['Accept', '*/*'] }, true);
  t.equal(wire.takeText(), 'GET / HTTP/1.1\r\nHost: web\r\nAccept: */*\r\n\r\n');
  feed('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 1);
  t.same(recorder.heard, ['informational 103', 'response 200 Content-Length 2', 'data ok end']);
  t.same(events, ['idle']);
});

t.test('writes requests that every server reads alike', async (t) => {
  const cases: readonly [string, Partial<RequestHead>, boolean, string][] = [
    ['a Host, even an empty one', { authority: '' }, true, 'GET / HTTP/1.1\r\nHost: \r\n\r\n'],
    [
      'no whole URI without an authority',
      { authority: '', version: 'HTTP/1.1; absolute-form' },
      true,
      'GET / HTTP/1.1\r\nHost: \r\n\r\n',
    ],
    [
      'none for HTTP/1.0',
      { authority: '', version: 'HTTP/1.0' },
      true,
      'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    ],
    [
      'CONNECT without content',
      { method: 'CONNECT', authority: 'b:80', fields: ['content-length', '5'] },
      false,
      'CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n',
    ],
    [
      'an upgrade without content',
      { protocol: 'x', fields: ['content-length', '5'] },
      false,
      'GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
    [
      'content of unknown length as HTTP/1.1',
      { method: 'POST', version: 'HTTP/1.0' },
      false,
      'POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ];
  for (const [name, some, last, octets] of cases) {
    const { wire, stream, head } = client();
    stream.sendRequest({ ...head, ...some }, last);
    t.equal(wire.takeText(), octets, name);
  }
});

t.test('copies what it queues, so that the octets handed in may be used again', async (t) => {
  const { wire, stream, head } = client();
  stream.sendRequest({ ...head, method: 'POST', fields: ['content-length', '6'] }, false);
  wire.takeText();
  wire.blocked = true;
  const octets = Buffer.from('before');
  stream.sendData(octets, 0, 6, true);
  octets.fill('x');
  wire.blocked = false;
  stream.pump();
  t.equal(wire.takeText(), 'before');
});

t.test('reads an answer that ends with the connection', async (t) => {
  const { connection, events, recorder, stream, head, feed } = client();
  stream.sendRequest(head, true);
  feed('HTTP/1.1 200 OK\r\n\r\nto the end');
  connection.onEnd();
  t.same(recorder.heard, ['response 200 ', 'data to the end end']);
  t.same(events, ['ending']);
});

t.test('resets when the server closes before the answer is whole', async (t) => {
  for (const text of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok']) {
    const { connection, recorder, stream, head, feed } = client();
    stream.sendRequest(head, true);
    feed(text);
    connection.onEnd();
    t.match(recorder.heard.at(-1), 'reset', JSON.stringify(text));
  }
});

t.test('says that a request may be sent again when it met the end of an idle connection', async (t) => {
  const lost = (method: string, last: boolean, answer: string, used: boolean) => {
    const { connection, stream, head, feed, recorder } = client();
    let own = recorder;
    let exchange = stream;
    if (used) {
      stream.sendRequest(head, true);
      feed('HTTP/1.1 204 No Content\r\n\r\n');
      own = new Recorder();
      exchange = connection.open(own);
    }
    exchange.sendRequest({ ...head, method }, last);
    feed(answer);
    connection.onEnd();
    return own.heard.at(-1);
  };
  t.equal(lost('GET', true, '', true), 'reset 7');
  t.equal(lost('GET', true, '', false), 'reset 2', 'a new connection');
  t.equal(lost('POST', true, '', true), 'reset 2', 'a method that may have done something');
  t.equal(lost('PUT', false, '', true), 'reset 2', 'a body is on its way');
  t.equal(lost('GET', true, 'HTTP/1.1 2', true), 'reset 2', 'an answer had begun');
});

t.test('says close to the server, and hears it from there', async (t) => {
  const { wire, events, recorder, stream, head, feed } = client();
  stream.sendRequest({ ...head, fields: ['weft-connection', 'close'] }, true);
  t.match(wire.takeText(), 'Connection: close');
  feed('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  t.same(recorder.heard, ['response 200 Content-Length 0 weft-connection close end']);
  t.same(events, ['ending']);
});

t.test('ends a connection on which a server speaks unasked', async (t) => {
  const { connection, events, stream, head, feed } = client();
  stream.sendRequest(head, true);
  feed('HTTP/1.1 204 No Content\r\n\r\n');
  feed('HTTP/1.1 408 Request Timeout\r\n\r\n');
  t.same(events, ['idle', 'ending']);
  t.ok(connection.closed);
});

t.test('refuses more fields than it takes', async (t) => {
  const fields = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: 1\r\n`).join('');
  const most = server();
  most.feed(`GET / HTTP/1.1\r\nHost: a\r\n${fields(255)}\r\n`);
  t.same([most.requests.length, most.limits], [1, []]);
  const more = server();
  more.feed(`GET / HTTP/1.1\r\nHost: a\r\n${fields(256)}\r\n`);
  t.same([more.requests.length, more.limits], [0, ['header_fields_too_many']]);
  t.match(more.wire.takeText(), /^HTTP\/1.1 431 /);
});

t.test('skips a few empty lines before a request, not any number', async (t) => {
  for (const size of [1, 2, 1000]) {
    const few = server();
    few.feed(`${'\r\n'.repeat(8)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`, size);
    t.same([few.requests.length, few.limits], [1, []]);
    const many = server();
    many.feed('\r\n'.repeat(9), size);
    t.same([many.limits, many.connection.closed], [['empty_line_flood'], true]);
  }
});

t.test('refuses chunks whose extensions outweigh them', async (t) => {
  const { requests, limits, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `1;a=${'b'.repeat(200)}\r\nx\r\n`;
  for (let i = 0; i < 70; i++) feed(chunk);
  t.same(limits, []);
  for (let i = 0; i < 20; i++) feed(chunk);
  t.same(limits, ['chunk_extension_too_large']);
  t.equal(requests[0]!.recorder.heard.at(-1), 'reset 1');
});

t.test('answers 408 to a head or a body that does not come', async (t) => {
  const head = server();
  head.feed('GET / HT');
  t.equal(head.connection.isReadingHead, true);
  head.connection.timeOut('header_timeout');
  t.match(head.wire.takeText(), /^HTTP\/1.1 408 Request Timeout\r\n/);
  t.same([head.limits, head.wire.closed], [['header_timeout'], true]);
  const body = server();
  body.feed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
  t.same([body.connection.isReadingHead, body.connection.awaitsBody], [false, true]);
  body.connection.timeOut('body_timeout');
  t.match(body.wire.takeText(), /^HTTP\/1.1 408 /);
  t.same(body.requests[0]!.recorder.heard, ['data ab', 'reset 1']);
});

t.test('does not wait for a body without a length, or while its reader is behind', async (t) => {
  const live = server();
  live.feed('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
  t.equal(live.connection.awaitsBody, false);
  const behind = server();
  behind.feed(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'a'.repeat(70_000)}`);
  t.same([behind.wire.paused, behind.connection.awaitsBody], [true, false]);
});

t.test('a request for a tunnel that is given up before its answer ends in a reset, another in an end', (t) => {
  for (const [fields, wasReset] of [
    [{ method: 'CONNECT' }, true],
    [{ protocol: 'echo' }, true],
    [{}, false],
  ] as const) {
    const { wire, stream, head } = client();
    stream.sendRequest({ ...head, ...fields }, false);
    stream.reset(8);
    t.same([wire.wasReset, wire.closed], [wasReset, !wasReset]);
  }
  t.end();
});

t.test('an answer without a status line of HTTP/1 is none', async (t) => {
  const read = (text: string) => new HeadReader('response', latin1).read(Buffer.from(text), 0, text.length);
  for (const line of ['HTTP/1.1 20 OK', 'HTTP/1.1 099 x', 'HTTP/1.1  200 OK', 'ICY 200 OK'])
    t.equal(read(`${line}\r\n\r\n`), 'status_line_invalid', line);
  t.equal(read('HTTP/2.0 200 OK\r\n\r\n'), 'version_unsupported');
  t.match(read('HTTP/1.1 200\r\n\r\n'), { status: 200 });
});
