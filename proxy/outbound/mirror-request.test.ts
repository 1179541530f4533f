import t from 'tap';

import { OWN_BACKEND } from '../../api/routing.ts';
import type { RequestHead } from '../http.ts';
import { MirrorRequest } from './mirror-request.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

const HEAD: RequestHead = { method: 'POST', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] };

function mirror(bodyless = false, addresses = ['10.1.0.1']) {
  const fake = new FakeEndpoints(addresses);
  const made = new MirrorRequest(HEAD, bodyless, fake.target, OWN_BACKEND);
  const say = (text: string, last = false) => made.sendData(Buffer.from(text), 0, text.length, last);
  return { fake, made, say };
}

t.test('sends a request without a body as one', async (t) => {
  const { fake } = mirror(true);
  t.same(fake.open().sent, ['POST /', 'end']);
});

t.test('sends what has come before its stream, in order, and ends where the request has ended', async (t) => {
  const { fake, say } = mirror();
  say('one');
  say('two', true);
  t.same(fake.open().sent, ['POST /', 'one', 'two', 'end']);
});

t.test('goes on with what comes later', async (t) => {
  const { fake, say } = mirror();
  say('one');
  const stream = fake.open();
  t.same(stream.sent, ['POST /', 'one']);
  say('two');
  say('three', true);
  t.same(stream.sent, ['POST /', 'one', 'two', 'three', 'end']);
});

t.test('ends with trailers, whenever they come', async (t) => {
  const early = mirror();
  early.say('one');
  early.made.sendTrailers(['A', '1']);
  t.same(early.fake.open().sent, ['POST /', 'one', 'a 1', 'end']);
  const late = mirror();
  const stream = late.fake.open();
  late.made.sendTrailers(['A', '1']);
  t.same(stream.sent, ['POST /', 'a 1', 'end']);
});

t.test('is given up once more than 256 KiB of it wait', async (t) => {
  const { fake, made } = mirror();
  const stream = fake.open();
  stream.accepts = 0;
  const piece = new Uint8Array(64 * 1024);
  for (let i = 0; i < 4; i++) made.sendData(piece, 0, piece.length, false);
  t.equal(made.cancelled, false);
  made.onSent(1);
  made.sendData(piece, 0, 1, false);
  t.equal(made.cancelled, false, 'what has left does not wait');
  made.sendData(piece, 0, 1, false);
  t.equal(made.cancelled, true);
  t.equal(stream.sent.at(-1), 'reset 8');
});

t.test('what its server takes waits no more, whether it came before the stream or after', async (t) => {
  const { fake, made } = mirror();
  const piece = new Uint8Array(128 * 1024);
  made.sendData(piece, 0, piece.length, false);
  fake.open();
  for (let i = 0; i < 4; i++) made.sendData(piece, 0, piece.length, false);
  t.equal(made.cancelled, false);
});

t.test('what waits before there is a stream counts', async (t) => {
  const { fake, made } = mirror();
  const piece = new Uint8Array(256 * 1024 + 1);
  made.sendData(piece, 0, piece.length, false);
  t.equal(made.cancelled, true);
  t.equal(fake.attempts[0]!.waiter.cancelled, true, 'and it gets none');
});

t.test('reads its answer, whose octets nobody waits for', async (t) => {
  const { fake } = mirror(true);
  const stream = fake.open();
  fake.listener.onResponse({ status: 200, fields: [] }, false);
  fake.listener.onData(Buffer.from('answer'), 0, 6, true);
  t.equal(stream.granted, 6);
});

t.test('is over with its server, or without one', async (t) => {
  for (const end of ['reset', 'refused'] as const) {
    const { fake, made, say } = mirror();
    if (end === 'refused') fake.refuse();
    else {
      fake.open();
      fake.listener.onReset(7);
    }
    t.equal(made.cancelled, true);
    say('more', true);
    made.sendTrailers([]);
    made.cancel();
  }
  const nobody = mirror(false, []);
  nobody.say('one', true);
  nobody.made.sendTrailers([]);
  t.same(nobody.fake.attempts, []);
});
