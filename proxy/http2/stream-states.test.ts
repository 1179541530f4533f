import t from 'tap';

import { data, frame, headers, literals, reset, windowUpdate } from '../../test/support/http2-frames.ts';
import { Talk } from '../../test/support/http2-talk.ts';
import * as h2 from './wire-vocabulary.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'a'];
const OK = [':status', '200'];

t.test('a stream is over when both sides have ended, whoever ends last', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, false), headers(3, GET, true));
  const [early, late] = talk.exchanges;
  early!.stream.sendResponse({ status: 200, fields: [] }, true);
  t.match(early!.stream, { localClosed: true, remoteClosed: false, closed: false });
  t.match(late!.stream, { localClosed: false, remoteClosed: true, closed: false });
  t.equal(talk.connection.streamCount, 2);
  talk.says(data(1, '', true));
  late!.stream.sendResponse({ status: 200, fields: [] }, true);
  t.same([early!.stream.closed, late!.stream.closed], [true, true]);
  t.equal(talk.connection.streamCount, 0);
  t.equal(talk.ends, 2);
});

t.test('what is sent on a stream that is over goes nowhere', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, true));
  const { stream } = talk.exchanges[0]!;
  stream.reset(h2.CANCEL);
  t.same(talk.written(), ['RST_STREAM 1 8']);
  stream.sendResponse({ status: 200, fields: [] }, false);
  t.equal(stream.sendData(Buffer.from('abc'), 0, 3, true), 3);
  stream.sendTrailers(['a', 'b']);
  stream.reset(h2.CANCEL);
  stream.grant(100_000);
  t.same(talk.written(), []);
  t.equal(talk.ends, 1);
});

t.test('nothing is sent after the end of our direction', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, false));
  const { stream } = talk.exchanges[0]!;
  stream.sendResponse({ status: 200, fields: [] }, false);
  stream.sendData(Buffer.from('a'), 0, 1, true);
  t.same(talk.written(), ['HEADERS 1 88', 'DATA 1 END_STREAM "a"']);
  stream.sendResponse({ status: 200, fields: [] }, true);
  t.equal(stream.sendData(Buffer.from('a'), 0, 1, true), 1);
  stream.sendTrailers(['a', 'b']);
  t.same(talk.written(), []);
});

t.test('a peer may reset a stream, whose listener hears its code and nothing more', async (t) => {
  const talk = new Talk('client');
  const { stream } = talk.ask({}, false);
  talk.written();
  t.same(
    talk.says(reset(1, h2.CANCEL), data(1, 'late'), headers(1, OK, true)),
    ['RST_STREAM 1 5', 'RST_STREAM 1 5'].slice(0, 1),
  );
  t.same(talk.heard, [['reset 8']]);
  t.equal(stream.closed, true);
});

t.test('what is under way on a stream that we reset is passed over', async (t) => {
  for (const role of ['client', 'server'] as const) {
    const talk = new Talk(role);
    if (role === 'client') talk.ask({}, false);
    else talk.says(headers(1, GET, false));
    talk.exchanges[0]!.stream.reset(h2.CANCEL);
    talk.written();
    const late = [data(1, 'abc'), windowUpdate(1, 1), headers(1, ['a', 'b'], true), data(1, '', true), reset(1, 0)];
    t.same(talk.says(...late), [], `a ${role} says nothing`);
    t.equal(talk.failure, null);
  }
});

t.test('the octets of a stream that we reset still count for the connection', async (t) => {
  const talk = new Talk('client');
  talk.ask({}, false).stream.reset(h2.CANCEL);
  talk.written();
  const octets = Buffer.alloc(16_384);
  const answers = Array.from({ length: 32 }, () => talk.says(data(1, octets)));
  t.same(answers.flat(), ['WINDOW_UPDATE 0 524288']);
});

t.test('header blocks of a stream that we reset keep the table in step', async (t) => {
  const talk = new Talk('client');
  talk.ask({}, false).stream.reset(h2.CANCEL);
  talk.ask();
  talk.says(frame(h2.HEADERS, 4, 1, Buffer.from('884001610131', 'hex')));
  talk.says(frame(h2.HEADERS, 5, 3, Buffer.from('88be', 'hex')));
  t.same(talk.heard, [[], ['response 200 a 1 end']]);
});

t.test('of the streams that were reset the last 256 are known', async (t) => {
  const talk = new Talk('server');
  const last = 2 * 257 - 1;
  for (let id = 1; id <= last; id += 2) {
    talk.says(headers(id, GET, false));
    talk.exchanges.at(-1)!.stream.reset(h2.CANCEL);
  }
  talk.written();
  t.same(talk.says(data(3, 'late')), []);
  t.same(talk.says(data(1, 'late')), ['RST_STREAM 1 5'], 'one before them is closed like any other');
});

t.test('DATA on a stream that is closed resets it, on one that never was it ends the connection', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(3, GET, true));
  t.same(talk.says(data(3, 'a')), ['RST_STREAM 3 5'], 'ended by its client');
  t.same(talk.heard, [['request GET / end', 'reset 5']]);
  t.same(talk.says(data(1, 'a')), ['RST_STREAM 1 5'], 'passed over by its client');
  t.same(talk.says(data(5, 'a')), ['GOAWAY 3 1']);
  t.same(talk.failure, [h2.PROTOCOL_ERROR, 'data_on_idle_stream']);
});

t.test('a client’s own streams are idle until it opens them, and others always', async (t) => {
  for (const [id, failure] of [
    [1, null],
    [2, [h2.PROTOCOL_ERROR, 'rst_stream_on_idle_stream']],
    [3, [h2.PROTOCOL_ERROR, 'rst_stream_on_idle_stream']],
  ] as const) {
    const talk = new Talk('client');
    talk.ask();
    talk.says(reset(id, h2.CANCEL));
    t.same(talk.failure, failure, `stream ${id}`);
  }
});

t.test('a server’s client opens odd streams, each above the last', async (t) => {
  for (const [ids, failure] of [
    [[1, 3, 7], null],
    [[2], [h2.PROTOCOL_ERROR, 'stream_id_invalid']],
    [
      [5, 3],
      [h2.STREAM_CLOSED, 'headers_on_closed_stream'],
    ],
    [[0], [h2.PROTOCOL_ERROR, 'headers_on_stream_0']],
  ] as const) {
    const talk = new Talk('server');
    talk.says(...ids.map((id) => headers(id, GET, true)));
    t.same(talk.failure, failure, `${ids}`);
  }
});

t.test('a client takes answers to what it has asked, and no streams of its server', async (t) => {
  for (const [id, failure, written] of [
    [1, null, ['RST_STREAM 1 5']],
    [2, [h2.PROTOCOL_ERROR, 'stream_id_invalid'], ['GOAWAY 0 1']],
    [3, [h2.PROTOCOL_ERROR, 'stream_id_invalid'], ['GOAWAY 0 1']],
  ] as const) {
    const talk = new Talk('client');
    talk.ask();
    talk.says(headers(1, OK, true));
    talk.written();
    t.same(talk.says(headers(id, OK, true)), written, `stream ${id}`);
    t.same(talk.failure, failure);
  }
});

t.test('a stream that depends on itself, or a PRIORITY of the wrong size, costs the stream', async (t) => {
  const depending = (id: number, on: number, flags = 0) =>
    frame(h2.HEADERS, h2.FLAG_END_HEADERS | h2.FLAG_PRIORITY | flags, id, [0, 0, 0, on, 16, ...literals(GET)]);
  const talk = new Talk('server');
  t.same(talk.says(depending(1, 3)), []);
  t.same(talk.says(depending(3, 3)), ['RST_STREAM 3 1']);
  t.same(talk.says(frame(h2.PRIORITY, 0, 1, [0, 0, 0, 3, 16])), []);
  t.same(talk.says(frame(h2.PRIORITY, 0, 5, [0, 0, 0, 5, 16])), ['RST_STREAM 5 1'], 'before it is opened');
  t.same(talk.says(frame(h2.PRIORITY, 0, 1, [0, 0, 0, 3])), ['RST_STREAM 1 6']);
  t.same(talk.heard, [['request GET /', 'reset 6']]);
  talk.says(headers(7, GET, false));
  t.same(talk.says(depending(7, 7, h2.FLAG_END_STREAM)), ['RST_STREAM 7 1'], 'in trailers too');
});

t.test('streams beyond the limit are refused, and one that ends makes room', async (t) => {
  const talk = new Talk('server', { maxConcurrentStreams: 2 });
  t.same(talk.says(headers(1, GET, true), headers(3, GET, true), headers(5, GET, true)), ['RST_STREAM 5 7']);
  t.same(talk.limits, ['stream_limit']);
  talk.exchanges[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  talk.written();
  t.same(talk.says(headers(7, GET, true)), []);
  t.equal(talk.exchanges.length, 3);
});

t.test('a connection that is lost ends every stream with the code that is given', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, true), headers(3, GET, true));
  talk.connection.onClosed(h2.CANCEL);
  talk.connection.onClosed(h2.CANCEL);
  t.same(
    talk.heard.map((heard) => heard.slice(1)),
    [['reset 8'], ['reset 8']],
  );
  t.match(talk.connection, { failed: true, isEnding: true, hasRoom: false });
  t.equal(talk.failure, null, 'nothing failed here');
});
