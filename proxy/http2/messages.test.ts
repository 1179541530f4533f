import t from 'tap';

import { data, headers } from '../../test/support/http2-frames.ts';
import { Talk } from '../../test/support/http2-talk.ts';

const POST = [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'a'];
const answer = (...fields: string[]) => [':status', '200', ...fields];

/** What the listener of one request hears, and what its connection writes. */
function heardBy(head: Parameters<Talk['ask']>[0], ...frames: Buffer[]): [heard: string[], written: string[]] {
  const talk = new Talk('client');
  const { recorder } = talk.ask(head);
  talk.written();
  const written = talk.says(...frames);
  return [recorder.heard, written];
}

/** What a server hears of a request and what it writes. */
function heardOf(...frames: Buffer[]): [heard: string[], written: string[]] {
  const talk = new Talk('server');
  const written = talk.says(...frames);
  return [talk.exchanges[0]?.recorder.heard ?? [], written];
}

t.test('an answer is a head, a body and perhaps trailers', async (t) => {
  t.same(heardBy({}, headers(1, answer('a', 'b'), true)), [['response 200 a b end'], []]);
  t.same(heardBy({}, headers(1, answer(), false), data(1, 'x'), data(1, 'y', true)), [
    ['response 200 ', 'data xy end'],
    [],
  ]);
  t.same(heardBy({}, headers(1, answer(), false), data(1, 'x'), headers(1, ['c', 'd'], true)), [
    ['response 200 ', 'data x', 'trailers c d'],
    [],
  ]);
});

t.test('any number of informational answers may come before it, none that ends', async (t) => {
  const informational = (status: string) => headers(1, [':status', status], false);
  t.same(heardBy({}, informational('100'), informational('103'), headers(1, answer(), true)), [
    ['informational 100', 'informational 103', 'response 200  end'],
    [],
  ]);
  t.same(heardBy({}, headers(1, [':status', '103'], true)), [['malformed answer'], ['RST_STREAM 1 1']]);
  t.same(heardBy({}, informational('101')), [['malformed answer'], ['RST_STREAM 1 1']], 'none accepts an upgrade');
});

t.test('a body before the head of its answer costs the stream', async (t) => {
  t.same(heardBy({}, data(1, 'x')), [['malformed answer'], ['RST_STREAM 1 1']]);
  t.same(heardBy({}, headers(1, [':status', '100'], false), data(1, 'x')), [
    ['informational 100', 'malformed answer'],
    ['RST_STREAM 1 1'],
  ]);
});

t.test('trailers end a message, and have no pseudo-headers', async (t) => {
  for (const [fields, end] of [
    [['a', 'b'], false],
    [[':status', '200'], true],
    [['connection', 'close'], true],
    [['content-length'.toUpperCase(), '1'], true],
  ] as const)
    t.same(heardBy({}, headers(1, answer(), false), headers(1, fields, end)), [
      ['response 200 ', 'malformed answer'],
      ['RST_STREAM 1 1'],
    ]);
});

t.test('a body is as long as its content-length says', async (t) => {
  const declared = headers(1, answer('content-length', '3'), false);
  const broken = [['response 200 content-length 3', 'malformed answer'], ['RST_STREAM 1 1']];
  t.same(heardBy({}, declared, data(1, 'ab'), data(1, 'c', true))[0].at(-1), 'data abc end');
  t.same(heardBy({}, declared, data(1, 'abc'), headers(1, ['a', 'b'], true))[0].at(-1), 'trailers a b');
  t.same(heardBy({}, declared, data(1, 'abcd', true)), broken, 'longer');
  t.same(heardBy({}, declared, data(1, 'ab', true)), broken, 'shorter');
  t.same(heardBy({}, declared, headers(1, ['a', 'b'], true)), broken, 'shorter, with trailers');
  t.same(heardBy({}, headers(1, answer('content-length', '0'), false), data(1, '', true))[0].at(-1), 'data  end');
  for (const value of ['x', '-1', '1, 1', ''])
    t.same(
      heardBy({}, headers(1, answer('content-length', value), false)),
      [['malformed answer'], ['RST_STREAM 1 1']],
      value,
    );
  t.same(
    heardBy({}, headers(1, answer('content-length', '3'), true)),
    [['malformed answer'], ['RST_STREAM 1 1']],
    'no body',
  );
  t.same(heardBy({}, headers(1, answer('content-length', '0'), true))[0], ['response 200 content-length 0 end']);
});

t.test('an answer to HEAD, 204 and 304 have a length and no body', async (t) => {
  const length = ['content-length', '3'];
  for (const [method, status] of [
    ['HEAD', '200'],
    ['GET', '204'],
    ['GET', '304'],
  ] as const) {
    const head = [':status', status, ...length];
    t.same(heardBy({ method }, headers(1, head, true))[0], [`response ${status} content-length 3 end`]);
    t.same(heardBy({ method }, headers(1, head, false), data(1, '', true))[0].at(-1), 'data  end');
    t.same(
      heardBy({ method }, headers(1, head, false), data(1, 'abc', true))[0].at(-1),
      'malformed answer',
      `${status} ${method}`,
    );
  }
  t.same(heardBy({ method: 'HEAD' }, headers(1, answer(), true))[0], ['response 200  end']);
});

t.test('a request’s body is as long as its content-length says', async (t) => {
  const declared = headers(1, [...POST, 'content-length', '3'], false);
  t.same(heardOf(declared, data(1, 'abc', true)), [['request POST /', 'data abc end'], []]);
  t.same(heardOf(declared, data(1, 'abcd')), [['request POST /', 'reset 1'], ['RST_STREAM 1 1']]);
  t.same(heardOf(declared, data(1, 'ab', true)), [['request POST /', 'reset 1'], ['RST_STREAM 1 1']]);
  t.same(heardOf(declared, headers(1, [], true)), [['request POST /', 'reset 1'], ['RST_STREAM 1 1']]);
  t.same(heardOf(headers(1, [...POST, 'content-length', '3'], true)), [[], ['RST_STREAM 1 1']]);
  t.same(heardOf(headers(1, [...POST, 'content-length', '0'], true)), [['request POST / end'], []]);
  t.same(heardOf(headers(1, [...POST, 'content-length', 'x'], false)), [[], ['RST_STREAM 1 1']]);
});

t.test('a request has trailers like an answer', async (t) => {
  t.same(heardOf(headers(1, POST, false), data(1, 'x'), headers(1, ['a', 'b'], true)), [
    ['request POST /', 'data x', 'trailers a b'],
    [],
  ]);
  t.same(heardOf(headers(1, POST, false), headers(1, ['a', 'b'], false)), [
    ['request POST /', 'reset 1'],
    ['RST_STREAM 1 1'],
  ]);
  t.same(heardOf(headers(1, POST, true), headers(1, ['a', 'b'], true)), [
    ['request POST / end', 'reset 5'],
    ['RST_STREAM 1 5'],
  ]);
});

t.test('an upgrade is an extended CONNECT, and accepted by 200', async (t) => {
  const upgrade = { protocol: 'websocket', path: '/chat' };
  const [heard] = heardBy(upgrade, headers(1, answer('a', 'b'), false), data(1, 'x'));
  t.same(heard, ['response 101 a b', 'data x']);
  const [declined] = heardBy(upgrade, headers(1, [':status', '403'], true));
  t.same(declined, ['response 403  end']);
  const talk = new Talk('server');
  talk.says(headers(1, [...POST.with(1, 'CONNECT'), ':protocol', 'websocket'], false));
  talk.exchanges[0]!.stream.sendResponse({ status: 101, fields: [] }, false);
  t.same(talk.written(), ['HEADERS 1 88']);
});
