import t from 'tap';

import { data, frame, headers, ping, settings, windowUpdate } from '../../test/support/http2-frames.ts';
import { Talk } from '../../test/support/http2-talk.ts';
import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Connection } from './connection.ts';
import { DEFAULT_CONNECTION_OPTIONS } from './connection-options.ts';
import * as h2 from './wire-vocabulary.ts';

const OK = headers(1, [':status', '200'], false);

t.test('a client begins with the preface, SETTINGS without push, and a larger window', async (t) => {
  t.same(new Talk('client', {}, null).opening, ['SETTINGS 4=65535 6=65536 2=0', 'WINDOW_UPDATE 0 983041']);
});

t.test('a server begins with SETTINGS that take extended CONNECT, and a larger window', async (t) => {
  t.same(new Talk('server', {}, null).opening, ['SETTINGS 4=65535 6=65536 3=250 8=1', 'WINDOW_UPDATE 0 983041']);
});

t.test('announces the options that it was given', async (t) => {
  const options = { streamWindow: 70_000, maxHeaderListSize: 100_000, maxConcurrentStreams: 7 };
  t.equal(new Talk('server', options, null).opening[0], 'SETTINGS 4=70000 6=100000 3=7 8=1');
});

t.test('acknowledges SETTINGS once it has taken them', async (t) => {
  const talk = new Talk('client', {}, null);
  t.same(talk.says(settings()), ['SETTINGS ACK']);
  t.same(talk.says(settings([h2.SETTINGS_MAX_CONCURRENT_STREAMS, 5])), ['SETTINGS ACK']);
});

t.test('says nothing to an acknowledgement', async (t) => {
  t.same(new Talk('server').says(frame(h2.SETTINGS, h2.FLAG_ACK, 0)), []);
});

t.test('takes every parameter of a frame, in order, and passes over those it does not know', async (t) => {
  const talk = new Talk(
    'client',
    {},
    settings([h2.SETTINGS_MAX_CONCURRENT_STREAMS, 9], [0x99, 1], [h2.SETTINGS_INITIAL_WINDOW_SIZE, 3], [3, 1]),
  );
  t.equal(talk.connection.hasRoom, true);
  const { stream } = talk.ask({}, false);
  t.equal(talk.connection.hasRoom, false, 'the later of two limits');
  talk.written();
  stream.sendData(Buffer.from('hello'), 0, 5, true);
  t.same(talk.written(), ['DATA 1 "hel"'], 'and the window');
});

t.test('until SETTINGS come one stream may be open', async (t) => {
  const talk = new Talk('client', {}, null);
  t.match(talk.connection, { hasRoom: true, isSettled: false });
  talk.ask();
  t.equal(talk.connection.hasRoom, false);
  talk.says(settings());
  t.match(talk.connection, { hasRoom: true, isSettled: true });
  t.equal(talk.rooms, 1, 'whoever waits is told');
  t.equal(talk.ends, 0, 'and no stream has ended');
});

t.test('a limit of streams is the peer’s, and 100 where it says none', async (t) => {
  const talk = new Talk('client');
  for (let i = 0; i < 100; i++) {
    t.equal(talk.connection.hasRoom, true);
    talk.ask();
  }
  t.equal(talk.connection.hasRoom, false);
  talk.says(settings([h2.SETTINGS_MAX_CONCURRENT_STREAMS, 101]));
  t.equal(talk.rooms, 1, 'whoever waits is told');
  t.equal(talk.connection.hasRoom, true);
  talk.says(settings([h2.SETTINGS_MAX_CONCURRENT_STREAMS, 0xffff_ffff]));
  t.equal(talk.connection.hasRoom, true);
});

t.test('a change of the initial window moves those of open streams, below zero too', async (t) => {
  const talk = new Talk('client', {}, settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 5]));
  const { stream } = talk.ask({}, false);
  stream.sendData(Buffer.from('0123456789'), 0, 10, true);
  t.same(talk.written().slice(1), ['DATA 1 "01234"']);
  t.same(talk.says(settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 2])), ['SETTINGS ACK'], 'three below zero');
  t.same(talk.says(windowUpdate(1, 3)), []);
  t.same(talk.says(windowUpdate(1, 1)), ['DATA 1 "5"']);
  t.same(talk.says(settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 4])), ['SETTINGS ACK', 'DATA 1 "67"']);
  t.same(talk.says(settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 100])), ['SETTINGS ACK', 'DATA 1 END_STREAM "89"']);
});

t.test('a stream that is opened later begins with the initial window as it is then', async (t) => {
  const talk = new Talk('server');
  talk.says(settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, 2]), headers(1, REQUEST, true));
  talk.exchanges[0]!.stream.sendData(Buffer.from('abc'), 0, 3, true);
  t.same(talk.written(), ['DATA 1 "ab"']);
});

t.test('an initial window that brings a stream above 2^31-1 ends the connection', async (t) => {
  for (const [initial, failure] of [
    [h2.MAX_WINDOW - 1, null],
    [h2.MAX_WINDOW, [h2.FLOW_CONTROL_ERROR, 'window_overflow']],
  ] as const) {
    const talk = new Talk('client');
    talk.ask({}, false);
    talk.says(windowUpdate(1, 1), settings([h2.SETTINGS_INITIAL_WINDOW_SIZE, initial]));
    t.same(talk.failure, failure);
  }
});

t.test('frames are no longer than the peer takes, and than 16,384 octets', async (t) => {
  const talk = new Talk('client', {}, settings([h2.SETTINGS_MAX_FRAME_SIZE, 16_777_215]));
  const { stream } = talk.ask({}, false);
  talk.written();
  stream.sendData(Buffer.alloc(20_000), 0, 20_000, true);
  t.same(talk.written(), ['DATA 1 16384', 'DATA 1 END_STREAM 3616']);
});

t.test('values outside of their range end the connection, those at its ends do not', async (t) => {
  const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR } = h2;
  for (const [role, id, value, failure] of [
    ['server', h2.SETTINGS_ENABLE_PUSH, 0, null],
    ['server', h2.SETTINGS_ENABLE_PUSH, 1, null],
    ['server', h2.SETTINGS_ENABLE_PUSH, 2, [PROTOCOL_ERROR, 'enable_push_invalid']],
    ['client', h2.SETTINGS_ENABLE_PUSH, 0, null],
    ['client', h2.SETTINGS_ENABLE_PUSH, 1, [PROTOCOL_ERROR, 'enable_push_invalid']],
    ['server', h2.SETTINGS_INITIAL_WINDOW_SIZE, 0, null],
    ['server', h2.SETTINGS_INITIAL_WINDOW_SIZE, h2.MAX_WINDOW, null],
    ['server', h2.SETTINGS_INITIAL_WINDOW_SIZE, 0x8000_0000, [FLOW_CONTROL_ERROR, 'initial_window_invalid']],
    ['server', h2.SETTINGS_MAX_FRAME_SIZE, 16_383, [PROTOCOL_ERROR, 'max_frame_size_invalid']],
    ['server', h2.SETTINGS_MAX_FRAME_SIZE, 16_384, null],
    ['server', h2.SETTINGS_MAX_FRAME_SIZE, 16_777_215, null],
    ['server', h2.SETTINGS_MAX_FRAME_SIZE, 16_777_216, [PROTOCOL_ERROR, 'max_frame_size_invalid']],
    ['client', h2.SETTINGS_ENABLE_CONNECT_PROTOCOL, 1, null],
    ['client', h2.SETTINGS_ENABLE_CONNECT_PROTOCOL, 2, [PROTOCOL_ERROR, 'enable_connect_protocol_invalid']],
  ] as const) {
    const talk = new Talk(role);
    const answer = talk.says(settings([id, value]));
    t.same(talk.failure, failure, `${id}=${value} to a ${role}`);
    t.same(answer, failure ? [`GOAWAY 0 ${failure[0]}`] : ['SETTINGS ACK']);
  }
});

t.test('a smaller header table is announced by the next block', async (t) => {
  const talk = new Talk('client', {}, settings([h2.SETTINGS_HEADER_TABLE_SIZE, 0]));
  talk.ask();
  t.match(talk.written()[0], /^HEADERS 1 END_STREAM 20/);
});

t.test('nothing may come before SETTINGS', async (t) => {
  for (const first of [ping(0, '12345678'), windowUpdate(0, 1), OK, data(1, ''), frame(0xbe, 0, 0)]) {
    const talk = new Talk('client', {}, null);
    talk.says(first);
    t.same(talk.failure, [h2.PROTOCOL_ERROR, 'settings_not_first']);
  }
});

t.test('a preface is compared to its last octet, in whatever pieces it comes', async (t) => {
  for (const at of [0, 12, h2.PREFACE.length - 1]) {
    const wrong = Buffer.from(h2.PREFACE);
    wrong[at]! ^= 1;
    t.same(failureOf(wrong), 'preface_invalid', `octet ${at}`);
  }
  t.equal(failureOf(Buffer.from(h2.PREFACE)), '');
});

/** Why a server's connection fails whose client sends these octets one at a time. */
function failureOf(octets: Buffer): string {
  let failure = '';
  const listener = {
    onRequest() {
      throw new Error('nothing is asked');
    },
    onGoAway() {},
    onStreamEnd() {},
    onRoom() {},
    onPong() {},
    onLimit() {},
    onFailed(_code: number, reason: string) {
      failure = reason;
    },
  };
  const connection = new Connection('server', new MemoryWire(), listener, () => '', DEFAULT_CONNECTION_OPTIONS);
  for (let at = 0; at < octets.length; at++) connection.receive(octets, at, at + 1);
  return failure;
}

const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'a'];
