import t from 'tap';

import { data, frame, headers, ping, settings, windowUpdate } from '../../test/support/http2-frames.ts';
import { Talk } from '../../test/support/http2-talk.ts';
import { WindowBudget } from './window-growth.ts';
import * as h2 from './wire-vocabulary.ts';

const POST = [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'a'];
const octets = Buffer.alloc(200_000, 'x');

t.test('sends as much as the stream’s window allows, and the rest as it is granted', async (t) => {
  const talk = new Talk('client', {}, settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 4]));
  const { stream, recorder } = talk.ask({}, false);
  talk.written();
  t.equal(stream.sendData(Buffer.from('0123456789'), 0, 10, true), 4);
  t.same(talk.written(), ['DATA 1 "0123"']);
  t.equal(stream.leftQueue, 0, 'some waits, none of it has left');
  t.same(talk.says(windowUpdate(1, 5)), ['DATA 1 "45678"']);
  t.same([recorder.sent, stream.leftQueue], [5, 5]);
  t.same(talk.says(windowUpdate(1, 5)), ['DATA 1 END_STREAM "9"']);
  t.same([recorder.sent, stream.leftQueue], [6, -1], 'nothing waits');
});

t.test('an empty body ends without a window', async (t) => {
  const talk = new Talk('client', {}, settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 0]));
  const { stream } = talk.ask({}, false);
  talk.written();
  t.equal(stream.sendData(octets, 7, 7, false), 0);
  t.same(talk.written(), [], 'nothing that does not end is nothing');
  t.equal(stream.sendData(octets, 7, 7, true), 0);
  t.same(talk.written(), ['DATA 1 END_STREAM ""']);
});

t.test('an end that comes behind what waits goes out with the last octet of it', async (t) => {
  const talk = new Talk('client', {}, settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 1]));
  const { stream } = talk.ask({}, false);
  talk.written();
  stream.sendData(Buffer.from('ab'), 0, 2, false);
  t.equal(stream.sendData(Buffer.from('cd'), 0, 2, false), 0);
  t.equal(stream.sendData(octets, 0, 0, true), 0);
  t.same(talk.written(), ['DATA 1 "a"']);
  t.same(talk.says(windowUpdate(1, 9)), ['DATA 1 END_STREAM "bcd"']);
  t.equal(stream.sendData(octets, 0, 5, false), 5, 'what comes after it is disposed of');
  t.same(talk.written(), []);
});

t.test('trailers that come behind what waits go out after it', async (t) => {
  const talk = new Talk('server', {}, settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 1]));
  talk.says(headers(1, POST, true));
  const { stream } = talk.exchanges[0]!;
  stream.sendResponse({ status: 200, fields: [] }, false);
  stream.sendData(Buffer.from('ab'), 0, 2, false);
  stream.sendTrailers(['a', '!']);
  t.same(talk.written(), ['HEADERS 1 88', 'DATA 1 "a"']);
  t.same(talk.says(windowUpdate(1, 1)), ['DATA 1 "b"', 'HEADERS 1 END_STREAM 4001610121']);
  t.equal(talk.connection.streamCount, 0);
  stream.sendTrailers(['a', '!']);
  t.same(talk.written(), [], 'and not twice');
});

t.test('the connection’s window holds all streams back, which are then served in turn', async (t) => {
  const talk = new Talk('client', {}, settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 100_000]));
  const streams = ['a', 'b', 'c'].map(() => talk.ask({}, false).stream);
  talk.written();
  t.equal(streams[0]!.sendData(octets, 0, 65_530, false), 65_530);
  t.equal(streams[1]!.sendData(octets, 0, 10, true), 5);
  t.equal(streams[2]!.sendData(octets, 0, 3, true), 0);
  talk.written();
  t.same(talk.says(windowUpdate(3, 1000)), [], 'a stream’s own window is not enough');
  t.same(talk.says(windowUpdate(0, 2)), ['DATA 3 "xx"']);
  t.same(talk.says(windowUpdate(0, 4)), ['DATA 5 END_STREAM "xxx"', 'DATA 3 "x"'], 'who waited longer comes first');
  t.same(talk.says(windowUpdate(0, 100)), ['DATA 3 END_STREAM "xx"']);
});

t.test('a wire that is full holds bodies back until it takes octets again', async (t) => {
  const talk = new Talk('client');
  const { stream } = talk.ask({}, false);
  talk.written();
  talk.wire.blocked = true;
  t.equal(stream.sendData(Buffer.from('abc'), 0, 3, true), 0);
  t.equal(talk.wire.held, 3);
  t.same(talk.says(windowUpdate(1, 1), windowUpdate(0, 1)), []);
  talk.wire.blocked = false;
  talk.connection.onWritable();
  t.same(talk.written(), ['DATA 1 END_STREAM "abc"']);
  t.equal(talk.wire.held, 0);
});

t.test('what waits of a stream that is reset is let go', async (t) => {
  const talk = new Talk('client');
  const { stream } = talk.ask({}, false);
  talk.wire.blocked = true;
  stream.sendData(octets, 0, 1000, true);
  t.equal(talk.wire.held, 1000);
  stream.reset(h2.CANCEL);
  t.equal(talk.wire.held, 0);
  talk.wire.blocked = false;
  talk.written();
  talk.connection.onWritable();
  t.same(talk.written(), []);
});

t.test('a sender may use up a stream’s window, and not an octet more', async (t) => {
  const talk = new Talk('server', { streamWindow: 10 });
  talk.says(headers(1, POST, false), headers(3, POST, false));
  for (const { recorder } of talk.exchanges) recorder.grants = false;
  t.same(talk.says(data(1, '0123456789')), []);
  t.same(talk.says(data(1, 'x')), ['RST_STREAM 1 3']);
  t.same(talk.says(data(3, '0123456789x')), ['RST_STREAM 3 3']);
  t.same(talk.heard, [
    ['request POST /', 'data 0123456789', 'reset 3'],
    ['request POST /', 'reset 3'],
  ]);
  t.equal(talk.failure, null);
});

t.test('half a window that was disposed of is granted again, less is not worth a frame', async (t) => {
  const talk = new Talk('server', { streamWindow: 10 });
  talk.says(headers(1, POST, false));
  const { stream, recorder } = talk.exchanges[0]!;
  recorder.grants = false;
  talk.says(data(1, '0123456789'));
  stream.grant(4);
  t.same(talk.written(), []);
  stream.grant(1);
  t.same(talk.written(), ['WINDOW_UPDATE 1 5']);
  t.same(talk.says(data(1, '01234')), []);
  stream.grant(10);
  t.same(talk.written(), ['WINDOW_UPDATE 1 10']);
});

t.test('a stream whose peer has ended needs no window', async (t) => {
  const talk = new Talk('server', { streamWindow: 10 });
  talk.says(headers(1, POST, false), data(1, '0123456789', true));
  talk.exchanges[0]!.stream.grant(10);
  t.same(talk.written(), []);
});

t.test('padding counts against the window and is granted by itself', async (t) => {
  const talk = new Talk('server', { streamWindow: 10 });
  talk.says(headers(1, POST, false));
  const { recorder } = talk.exchanges[0]!;
  recorder.grants = false;
  const padded = frame(h2.DATA, h2.FLAG_PADDED, 1, [4, 97, 0, 0, 0, 0]);
  t.same(talk.says(padded), ['WINDOW_UPDATE 1 5'], 'four and their length');
  t.same(talk.says(frame(h2.DATA, h2.FLAG_PADDED, 1, [9, 0, 0, 0, 0, 0, 0, 0, 0, 0])), ['RST_STREAM 1 3']);
});

t.test('the connection’s window is granted by halves as octets come, whoever reads them', async (t) => {
  const talk = new Talk('server', { streamWindow: 2_000_000 });
  talk.says(headers(1, POST, false));
  talk.exchanges[0]!.recorder.grants = false;
  const half = 1_048_576 / 2;
  let sent = 0;
  for (; sent + 16_384 < half; sent += 16_384) t.same(talk.says(data(1, octets.subarray(0, 16_384))), []);
  t.same(talk.says(data(1, octets.subarray(0, half - sent - 1))), []);
  t.same(talk.says(data(1, 'x')), [`WINDOW_UPDATE 0 ${half}`]);
  t.same(talk.says(data(1, 'x')), [], 'and counted from there');
});

t.test('a window grows up to 2^31-1: beyond it a stream is reset, and a connection fails', async (t) => {
  const talk = new Talk('client');
  talk.ask({}, false);
  talk.ask({}, false);
  talk.written();
  t.same(talk.says(windowUpdate(1, h2.MAX_WINDOW - 65_535)), []);
  t.same(talk.says(windowUpdate(1, 1)), ['RST_STREAM 1 3']);
  t.same(talk.says(windowUpdate(3, 0)), ['RST_STREAM 3 1'], 'by nothing it must not grow');
  t.same(talk.heard, [['reset 3'], ['malformed answer']]);
  t.same(talk.says(windowUpdate(0, h2.MAX_WINDOW - 65_535)), []);
  t.same(talk.says(windowUpdate(0, 1)), ['GOAWAY 0 3']);
  t.same(talk.failure, [h2.FLOW_CONTROL_ERROR, 'window_overflow']);
});

t.test('a window for a stream that is over is nothing, for one that never was a fault', async (t) => {
  const talk = new Talk('client');
  talk.ask().stream.reset(h2.CANCEL);
  talk.written();
  t.same(talk.says(windowUpdate(1, 0)), []);
  t.same(talk.says(windowUpdate(3, 1)), ['GOAWAY 0 1']);
  t.same(talk.failure, [h2.PROTOCOL_ERROR, 'window_update_on_idle_stream']);
});

t.test('the second grant within a round trip asks for that once more, the first one does not', async (t) => {
  const windowBudget = new WindowBudget(1 << 24);
  let nowMs = 1;
  const timed = new Talk('server', { windowBudget, streamWindow: 4_000_000, nowMs: () => nowMs });
  nowMs = 9;
  timed.says(frame(h2.SETTINGS, h2.FLAG_ACK, 0), headers(1, POST, false));
  timed.exchanges[0]!.recorder.grants = false;
  const half = () => Array.from({ length: 32 }, () => timed.says(data(1, octets.subarray(0, 16_384)))).flat();
  t.same(half(), ['WINDOW_UPDATE 0 524288']);
  t.same(half(), ['PING "growth??"', 'WINDOW_UPDATE 0 524288']);
  t.same(half(), ['WINDOW_UPDATE 0 524288'], 'one is under way');
  nowMs = 10;
  timed.says(ping(h2.FLAG_ACK, 'growth??'));
  t.same(timed.pongs, [], 'it is nobody else’s');
  t.same(half(), ['PING "growth??"', `WINDOW_UPDATE 0 ${524_288 + 1_048_576}`], 'now it is known');
});

t.test('the connection’s window doubles up to 16 MiB', async (t) => {
  let nowMs = 1;
  const windowBudget = new WindowBudget(1 << 24);
  const talk = new Talk('server', { windowBudget, streamWindow: 2 ** 30, nowMs: () => nowMs });
  nowMs = 9;
  talk.says(frame(h2.SETTINGS, h2.FLAG_ACK, 0), headers(1, POST, false));
  // Nothing is granted by a listener that takes no note.
  talk.exchanges[0]!.recorder.onData = () => {};
  const grants: number[] = [];
  for (let window = 1 << 20; grants.length < 8; ) {
    const frames = Array.from({ length: window / 2 / 16_384 }, () => talk.says(data(1, octets.subarray(0, 16_384))));
    const [, granted] = /WINDOW_UPDATE 0 (\d+)/.exec(frames.flat().join()) ?? [];
    nowMs += 8;
    talk.says(ping(h2.FLAG_ACK, 'growth??'));
    grants.push(Number(granted));
    window += Number(granted) - window / 2;
  }
  const MIB = 1 << 20;
  t.same(
    grants.map((octets) => octets / MIB),
    [0.5, 0.5, 1.5, 3, 6, 12, 8, 8],
    'half of it, and what it grows by',
  );
  t.equal(windowBudget.grown, 0, 'it holds nothing by itself');
});
