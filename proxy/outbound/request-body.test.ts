import t from 'tap';

import type { Fields } from '../http.ts';
import { RequestBody } from './request-body.ts';
import { FakeStream } from './testing/fake-endpoints.ts';

/** A body whose first `limit` octets are kept, what its sender was granted, and attempts that it can be sent to. */
function kept(limit = 10) {
  const sender = new FakeStream();
  return { body: new RequestBody(sender, limit), sender };
}

class Attempt {
  stream: FakeStream | null = null;
  readonly mark: string;

  constructor(mark = '') {
    this.mark = mark;
  }

  open(): FakeStream {
    this.stream = new FakeStream();
    return this.stream;
  }

  fieldsFor(fields: Fields): Fields {
    return this.mark === '' ? fields : [...fields, this.mark];
  }
}

/** The application sends a text. */
function say(body: RequestBody, text: string, attempt: Attempt | null, last = false): void {
  body.onData(Buffer.from(`<${text}>`), 1, 1 + text.length, last, attempt);
}

t.test('passes on what comes while an attempt has a stream', async (t) => {
  const { body, sender } = kept();
  const attempt = new Attempt();
  const stream = attempt.open();
  say(body, 'one', attempt);
  t.notOk(body.isComplete);
  say(body, 'two', attempt, true);
  t.same(stream.sent, ['one', 'two', 'end']);
  t.equal(sender.granted, 6);
  t.ok(body.isComplete);
});

t.test('holds what comes before, and sends it when there is a stream', async (t) => {
  const { body, sender } = kept();
  const attempt = new Attempt();
  say(body, 'one', null);
  say(body, 'two', attempt, true);
  t.equal(sender.granted, 0, 'nothing has been passed on');
  attempt.open();
  body.sendTo(attempt);
  t.same(attempt.stream!.sent, ['one', 'two', 'end']);
  t.equal(sender.granted, 6);
});

t.test('ends with the head alone where it is empty', async (t) => {
  const { body } = kept();
  t.notOk(body.isEmpty);
  say(body, '', null, true);
  t.ok(body.isEmpty);
  const trailed = kept().body;
  trailed.onTrailers(['a', '1'], null);
  t.notOk(trailed.isEmpty);
});

t.test('ends with trailers as the endpoint of the attempt wants them', async (t) => {
  const { body } = kept();
  const [early, late] = [new Attempt('early'), new Attempt('late')];
  early.open();
  say(body, 'one', early);
  body.onTrailers(['a', '1'], early);
  t.same(early.stream!.sent, ['one', 'a 1 early', 'end']);
  late.open();
  body.sendTo(late);
  t.same(late.stream!.sent, ['one', 'a 1 late', 'end']);
});

t.test('sent again from its beginning', async (t) => {
  t.test('is sent whole, and goes on with what comes', async (t) => {
    const { body, sender } = kept();
    const [first, second] = [new Attempt(), new Attempt()];
    first.open();
    say(body, 'one', first);
    second.open();
    body.sendTo(second);
    say(body, 'two', second, true);
    t.same(second.stream!.sent, ['one', 'two', 'end']);
    t.equal(sender.granted, 6, 'what the first attempt had passed on is granted once');
  });

  t.test('grants what an attempt passes on beyond those before it', async (t) => {
    const { body, sender } = kept();
    const [first, second] = [new Attempt(), new Attempt()];
    first.open().accepts = 2;
    say(body, 'three', first, true);
    t.equal(sender.granted, 2);
    second.open().accepts = 1;
    body.sendTo(second);
    t.equal(sender.granted, 2);
    body.onPassed(3);
    t.equal(sender.granted, 4);
    body.onPassed(1);
    t.equal(sender.granted, 5);
  });

  t.test('is as long as what is kept, and not longer', async (t) => {
    const { body } = kept(6);
    const attempt = new Attempt();
    attempt.open();
    say(body, 'one', attempt);
    say(body, 'two', attempt);
    t.ok(body.canReplay);
    say(body, '!', attempt);
    t.notOk(body.canReplay);
    t.same(attempt.stream!.sent, ['one', 'two', '!'], 'it goes on all the same');
  });

  t.test('is not possible of a body that was too long before it was sent, which is sent once', async (t) => {
    const { body } = kept(4);
    const [first, second] = [new Attempt(), new Attempt()];
    say(body, 'three', null, true);
    t.notOk(body.canReplay);
    first.open();
    body.sendTo(first);
    t.same(first.stream!.sent, ['three', 'end']);
    second.open();
    body.sendTo(second);
    t.same(second.stream!.sent, [], 'it was let go of');
  });

  t.test('is not possible once it was let go of', async (t) => {
    const { body } = kept();
    const attempt = new Attempt();
    attempt.open();
    say(body, 'one', attempt);
    body.release();
    t.notOk(body.canReplay);
    say(body, 'two', attempt, true);
    t.same(attempt.stream!.sent, ['one', 'two', 'end']);
  });
});

t.test('copied to mirrors', async (t) => {
  /** A mirror that records what it gets. */
  class Mirror extends FakeStream {
    cancel(): void {
      this.sent.push('cancel');
    }
  }

  t.test('goes to each, from its beginning', async (t) => {
    const { body } = kept();
    const mirrors = [new Mirror(), new Mirror()];
    const attempt = new Attempt();
    say(body, 'one', null);
    body.copyTo(mirrors);
    attempt.open();
    body.sendTo(attempt);
    say(body, 'two', attempt);
    body.onTrailers(['a', '1'], attempt);
    for (const { sent } of mirrors) t.same(sent, ['one', 'two', 'a 1', 'end']);
  });

  t.test('ends there where it had ended before', async (t) => {
    const copied = (say: (body: RequestBody) => void) => {
      const { body } = kept();
      const mirror = new Mirror();
      say(body);
      body.copyTo([mirror]);
      return mirror.sent;
    };
    t.same(
      copied((body) => say(body, 'one', null, true)),
      ['one', 'end'],
    );
    t.same(
      copied((body) => say(body, '', null, true)),
      ['', 'end'],
    );
    t.same(
      copied((body) => body.onTrailers(['a', '1'], null)),
      ['a 1', 'end'],
    );
  });

  t.test('is given up there with the request, and not sent there again', async (t) => {
    const { body } = kept();
    const mirror = new Mirror();
    body.copyTo([mirror]);
    const attempt = new Attempt();
    say(body, 'one', null);
    attempt.open();
    body.sendTo(attempt);
    body.cancel();
    t.same(mirror.sent, ['one', 'cancel']);
  });
});
