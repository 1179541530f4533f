import t from 'tap';

import { goAway, headers, ping, reset } from '../../test/support/http2-frames.ts';
import { Talk } from '../../test/support/http2-talk.ts';
import * as h2 from './wire-vocabulary.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'a'];
const OK = [':status', '200'];

t.test(
  'a client that is told to go away opens no more streams, and those above the last are safe to repeat',
  async (t) => {
    const talk = new Talk('client');
    for (let i = 0; i < 3; i++) talk.ask();
    talk.written();
    t.equal(talk.connection.isEnding, false);
    t.same(talk.says(goAway(3, h2.NO_ERROR)), []);
    t.same(talk.heard, [[], [], [`reset ${h2.REFUSED_STREAM}`]]);
    t.match(talk.connection, { isEnding: true, hasRoom: false, failed: false });
    t.equal(talk.goAways, 1);
    talk.says(headers(1, OK, true));
    t.equal(talk.wire.closed, false);
    t.same(talk.says(headers(3, OK, true)), ['GOAWAY 0 0'], 'it closes with the last of them');
    t.equal(talk.wire.closed, true);
    t.same(talk.heard.slice(0, 2), [['response 200  end'], ['response 200  end']]);
  },
);

t.test('a client without streams closes at once', async (t) => {
  const talk = new Talk('client');
  t.same(talk.says(goAway(0, h2.NO_ERROR)), ['GOAWAY 0 0']);
  t.match(talk.connection, { failed: true });
  t.equal(talk.wire.closed, true);
});

t.test('an error with no stream taken ends all streams with its code', async (t) => {
  const client = new Talk('client');
  client.ask();
  client.says(goAway(0, h2.ENHANCE_YOUR_CALM));
  t.same(client.heard, [[`reset ${h2.REFUSED_STREAM}`]], 'none was taken');
  const server = new Talk('server');
  server.says(headers(1, GET, true), goAway(0, h2.ENHANCE_YOUR_CALM));
  t.same(server.heard[0]!.slice(1), [`reset ${h2.ENHANCE_YOUR_CALM}`]);
  const some = new Talk('client');
  some.ask();
  some.says(goAway(1, h2.ENHANCE_YOUR_CALM));
  t.same(some.heard, [[]], 'the first is still answered');
});

t.test('a server whose client goes away answers what it was asked, and waits for the client to close', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, true));
  t.same(talk.says(goAway(0, h2.NO_ERROR)), []);
  t.equal(talk.goAways, 1);
  talk.exchanges[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  t.same(talk.written(), ['HEADERS 1 END_STREAM 89']);
  t.equal(talk.wire.closed, false);
});

t.test('a server shuts down in two steps, and takes what was asked before its client knew', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, true));
  talk.connection.shutdown();
  talk.connection.shutdown();
  t.same(talk.written(), ['GOAWAY 2147483647 0', 'PING "draining"']);
  t.equal(talk.connection.isEnding, false);
  talk.says(headers(3, GET, true));
  t.equal(talk.exchanges.length, 2);
  t.same(talk.says(ping(h2.FLAG_ACK, 'draining')), ['GOAWAY 3 0']);
  t.equal(talk.connection.isEnding, true);
  t.same(talk.says(headers(5, GET, true)), ['RST_STREAM 5 7'], 'later ones are refused');
  for (const { stream } of talk.exchanges) {
    t.equal(talk.wire.closed, false);
    stream.sendResponse({ status: 204, fields: [] }, true);
  }
  t.equal(talk.wire.closed, true);
  t.same(talk.pongs, []);
});

t.test('a server that is idle closes after one round trip', async (t) => {
  const talk = new Talk('server');
  talk.connection.shutdown();
  t.equal(talk.wire.closed, false);
  talk.says(ping(h2.FLAG_ACK, 'draining'));
  t.equal(talk.wire.closed, true);
});

t.test('a client shuts down by one GOAWAY, and closes with its last stream', async (t) => {
  const talk = new Talk('client');
  talk.ask();
  talk.written();
  talk.connection.shutdown();
  t.same(talk.written(), ['GOAWAY 0 0']);
  t.match(talk.connection, { isEnding: true, hasRoom: false });
  t.equal(talk.wire.closed, false);
  talk.says(headers(1, OK, true));
  t.equal(talk.wire.closed, true);
  const idle = new Talk('client');
  idle.connection.shutdown();
  t.equal(idle.wire.closed, true);
});

t.test('a failure says the last stream taken and the code, resets every stream, and closes', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, true), headers(5, GET, true));
  talk.connection.fail(h2.FLOW_CONTROL_ERROR, 'a_reason');
  talk.connection.fail(h2.PROTOCOL_ERROR, 'another');
  talk.connection.shutdown();
  t.same(talk.written(), ['GOAWAY 5 3']);
  t.same(talk.failure, [h2.FLOW_CONTROL_ERROR, 'a_reason']);
  t.same(
    talk.heard.map((heard) => heard.slice(1)),
    [['reset 3'], ['reset 3']],
  );
  t.equal(talk.wire.closed, true);
  t.same(talk.says(ping(0, '12345678')), [], 'and hears nothing more');
});

t.test('a failure without an error cancels the streams', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, true));
  talk.connection.fail(h2.NO_ERROR, 'enough');
  t.same(talk.written(), ['GOAWAY 1 0']);
  t.same(talk.heard[0]!.slice(1), [`reset ${h2.CANCEL}`]);
});

t.test('a limit that is exceeded is told once, and ends the connection', async (t) => {
  const talk = new Talk('client');
  talk.connection.cut('header_timeout');
  talk.connection.cut('body_timeout');
  t.same(talk.limits, ['header_timeout']);
  t.same(talk.failure, [h2.ENHANCE_YOUR_CALM, 'header_timeout']);
});

t.test('a limit of one stream resets it, and its listener hears that it is cancelled', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, false));
  talk.connection.cutStream(talk.exchanges[0]!.stream, 'body_timeout');
  t.same(talk.written(), ['RST_STREAM 1 11']);
  t.same([talk.limits, talk.failure], [['body_timeout'], null]);
  t.same(talk.heard[0]!.slice(1), [`reset ${h2.CANCEL}`]);
});

t.test('a PING is answered with its octets', async (t) => {
  t.same(new Talk('server').says(ping(0, '\x0012345678'.slice(0, 8))), ['PING ACK "\\u00001234567"']);
});

t.test('the answer to our PING tells the round trip, once', async (t) => {
  const talk = new Talk('client');
  t.same(talk.says(ping(h2.FLAG_ACK, 'weftping')), []);
  t.same(talk.pongs, [], 'nobody has asked');
  talk.connection.ping();
  t.same(talk.written(), ['PING "weftping"']);
  talk.nowMs += 25;
  talk.says(ping(h2.FLAG_ACK, 'weftping'), ping(h2.FLAG_ACK, 'weftping'));
  t.same(talk.pongs, [25]);
  talk.nowMs = 0;
  talk.connection.ping();
  talk.says(ping(h2.FLAG_ACK, 'weftping'));
  t.same(talk.pongs, [25, 0], 'at the beginning of time too');
});

t.test('GOAWAY may come again, as often as one has patience', async (t) => {
  const talk = new Talk('client');
  talk.ask();
  let times = 0;
  for (; talk.failure === null; times++) talk.says(goAway(1, h2.NO_ERROR));
  t.same(talk.failure, [h2.ENHANCE_YOUR_CALM, 'useless_frame_flood']);
  t.equal(times, 2001, '20 each, as SETTINGS, but for the first');
  t.equal(talk.goAways, times - 1, 'the last one is not told');
});

t.test('a reset by its client ends what a server is answering', async (t) => {
  const talk = new Talk('server');
  talk.says(headers(1, GET, true), reset(1, h2.CANCEL));
  t.same(talk.heard, [['request GET / end', `reset ${h2.CANCEL}`]]);
  t.equal(talk.connection.streamCount, 0);
});
