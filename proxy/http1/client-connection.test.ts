import t from 'tap';

import { client } from '../../test/support/http1-talk.ts';
import { Recorder } from '../../test/support/recorder.ts';
import type { RequestHead } from './message.ts';

const octets = (text: string) => Buffer.from(text, 'latin1');

/** Asks with a head that differs from `GET /`, and hears an answer. */
function asked(head: Partial<RequestHead>, last: boolean, answer: string) {
  const all = client();
  all.stream.sendRequest({ ...all.head, ...head }, last);
  const written = all.wire.takeText();
  all.feed(answer);
  return { ...all, written };
}

t.test('a request is its line, Host, fields, and what concerns the connection', async (t) => {
  for (const [head, last, written] of [
    [{ fields: ['A', 'b'] }, true, 'GET / HTTP/1.1\r\nHost: web\r\nA: b\r\n\r\n'],
    [{ version: 'HTTP/1.0' }, true, 'GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n'],
    [{ fields: ['weft-connection', 'close'] }, true, 'GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n'],
    [{ fields: ['weft-connection', 'x'] }, true, 'GET / HTTP/1.1\r\nHost: web\r\n\r\n'],
    [{ method: 'POST' }, false, 'POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n'],
    [
      { method: 'POST', fields: ['Content-Length', '1'] },
      false,
      'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n\r\n',
    ],
    [
      { version: 'HTTP/1.1; absolute-form', path: '/p', scheme: 'https' },
      true,
      'GET https://web/p HTTP/1.1\r\nHost: web\r\n\r\n',
    ],
    [
      { method: 'OPTIONS', version: 'HTTP/1.1; absolute-form', path: '*' },
      true,
      'OPTIONS http://web HTTP/1.1\r\nHost: web\r\n\r\n',
    ],
    [{ method: 'OPTIONS', path: '*' }, true, 'OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\n'],
    [{ method: 'CONNECT', authority: 'b:80', path: '' }, false, 'CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n'],
    [
      { protocol: 'x', fields: ['content-length', '1', 'a', 'b'] },
      true,
      'GET / HTTP/1.1\r\nHost: web\r\na: b\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
  ] as readonly [Partial<RequestHead>, boolean, string][])
    t.equal(asked(head, last, '').written, written);
});

t.test('a head that comes again is written as its own body asks for', async (t) => {
  const { connection, wire, feed, head, stream } = client();
  let exchange = stream;
  const seen: string[] = [];
  for (let i = 0; i < 8; i++) {
    const last = i < 4;
    exchange.sendRequest(head, last);
    if (!last) exchange.sendData(octets('x'), 0, 1, true);
    seen.push(wire.takeText());
    feed('HTTP/1.1 204 No Content\r\n\r\n');
    exchange = connection.open(new Recorder());
  }
  const plain = 'GET / HTTP/1.1\r\nHost: web\r\n';
  t.same(seen, [
    ...Array(4).fill(`${plain}\r\n`),
    ...Array(4).fill(`${plain}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`),
  ]);
});

t.test('an answer’s body ends by its length, its chunks, or with the connection', async (t) => {
  const heard = (answer: string) => {
    const { recorder, events } = asked({}, true, answer);
    return [recorder.heard, events];
  };
  t.same(heard('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), [
    ['response 200 Content-Length 2', 'data ok end'],
    ['idle'],
  ]);
  t.same(heard('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n'), [
    ['response 200 ', 'data ok', 'trailers A b'],
    ['idle'],
  ]);
  t.same(heard('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), [['response 200 Content-Length 0 end'], ['idle']]);
  t.same(heard('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'), [
    ['response 200 ', 'data  end'],
    ['idle'],
  ]);
  const { recorder, events, connection, wire } = asked({}, true, 'HTTP/1.1 200 OK\r\n\r\nok');
  t.same([recorder.heard, events], [['response 200 ', 'data ok'], []]);
  connection.onEnd();
  t.same([recorder.heard, events, wire.closed], [['response 200 ', 'data ok end'], ['ending'], true]);
});

t.test('an answer to HEAD, 204 and 304 have no body, whatever their fields say', async (t) => {
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    for (const field of ['Content-Length: 5', 'Transfer-Encoding: chunked', 'A: b']) {
      const { recorder, events } = asked({ method }, true, `HTTP/1.1 ${status} x\r\n${field}\r\n\r\n`);
      t.match(recorder.heard[0], / end$/, `${method} ${status} ${field}`);
      t.same([recorder.heard.length, events], [1, ['idle']]);
    }
  }
});

t.test('informational answers come before the final one', async (t) => {
  const { recorder } = asked({}, true, 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n');
  t.same(recorder.heard, ['informational 100', 'informational 199', 'response 204  end']);
});

t.test('the connection ends where the server says so, or speaks HTTP/1.0 and does not say keep-alive', async (t) => {
  for (const [head, events] of [
    ['HTTP/1.1 204 x\r\nConnection: close', ['ending']],
    ['HTTP/1.0 204 x', ['ending']],
    ['HTTP/1.0 204 x\r\nConnection: keep-alive', ['idle']],
    ['HTTP/1.1 204 x', ['idle']],
  ] as const) {
    const all = asked({}, true, `${head}\r\n\r\n`);
    t.same(all.events, events, head);
    t.same([all.connection.isIdle, all.wire.closed], [events[0] === 'idle', events[0] === 'ending']);
  }
  t.same(asked({ fields: ['weft-connection', 'close'] }, true, 'HTTP/1.1 204 x\r\n\r\n').events, ['ending']);
});

t.test('a request is sent to its end after an answer that came before, and the connection is kept', async (t) => {
  const { recorder, events, stream, wire } = asked(
    { method: 'POST' },
    false,
    'HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n',
  );
  t.same([recorder.heard.length, events, wire.closed], [1, [], false]);
  t.equal(stream.sendData(octets('late'), 0, 4, true), 4);
  t.equal(wire.takeText(), '4\r\nlate\r\n0\r\n\r\n');
  t.same([recorder.heard.length, events, wire.closed], [1, ['idle'], false]);
});

t.test('a server that answers before the request has been sent, and closes, wants no more of it', async (t) => {
  const { recorder, events, stream, wire } = asked(
    { method: 'POST' },
    false,
    'HTTP/1.1 204 x\r\nConnection: close\r\n\r\n',
  );
  t.same(recorder.heard.slice(1), ['reset 0'], 'with NO_ERROR');
  t.same([events, wire.closed], [['ending'], true]);
  t.equal(stream.sendData(octets('late'), 0, 4, true), 4, 'what comes after it is disposed of');
  stream.sendTrailers(['a', 'b']);
  t.equal(wire.takeText(), '');
});

t.test('an exchange is over with the request where that ends last', async (t) => {
  const { events, stream, wire, feed } = asked(
    { method: 'POST' },
    false,
    'HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\no',
  );
  stream.sendData(octets('x'), 0, 1, false);
  stream.sendTrailers(['a', 'b']);
  t.equal(wire.takeText(), '1\r\nx\r\n0\r\na: b\r\n\r\n');
  t.same(events, []);
  feed('k');
  t.same(events, ['idle']);
});

t.test('one exchange follows another', async (t) => {
  const { connection, wire, head, stream, feed } = client();
  t.equal(connection.isIdle, false);
  stream.sendRequest(head, true);
  feed('HTTP/1.1 204 x\r\n\r\n');
  t.equal(connection.isIdle, true);
  const recorder = new Recorder();
  connection.open(recorder).sendRequest({ ...head, path: '/2' }, true);
  t.equal(connection.isIdle, false);
  feed('HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\nx');
  t.same(recorder.heard, ['response 200 Content-Length 1', 'data x end']);
  t.match(wire.takeText(), /GET \/2 HTTP\/1.1\r\nHost: web\r\n\r\n$/);
});

t.test('octets that nobody asked for end the connection', async (t) => {
  const idle = asked({}, true, 'HTTP/1.1 204 x\r\n\r\n');
  idle.feed('H');
  t.same([idle.events, idle.wire.closed, idle.connection.isIdle], [['idle', 'ending'], true, false]);
  const more = asked({ method: 'POST' }, false, 'HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\nxHTTP');
  t.same([more.events, more.wire.closed], [['ending'], true]);
});

t.test('an answer that breaks a rule resets its exchange and ends the connection', async (t) => {
  for (const answer of ['ICY 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx']) {
    const { recorder, events, wire } = asked({}, true, answer);
    t.equal(recorder.heard.at(-1), 'malformed answer');
    t.same([events, wire.closed], [['ending'], true]);
  }
});

t.test('what is in the listener’s hands holds reading back, as with requests', async (t) => {
  const { wire, stream, feed } = asked({}, true, `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(65_536)}`);
  t.equal(wire.paused, false);
  feed('x');
  t.equal(wire.paused, true);
  stream.grant(32_768);
  t.equal(wire.paused, true);
  stream.grant(1);
  t.equal(wire.paused, false);
});

t.test('the next exchange may read, whatever the one before left unread', async (t) => {
  const { wire } = asked({}, true, `HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n${'x'.repeat(70_000)}`);
  t.equal(wire.paused, false);
});

t.test('a request that is given up costs the connection', async (t) => {
  const { stream, recorder, events, wire } = asked({}, true, '');
  stream.reset(8);
  stream.reset(8);
  t.same([recorder.heard, events, wire.closed, wire.wasReset], [[], ['ending'], true, false]);
});

t.test('what is given up hears nothing more and says nothing more', async (t) => {
  for (const end of ['reset', 'lost'] as const) {
    const { stream, recorder, connection, wire, feed } = asked({ method: 'POST' }, false, '');
    if (end === 'reset') stream.reset(8);
    else connection.onClosed();
    const { length } = recorder.heard;
    feed('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
    connection.onEnd();
    connection.onClosed();
    stream.sendData(octets('x'), 0, 1, false);
    stream.sendTrailers(['a', 'b']);
    stream.grant(1);
    connection.onWritable();
    t.equal(recorder.heard.length, length, end);
    t.equal(wire.takeText(), '', end);
  }
});

t.test(
  'a request that a kept connection’s end overtook may be sent again: one without a body, and safe to repeat',
  async (t) => {
    const code = (method: string, last = true, answer = '', end: 'onClosed' | 'onEnd' = 'onClosed') => {
      const { connection, feed, stream, head } = client();
      stream.sendRequest(head, true);
      feed('HTTP/1.1 204 No Content\r\n\r\n');
      const recorder = new Recorder();
      connection.open(recorder).sendRequest({ ...head, method }, last);
      if (answer !== '') feed(answer);
      connection[end]();
      return recorder.heard.at(-1);
    };
    for (const end of ['onClosed', 'onEnd'] as const) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
        t.equal(code(method, true, '', end), 'reset 7', `${method}, ${end}`);
      for (const method of ['POST', 'PATCH', 'CONNECT', 'get', 'OTHER'])
        t.equal(code(method, true, '', end), 'reset 2', `${method}, ${end}`);
    }
    t.equal(code('PUT', false), 'reset 2', 'its body may be on its way');
    t.equal(code('GET', true, 'H'), 'reset 2', 'the answer has begun');
    const first = asked({}, true, '');
    first.connection.onClosed();
    t.same(first.recorder.heard, ['reset 2'], 'a fresh connection was no idle one');
  },
);

t.test('a connection that is lost resets what is under way, and tells that it ends, once', async (t) => {
  const { recorder, events, connection } = asked({}, true, 'HTTP/1.1 200 OK\r\n\r\nx');
  connection.onClosed();
  connection.onClosed();
  connection.end();
  connection.cut();
  t.same([recorder.heard.at(-1), events], ['reset 2', ['ending']]);
  const idle = asked({}, true, 'HTTP/1.1 204 x\r\n\r\n');
  idle.connection.onEnd();
  t.same([idle.events, idle.wire.closed], [['idle', 'ending'], true]);
});

t.test('a server that ends before its answer is whole has ended the connection', async (t) => {
  for (const answer of ['', 'HTTP/1.1 2', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab']) {
    const { recorder, events, connection, wire } = asked({}, true, answer);
    connection.onEnd();
    t.same([recorder.heard.at(-1), events, wire.closed], ['reset 2', ['ending'], true], answer);
  }
});

t.test('a body that waits for the wire goes out when it takes octets again', async (t) => {
  const { stream, recorder, connection, wire, events, feed } = asked(
    { method: 'POST', fields: ['content-length', '3'] },
    false,
    '',
  );
  wire.blocked = true;
  t.equal(stream.sendData(octets('abc'), 0, 3, true), 0);
  feed('HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\n');
  wire.blocked = false;
  connection.onWritable();
  t.same([wire.takeText(), recorder.sent], ['abc', 3]);
  feed('x');
  t.same(events, ['idle']);
});

const TUNNELS = [
  [{ method: 'CONNECT', authority: 'b:80', path: '' }, 'HTTP/1.1 200 OK\r\n\r\n'],
  [{ method: 'CONNECT', authority: 'b:80', path: '' }, 'HTTP/1.1 299 OK\r\n\r\n'],
  [{ protocol: 'x' }, 'HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
] as const;

t.test('what is sent into a tunnel waits until it is open', async (t) => {
  for (const [head, answer] of TUNNELS) {
    const { stream, recorder, wire, feed } = asked(head, false, '');
    const early = octets('.early.');
    t.equal(stream.sendData(early, 1, 6, false), 0);
    early.fill('-');
    t.equal(stream.sendData(octets('!'), 0, 1, false), 0);
    t.same([wire.takeText(), wire.held], ['', 6]);
    feed(answer);
    t.same([wire.takeText(), wire.held, recorder.sent], ['early!', 0, 6]);
    t.match(recorder.heard, [/^response (101|200|299)/]);
    t.equal(stream.sendData(octets('more'), 0, 4, false), 4);
    feed('answer');
    t.same([wire.takeText(), recorder.heard.at(-1)], ['more', 'data answer']);
  }
});

t.test('a tunnel is over when both directions have ended, in either order', async (t) => {
  for (const [head, answer] of TUNNELS) {
    for (const first of ['we', 'server'] as const) {
      const { stream, recorder, connection, wire, events } = asked(head, false, answer);
      const acts = {
        we: () => void stream.sendData(octets('bye'), 0, 3, true),
        server: () => connection.onEnd(),
      };
      acts[first]();
      t.same([wire.finished, events], [first === 'we', []], first);
      acts[first === 'we' ? 'server' : 'we']();
      t.same([wire.finished, events, recorder.heard.at(-1)], [true, ['ending'], 'data  end']);
    }
  }
});

t.test('an end that was sent ahead ends our direction of the tunnel', async (t) => {
  const { stream, wire, feed } = asked(TUNNELS[0][0], false, '');
  stream.sendData(octets('all'), 0, 3, true);
  feed(TUNNELS[0][1]);
  t.same([wire.takeText(), wire.finished], ['all', true]);
  const asks = asked(TUNNELS[0][0], true, TUNNELS[0][1]);
  t.equal(asks.wire.finished, true, 'so does that of the request');
});

t.test('what waited for a tunnel that is not opened is nobody’s', async (t) => {
  const { stream, recorder, wire, events, feed } = asked({ protocol: 'x' }, false, '');
  stream.sendData(octets('early'), 0, 5, true);
  feed('HTTP/1.1 403 x\r\nContent-Length: 1\r\n\r\nx');
  t.same([wire.takeText(), wire.held, recorder.sent], ['', 0, 5]);
  t.same([recorder.heard, events], [['response 403 Content-Length 1', 'data x end'], ['idle']]);
});

t.test('an answer to CONNECT that has content, and an upgrade nobody asked for, end the connection', async (t) => {
  for (const [head, answer] of [
    [TUNNELS[0][0], 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    [TUNNELS[0][0], 'HTTP/1.1 299 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    [{}, 'HTTP/1.1 101 x\r\n\r\n'],
  ] as readonly [Partial<RequestHead>, string][]) {
    const { recorder, events, wire } = asked(head, head.method === undefined, answer);
    t.same([recorder.heard, events, wire.closed], [['malformed answer'], ['ending'], true], answer);
  }
  const declined = asked(TUNNELS[0][0], false, 'HTTP/1.1 300 x\r\nContent-Length: 1\r\n\r\nx');
  t.same(declined.recorder.heard, ['response 300 Content-Length 1', 'data x end']);
});

t.test('a tunnel that is given up is reset, open or not', async (t) => {
  for (const answer of ['', TUNNELS[0][1]]) {
    const { stream, wire, events } = asked(TUNNELS[0][0], false, answer);
    stream.reset(8);
    t.same([wire.wasReset, wire.closed, events], [true, false, ['ending']]);
  }
});
