import t from 'tap';

import { Connection } from './connection.ts';
import { BlockMemo } from './hpack/block-memo.ts';
import type { RequestHead, ResponseHead, StreamListener, Wire } from './message.ts';

/** A wire that hands what was written to the other side when asked. */
class Line implements Wire {
  bytes = new Uint8Array(1 << 16);
  end = 0;
  readonly blocked = false;
  reserve(): void {}
  touch(): void {}
  close(): void {}
  hold(): void {}
  copy(bytes: Uint8Array, start: number, end: number, at: number): void {
    this.bytes.set(bytes.subarray(start, end), at);
  }

  deliver(peer: Connection): void {
    const { end } = this;
    this.end = 0;
    peer.receive(this.bytes.slice(0, end), 0, end);
  }
}

const latin1 = (bytes: Uint8Array, start: number, end: number) => Buffer.from(bytes).toString('latin1', start, end);
const nothing = { onGoAway() {}, onStreamEnd() {}, onRoom() {}, onPong() {}, onLimit() {}, onFailed() {} };
const deaf: StreamListener = {
  onResponse() {},
  onInformational() {},
  onData() {},
  onTrailers() {},
  onReset() {},
  onSent() {},
};

/** A client and a server that answers each request with what `answer` gives. */
function pair(answer: () => ResponseHead) {
  const up = new Line();
  const down = new Line();
  const requests: RequestHead[] = [];
  const server = new Connection(
    'server',
    down,
    {
      ...nothing,
      onRequest: (stream, head) => {
        requests.push(head);
        stream.sendResponse(answer(), true);
        return deaf;
      },
    },
    latin1,
  );
  const client = new Connection('client', up, { ...nothing, onRequest: () => deaf }, latin1);
  const ask = (head: RequestHead): ResponseHead => {
    let heard: ResponseHead | null = null;
    const stream = client.open({ ...deaf, onResponse: (answered) => (heard = answered) });
    stream.sendRequest(head, true);
    up.deliver(server);
    down.deliver(client);
    return heard!;
  };
  down.deliver(client);
  return { ask, requests };
}

const head = (path: string, ...fields: string[]): RequestHead => ({
  method: 'GET',
  scheme: 'http',
  authority: 'web',
  path,
  protocol: '',
  fields,
});

t.test('a head that is sent again and again arrives the same, and is shared', async (t) => {
  const same = head('/a', 'x-one', '1');
  const answered: ResponseHead = { status: 200, fields: ['server', 'x'] };
  const { ask, requests } = pair(() => answered);
  const answers = Array.from({ length: 40 }, () => ask(same));
  for (const each of requests) t.same(each, same);
  for (const each of answers) t.same(each, answered);
  t.equal(requests.at(-1), requests.at(-2), 'not decoded again');
  t.equal(answers.at(-1), answers.at(-2));
});

t.test('a long head that is sent again and again arrives the same', async (t) => {
  // Never indexed, so that the block stays long.
  const same = head('/a', 'authorization', 'x'.repeat(400));
  const answered: ResponseHead = { status: 200, fields: ['set-cookie', 'y'.repeat(400)] };
  const { ask, requests } = pair(() => answered);
  for (let i = 0; i < 6; i++) t.same(ask(same), answered);
  for (const each of requests) t.same(each, same);
});

t.test('a change of the tables in between is not overlooked', async (t) => {
  const same = head('/a', 'x-one', '1');
  let count = 0;
  const { ask, requests } = pair(() => ({ status: 200, fields: ['x-count', String(count >> 3)] }));
  for (; count < 200; count++) {
    // Every fifth request fills the table with something else, up to its eviction.
    const sent = count % 5 === 4 ? head('/b', `x-${count}`, 'v'.repeat(200)) : same;
    t.same(ask(sent).fields, ['x-count', String(count >> 3)]);
    t.same(requests.at(-1), sent);
  }
});

t.test('blocks are remembered by octets and version of the table', async (t) => {
  const memo = new BlockMemo<string>();
  const block = Uint8Array.of(0x82, 0x86, 0x84);
  t.equal(memo.find(block, 0, 3, 0), null);
  memo.keep(block, 0, 3, 0, 'first');
  t.equal(memo.find(Uint8Array.of(0, 0x82, 0x86, 0x84), 1, 4, 0), 'first');
  t.equal(memo.find(block, 0, 2, 0), null, 'a beginning');
  t.equal(memo.find(block, 0, 3, 1), null, 'another version');
  memo.keep(new Uint8Array(4000), 0, 4000, 0, 'long');
  t.equal(memo.find(new Uint8Array(4000), 0, 4000, 0), null, 'long blocks are not kept');
});
