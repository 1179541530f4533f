import t from 'tap';
import { FailureLog } from '../admin/failure-log.ts';
import type { RequestHead } from '../http.ts';
import type { OutboundContext } from './outbound-context.ts';
import { FakeEndpoints, FakeStream } from './testing/fake-endpoints.ts';
import { authorityAddress, WaitingRequest } from './waiting-request.ts';

const HEAD: RequestHead = {
  method: 'POST',
  scheme: 'http',
  authority: 'api',
  path: '/a',
  protocol: '',
  version: 'HTTP/1.1',
  fields: [],
};
const FAILURE = { reason: 'target_unknown', message: 'nobody knows it' } as const;

function waiting({ head = HEAD, end = false } = {}) {
  const fake = new FakeEndpoints(['10.1.0.1']);
  const stream = new FakeStream();
  const failures = new FailureLog();
  const context = { metrics: fake.metrics, failures, random: Math.random } as unknown as OutboundContext;
  const made = new WaitingRequest(stream, head, end, context, '10.0.0.1:4711');
  const say = (text: string, last = false) => made.onData(Buffer.from(text), 0, text.length, last);
  return { fake, stream, failures, made, say };
}

t.test('goes on to its target with what came meanwhile, and what comes later', async (t) => {
  const { fake, made, say } = waiting();
  say('one');
  const found = Promise.withResolvers<typeof fake.target>();
  made.follow(found.promise, FAILURE);
  say('two');
  t.same(fake.attempts, []);
  found.resolve(fake.target);
  await found.promise;
  await Promise.resolve();
  say('three', true);
  t.same(fake.open().sent.slice(1).join(''), 'onetwothreeend');
});

t.test('ends as it has ended meanwhile: at once, with its body, or with trailers', async (t) => {
  const bodyless = waiting({ end: true });
  bodyless.made.follow(bodyless.fake.target, FAILURE);
  t.same(bodyless.fake.open().sent.slice(1), ['end']);
  const body = waiting();
  body.say('one');
  body.say('two', true);
  body.made.follow(body.fake.target, FAILURE);
  t.same(body.fake.open().sent.slice(1), ['one', 'two', 'end']);
  const trailers = waiting();
  trailers.say('one');
  trailers.made.onTrailers(['a', '1']);
  trailers.made.follow(trailers.fake.target, FAILURE);
  t.same(trailers.fake.open().sent.slice(1), ['one', 'a 1', 'end']);
});

t.test('goes elsewhere, or fails, where nothing is found', async (t) => {
  const elsewhere = waiting({ end: true });
  elsewhere.made.follow(null, elsewhere.fake.target);
  t.equal(elsewhere.fake.attempts.length, 1);
  const failed = waiting();
  failed.made.follow(null, FAILURE);
  t.equal(failed.stream.sent[0], 502);
  t.match(failed.failures.entries, [
    { reason: 'target_unknown', target: 'api', route: '', method: 'POST', path: '/a', endpoint: '' },
  ]);
});

t.test('fails where a failure is found, once', async (t) => {
  const { stream, made, failures } = waiting();
  made.follow({ reason: 'discovery_unavailable', message: 'nobody has said' }, FAILURE);
  const { length } = stream.sent;
  made.refuse(FAILURE);
  t.equal(stream.sent[0], 503);
  t.equal(stream.sent.length, length);
  t.match(failures.entries, [{ reason: 'discovery_unavailable' }]);
});

t.test('says gRPC’s status to gRPC', async (t) => {
  const head = { ...HEAD, version: '', fields: ['content-type', 'application/grpc'] };
  const { stream, made } = waiting({ head });
  made.refuse(FAILURE);
  t.equal(stream.head && 'status' in stream.head && stream.head.status, 200);
  t.match(JSON.stringify(stream.head?.fields), /"grpc-status","\d+"/);
});

t.test('passes on all that its client says, once it has gone on', async (t) => {
  const ended = waiting();
  ended.made.follow(ended.fake.target, FAILURE);
  const stream = ended.fake.open();
  ended.made.onSent(7);
  t.equal(stream.granted, 7);
  ended.made.onTrailers(['a', '1']);
  t.same(stream.sent.slice(1), ['a 1', 'end']);
  const left = waiting();
  left.made.follow(left.fake.target, FAILURE);
  const other = left.fake.open();
  left.made.onReset();
  t.match(String(other.sent.at(-1)), /^reset /);
});

t.test('is nothing any more once its client has gone', async (t) => {
  const { fake, stream, made } = waiting({ end: true });
  made.onReset();
  made.follow(fake.target, FAILURE);
  made.refuse(FAILURE);
  t.same(fake.attempts, []);
  t.same(stream.sent, []);
});

t.test('an authority is host and port, 80 where it names none', async (t) => {
  t.same(authorityAddress('api:8080'), { host: 'api', port: 8080 });
  t.same(authorityAddress('api.default'), { host: 'api.default', port: 80 });
  t.same(authorityAddress('[fd00::1]'), { host: 'fd00::1', port: 80 });
  for (const authority of ['', 'a:b:c', 'api:99999']) t.equal(authorityAddress(authority), null, authority);
});
