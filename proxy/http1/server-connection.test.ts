import t from 'tap';

import { server } from '../../test/support/http1-talk.ts';
import type { HeadFault } from './head-reader.ts';
import type { ResponseHead } from './message.ts';

const octets = (text: string) => Buffer.from(text, 'latin1');
const OK = { status: 200, fields: ['Content-Length', '2'] };

/** A request with one answer, and what is written for it. */
function answered(request: string, head: ResponseHead, body: string | null): [written: string, isClosed: boolean] {
  const { wire, requests, feed } = server();
  feed(request);
  const { stream } = requests[0]!;
  stream.sendResponse(head, body === null);
  if (body !== null) stream.sendData(octets(body), 0, body.length, true);
  return [wire.takeText(), wire.closed];
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const GET_10 = 'GET / HTTP/1.0\r\n\r\n';
const KEPT_10 = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
const CLOSING = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

t.test('an answer is framed by its length, by chunks, or by the end of the connection', async (t) => {
  const body = { status: 200, fields: [] };
  t.same(answered(GET, OK, 'ok'), ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', false]);
  t.same(answered(GET, body, 'ok'), [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    false,
  ]);
  t.same(answered(GET_10, body, 'ok'), ['HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok', true]);
  t.same(
    answered(KEPT_10, body, 'ok'),
    ['HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok', true],
    'no length to keep it by',
  );
  t.same(answered(KEPT_10, OK, 'ok'), [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    false,
  ]);
});

t.test('an answer without a body says that it has none, where it could have one', async (t) => {
  t.same(answered(GET, { status: 200, fields: [] }, null), ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', false]);
  t.same(answered(GET, { status: 200, fields: ['content-length', '0'] }, null), [
    'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    false,
  ]);
  for (const status of [204, 304]) {
    const [written] = answered(GET, { status, fields: [] }, null);
    t.match(written, new RegExp(`^HTTP/1.1 ${status} [^\r]*\r\n\r\n$`));
  }
  const head = GET.replace('GET', 'HEAD');
  t.same(answered(head, OK, null), ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', false]);
  t.same(answered(head, OK, 'ok'), ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', false], 'even if one comes');
  t.same(answered(GET, { status: 204, fields: [] }, ''), ['HTTP/1.1 204 No Content\r\n\r\n', false]);
});

t.test('the connection closes when either side says so, and both are told', async (t) => {
  t.same(answered(CLOSING, OK, 'ok'), ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok', true]);
  const closing = { status: 200, fields: ['Content-Length', '2', 'weft-connection', 'close'] };
  t.same(answered(GET, closing, 'ok'), ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok', true]);
  const other = { status: 200, fields: ['Content-Length', '2', 'weft-connection', 'other'] };
  t.same(answered(GET, other, 'ok'), ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', false]);
});

t.test('a head is written for each request as that one needs it, shared or not', async (t) => {
  const { wire, requests, feed } = server();
  for (const [request, extra] of [
    ...Array.from({ length: 4 }, () => [GET, ''] as const),
    ...Array.from({ length: 3 }, () => [KEPT_10, 'Connection: keep-alive\r\n'] as const),
    [GET, ''],
    [CLOSING, 'Connection: close\r\n'],
  ] as const) {
    feed(request);
    requests.at(-1)!.stream.sendResponse(OK, false);
    requests.at(-1)!.stream.sendData(octets('ok'), 0, 2, true);
    t.equal(wire.takeText(), `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${extra}\r\nok`);
  }
});

t.test('a shared head that closes is not taken for one that does not', async (t) => {
  for (const head of [OK, { status: 200, fields: [] }]) {
    const { wire, requests, feed } = server();
    for (const request of [GET, GET, GET, CLOSING]) {
      feed(request);
      requests.at(-1)!.stream.sendResponse(head, false);
      const text = wire.takeText();
      t.equal(text.includes('Connection: close'), request === CLOSING, text);
      requests.at(-1)!.stream.sendData(octets('ok'), 0, 2, true);
      wire.take();
    }
    t.equal(wire.closed, true);
  }
});

t.test('a shared head of an answer with and without a body is not taken for the other', async (t) => {
  const { wire, requests, feed } = server();
  const head = { status: 200, fields: [] };
  for (let i = 0; i < 6; i++) {
    feed(GET);
    requests.at(-1)!.stream.sendResponse(head, i >= 3);
    if (i < 3) requests.at(-1)!.stream.sendData(octets('ok'), 0, 2, true);
    const expected = i < 3 ? 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n' : 'Content-Length: 0\r\n\r\n';
    t.equal(wire.takeText(), `HTTP/1.1 200 OK\r\n${expected}`);
  }
});

t.test('informational answers come before the final one, which comes once; HTTP/1.0 has none', async (t) => {
  for (const [request, informational] of [
    [GET, 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'],
    [GET_10, ''],
  ] as const) {
    const { wire, requests, feed } = server();
    feed(request);
    const { stream } = requests[0]!;
    stream.sendResponse({ status: 103, fields: ['Link', 'x'] }, false);
    t.equal(wire.takeText(), informational);
    stream.sendResponse({ status: 199, fields: [] }, false);
    t.match(wire.takeText(), informational && /^HTTP\/1\.1 199 /);
    t.equal(stream.hasAnswered, false);
    stream.sendResponse(OK, false);
    wire.take();
    stream.sendResponse(OK, false);
    stream.sendResponse({ status: 103, fields: [] }, false);
    t.equal(wire.takeText(), '');
  }
});

t.test('trailers end an answer of chunks', async (t) => {
  const { wire, requests, feed } = server();
  feed(GET);
  const { stream } = requests[0]!;
  stream.sendResponse({ status: 200, fields: [] }, false);
  stream.sendTrailers(['a', 'b']);
  stream.sendTrailers(['c', 'd']);
  t.equal(wire.takeText(), 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n');
  t.equal(stream.sendData(octets('late'), 0, 4, true), 4, 'what comes after it is disposed of');
  t.same([wire.takeText(), wire.closed], ['', false]);
});

t.test('an answer that waits for the wire is over when it has left, and the next request comes then', async (t) => {
  for (const end of ['data', 'trailers'] as const) {
    const { wire, requests, connection, feed } = server();
    feed(GET + GET);
    const { stream, recorder } = requests[0]!;
    stream.sendResponse({ status: 200, fields: [] }, false);
    wire.take();
    wire.blocked = true;
    t.equal(stream.sendData(octets('ok'), 0, 2, end === 'data'), 0);
    if (end === 'trailers') stream.sendTrailers(['a', 'b']);
    connection.onWritable();
    t.same([requests.length, recorder.sent, wire.takeText()], [1, 0, '']);
    wire.blocked = false;
    connection.onWritable();
    t.equal(wire.takeText(), `2\r\nok\r\n0\r\n${end === 'trailers' ? 'a: b\r\n' : ''}\r\n`);
    t.same([requests.length, recorder.sent, wire.closed], [2, 2, false]);
  }
});

t.test('an answer without a body is over when its sender says so', async (t) => {
  const { requests, feed } = server();
  feed(GET.replace('GET', 'HEAD') + GET);
  requests[0]!.stream.sendResponse(OK, false);
  t.equal(requests.length, 1);
  requests[0]!.stream.sendData(octets(''), 0, 0, true);
  t.equal(requests.length, 2);
});

t.test('a request comes to its end after an answer that was whole before', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
  const { stream, recorder } = requests[0]!;
  stream.sendResponse(OK, false);
  stream.sendData(octets('ok'), 0, 2, true);
  t.same([recorder.heard, wire.closed, connection.isIdle], [['data ab'], false, false]);
  feed('cde');
  t.same([recorder.heard, wire.closed, connection.isIdle], [['data abcde end'], false, true]);
});

t.test('where nobody wants the rest of a request the connection closes with its answer', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
  const { stream, recorder } = requests[0]!;
  stream.refuseRest();
  stream.sendResponse(OK, false);
  t.match(wire.takeText(), /\r\nConnection: close\r\n/, 'as its client is told');
  t.equal(wire.closed, false, 'not before it has been sent');
  stream.sendData(octets('ok'), 0, 2, true);
  t.same([recorder.heard, wire.closed, connection.wasCut], [['data ab'], true, false]);
});

t.test('one that is whole is not refused', async (t) => {
  const { wire, requests, feed } = server();
  feed(GET);
  requests[0]!.stream.refuseRest();
  requests[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.equal(wire.closed, false);
});

t.test('a request that ends after its answer has begun keeps the connection', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  requests[0]!.stream.sendResponse(OK, false);
  feed('0\r\nA: b\r\n\r\n');
  t.equal(connection.isIdle, false);
  requests[0]!.stream.sendData(octets('ok'), 0, 2, true);
  t.same([requests[0]!.recorder.heard, wire.closed, connection.isIdle], [['trailers A b'], false, true]);
  t.equal(connection.taken, 1);
});

t.test('a request that has not been answered is not over with its body', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n');
  t.same([requests[0]!.end, requests[0]!.stream.requestDone], [false, false]);
  feed('x');
  t.same([requests[0]!.recorder.heard, requests[0]!.stream.requestDone], [['data x end'], true]);
  t.equal(connection.isIdle, false);
  requests[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.same([connection.isIdle, wire.closed], [true, false]);
});

t.test('pipelined requests are taken in order, each when the one before it is answered', async (t) => {
  const { wire, requests, connection, feed } = server();
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  feed(get('/1'));
  t.equal(wire.paused, false);
  feed(get('/2').slice(0, 7));
  t.equal(wire.paused, false, 'so that its end is heard');
  feed(get('/2').slice(7) + get('/3'));
  t.equal(requests.length, 1);
  for (let i = 0; i < 3; i++) requests[i]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.same(
    requests.map(({ head }) => head.path),
    ['/1', '/2', '/3'],
  );
  t.same([connection.taken, connection.isIdle, wire.paused, wire.closed], [3, true, false, false]);
});

t.test('what was pipelined behind the last answer is not taken', async (t) => {
  const { requests, feed } = server();
  feed(CLOSING + GET);
  requests[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.equal(requests.length, 1);
});

t.test('is idle while nothing is under way, and reading a head once one has begun', async (t) => {
  const { connection, requests, feed } = server();
  t.same([connection.isIdle, connection.isReadingHead], [true, false]);
  feed('GET /');
  t.same([connection.isIdle, connection.isReadingHead], [false, true]);
  feed(' HTTP/1.1\r\nHost: a\r\n\r\n');
  t.same([connection.isIdle, connection.isReadingHead], [false, false]);
  requests[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.same([connection.isIdle, connection.isReadingHead], [true, false]);
});

t.test('reading stops with more than 65,536 octets in the reader’s hands, and goes on with half as many', async (t) => {
  const { wire, requests, feed } = server();
  feed(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(65_536)}`);
  t.equal(wire.paused, false);
  feed('x');
  t.equal(wire.paused, true);
  requests[0]!.stream.grant(32_768);
  t.equal(wire.paused, true);
  requests[0]!.stream.grant(1);
  t.equal(wire.paused, false);
});

t.test('waits for the body of a length alone, while its reader keeps up', async (t) => {
  const body = (length: number, sent: number) => {
    const { connection, feed } = server();
    feed(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(sent)}`);
    return connection.awaitsBody;
  };
  t.equal(server().connection.awaitsBody, false);
  t.same([body(5, 0), body(5, 4), body(5, 5)], [true, true, false]);
  t.same([body(100_000, 65_536), body(100_000, 65_537)], [true, false]);
});

t.test('a body that its client is to be asked for is not awaited before', async (t) => {
  const { connection, requests, feed } = server();
  feed('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n');
  t.equal(connection.awaitsBody, false);
  requests[0]!.stream.sendResponse({ status: 103, fields: [] }, false);
  t.equal(connection.awaitsBody, false);
  requests[0]!.stream.sendResponse({ status: 100, fields: [] }, false);
  t.equal(connection.awaitsBody, true);
  const early = server();
  early.feed('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  early.feed('x');
  t.equal(early.connection.awaitsBody, true, 'a client need not wait');
});

t.test('a client that ends its direction while it waits has gone', async (t) => {
  for (const request of [GET, GET_10]) {
    const { wire, requests, connection, feed } = server();
    feed(request);
    connection.onEnd();
    t.same([requests[0]!.recorder.heard, wire.closed, connection.closed], [['reset 8'], true, true]);
  }
});

t.test('a client that ends its direction gets to its end what has one', async (t) => {
  const heard = (type: string, length: string) => {
    const { requests, connection, feed } = server();
    feed(GET);
    const fields = ['content-type', type, ...(length ? ['content-length', length] : [])];
    requests[0]!.stream.sendResponse({ status: 200, fields }, false);
    connection.onEnd();
    return requests[0]!.recorder.heard;
  };
  t.same(heard('text/plain', ''), []);
  t.same(heard('text/event-stream', '100'), []);
  for (const type of ['text/event-stream', 'Text/Event-Stream; charset=utf-8', 'multipart/x-mixed-replace; boundary=x'])
    t.same(heard(type, ''), ['reset 8'], type);
});

t.test('a client that ends its direction may have a tunnel all the same', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  connection.onEnd();
  t.same([requests[0]!.recorder.heard, wire.closed], [[], false]);
});

t.test('a client that is said to end its direction first is answered, and then the connection closes', async (t) => {
  const { wire, requests, connection, feed } = server({ keepsHalfClosed: true });
  feed(GET);
  connection.onEnd();
  t.same([wire.closed, connection.hasPeerEnded, connection.isDraining], [false, true, true]);
  t.same(requests[0]!.recorder.heard, []);
  requests[0]!.stream.sendResponse(OK, false);
  requests[0]!.stream.sendData(octets('ok'), 0, 2, true);
  t.match(wire.takeText(), /\r\nConnection: close\r\n\r\nok$/);
  t.equal(wire.closed, true);
});

t.test('a client that ends in the middle of its request is gone', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
  connection.onEnd();
  t.same([requests[0]!.recorder.heard, wire.closed, connection.closed], [['data ab', 'reset 8'], true, true]);
  const idle = server();
  idle.connection.onEnd();
  t.equal(idle.wire.closed, true);
});

t.test('a shutdown lets the request under way finish, and the head that has begun', async (t) => {
  const idle = server();
  idle.connection.shutdown();
  t.same([idle.wire.closed, idle.connection.isDraining], [true, true]);
  const begun = server();
  begun.feed('GET /');
  begun.connection.shutdown();
  t.equal(begun.wire.closed, false);
  begun.feed(' HTTP/1.1\r\nHost: a\r\n\r\n');
  begun.requests[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.equal(begun.wire.takeText(), 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
  t.equal(begun.wire.closed, true);
});

t.test('a connection that is lost resets the request under way, once', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed(GET);
  connection.onClosed();
  connection.onClosed();
  t.same([requests[0]!.recorder.heard, connection.closed], [['reset 8'], true]);
  connection.timeOut('body_timeout');
  const { stream } = requests[0]!;
  stream.sendResponse(OK, false);
  stream.sendData(Buffer.from('x'), 0, 1, false);
  stream.sendTrailers(['a', 'b']);
  stream.reset(2);
  t.same(requests[0]!.recorder.heard, ['reset 8'], 'and nothing more');
  t.equal(wire.takeText(), '', 'nor is anything said');
});

t.test('an answer that cannot be completed ends the connection, a tunnel resets it', async (t) => {
  const { wire, requests, connection, feed } = server();
  feed(GET);
  requests[0]!.stream.reset(2);
  requests[0]!.stream.reset(2);
  t.same([wire.closed, wire.wasReset, connection.closed], [true, false, true]);
  const tunnel = server();
  tunnel.feed('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n');
  tunnel.requests[0]!.stream.sendResponse({ status: 200, fields: [] }, false);
  tunnel.requests[0]!.stream.reset(2);
  t.same([tunnel.wire.closed, tunnel.wire.wasReset], [false, true]);
});

t.test('an upgrade becomes a tunnel by 101, CONNECT by 2xx, and what was sent ahead goes into it', async (t) => {
  const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
  for (const [request, status, written] of [
    [upgrade, 101, 'HTTP/1.1 101 Switching Protocols\r\nA: b\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 200, 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'],
    ['CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 204, 'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n'],
  ] as const) {
    const { wire, requests, feed } = server();
    feed(`${request}early`);
    const { stream, recorder, end } = requests[0]!;
    t.same([end, stream.mayTunnel, recorder.heard, wire.paused], [false, true, [], false]);
    stream.sendResponse({ status, fields: ['A', 'b'] }, false);
    t.equal(wire.takeText(), written);
    t.same([recorder.heard, wire.paused], [['data early'], false]);
    feed(', late');
    t.same(recorder.heard, ['data early, late']);
    stream.sendData(octets('answer'), 0, 6, false);
    t.equal(wire.takeText(), 'answer');
  }
});

t.test('a tunnel is over when both directions have ended, in either order', async (t) => {
  for (const first of ['client', 'server'] as const) {
    const { wire, requests, connection, feed } = server();
    feed('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n');
    const { stream, recorder } = requests[0]!;
    stream.sendResponse({ status: 200, fields: [] }, false);
    const acts = {
      client: () => connection.onEnd(),
      server: () => void stream.sendData(octets('bye'), 0, 3, true),
    };
    acts[first]();
    t.same([wire.finished, wire.closed], [first === 'server', false], `the ${first} has ended`);
    acts[first === 'client' ? 'server' : 'client']();
    t.equal(wire.closed, true);
    t.same(recorder.heard, ['data  end']);
  }
});

t.test('a client that ended before there was a tunnel has ended the tunnel', async (t) => {
  const { requests, connection, feed } = server();
  feed('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n');
  connection.onEnd();
  t.same(requests[0]!.recorder.heard, []);
  requests[0]!.stream.sendResponse({ status: 200, fields: [] }, false);
  t.same(requests[0]!.recorder.heard, ['data  end']);
});

t.test('a tunnel that is declined was a request, whose end is told', async (t) => {
  for (const [request, status] of [
    ['GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', 200],
    ['CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 300],
    ['CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 403],
  ] as const) {
    const { wire, requests, feed, connection } = server();
    feed(request);
    requests[0]!.stream.sendResponse({ status, fields: [] }, true);
    t.same(requests[0]!.recorder.heard, ['data  end']);
    t.match(wire.takeText(), /\r\nContent-Length: 0\r\n\r\n$/);
    t.same([wire.closed, connection.isIdle], [false, true]);
  }
});

t.test(
  'what is refused is answered by its kind, with the fields that the listener gives, and the connection closes',
  async (t) => {
    for (const [message, reason, status, limits] of [
      ['GET / HTTP/2.0\r\n\r\n', 'version_unsupported', '505 HTTP Version Not Supported', []],
      ['GET /\r\n\r\n', 'request_line_invalid', '400 Bad Request', []],
      [
        `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(257)}\r\n`,
        'header_fields_too_many',
        '431 Request Header Fields Too Large',
        ['header_fields_too_many'],
      ],
      ['\r\n'.repeat(9), 'empty_line_flood', '400 Bad Request', ['empty_line_flood']],
    ] as readonly [string, HeadFault, string, string[]][]) {
      const { wire, faults, limits: told, connection, feed } = server();
      feed(message);
      t.equal(wire.takeText(), `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      t.same([faults, told, wire.closed, connection.closed], [[reason], limits, true, true]);
      feed(GET);
      connection.timeOut('header_timeout');
      t.equal(wire.takeText(), '', 'and nothing more is heard');
    }
  },
);

t.test('a body that is refused after its answer has begun adds no second answer', async (t) => {
  const { wire, requests, faults, feed } = server();
  feed('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  requests[0]!.stream.sendResponse({ status: 200, fields: [] }, false);
  wire.take();
  feed('x');
  t.same([faults, wire.takeText(), wire.closed], [['chunk_size_invalid'], '', true]);
  t.same(requests[0]!.recorder.heard, ['reset 1']);
});

t.test('the target says what is asked for, in each of its forms', async (t) => {
  const head = {
    method: 'GET',
    scheme: 'http',
    authority: 'a',
    path: '/',
    protocol: '',
    fields: [],
    version: 'HTTP/1.1',
  };
  const whole = 'HTTP/1.1; absolute-form';
  for (const [line, expected] of [
    ['GET /p?q HTTP/1.1', { path: '/p?q' }],
    ['OPTIONS * HTTP/1.1', { method: 'OPTIONS', path: '*' }],
    ['OPTIONS /p HTTP/1.1', { method: 'OPTIONS', path: '/p' }],
    ['CONNECT b:80 HTTP/1.1', { method: 'CONNECT', authority: 'b:80', path: '' }],
    ['GET HTTPS://b:1/p?q HTTP/1.1', { scheme: 'https', authority: 'b:1', path: '/p?q', version: whole }],
    ['GET h1+.-://b HTTP/1.1', { scheme: 'h1+.-', authority: 'b', version: whole }],
    ['GET http://b?q HTTP/1.1', { authority: 'b', path: '/?q', version: whole }],
    ['OPTIONS http://b HTTP/1.1', { method: 'OPTIONS', authority: 'b', path: '*', version: whole }],
    ['GET http://b/ HTTP/1.0', { authority: 'b', version: 'HTTP/1.0; absolute-form' }],
    ['GET / HTTP/1.0', { version: 'HTTP/1.0' }],
  ] as const) {
    const { requests, feed } = server();
    feed(`${line}\r\nHost: a\r\n\r\n`);
    t.same(requests[0]?.head, { ...head, ...expected }, line);
  }
  for (const target of [
    'p',
    '*',
    '?q',
    '/#f',
    'http:/b',
    'http://',
    'http:///p',
    'http://u@b/',
    'http://b/#f',
    '1http://b/',
    'http://b#f',
  ]) {
    const { faults, feed } = server();
    feed(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.same(faults, ['target_invalid'], target);
  }
  for (const target of ['b', ':80', 'b:', 'b:x', 'b:80/', 'u@b:80', 'http://b:80']) {
    const { faults, feed } = server();
    feed(`CONNECT ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.same(faults, ['target_invalid'], target);
  }
});

t.test('HTTP/1.1 has a Host, HTTP/1.0 may', async (t) => {
  const none = server();
  none.feed('GET / HTTP/1.1\r\n\r\n');
  t.same(none.faults, ['host_missing']);
  const old = server();
  old.feed(GET_10);
  t.equal(old.requests[0]!.head.authority, '');
});

t.test('a wish to close is a field of the request', async (t) => {
  const { requests, feed } = server();
  feed('GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nConnection: close\r\n\r\n');
  t.same(requests[0]!.head.fields, ['A', 'b', 'weft-connection', 'close']);
});
