import t from 'tap';

import { SendQueue } from './send-queue.ts';

const octets = (text: string) => Uint8Array.from(Buffer.from(text));

/** Takes everything, at most `most` octets at a time. */
function drain(queue: SendQueue, most: number): string {
  let text = '';
  while (queue.octets > 0) {
    const end = Math.min(queue.end, queue.start + most);
    text += Buffer.from(queue.bytes.subarray(queue.start, end)).toString();
    queue.take(end - queue.start);
  }
  return text;
}

t.test('gives back what it was given, in order', async (t) => {
  const queue = new SendQueue();
  queue.add(octets('one '), 0, 4);
  queue.add(octets('__two'), 2, 5);
  t.equal(queue.octets, 7);
  t.equal(drain(queue, 3), 'one two');
});
t.test('keeps no view of the octets', async (t) => {
  const queue = new SendQueue();
  const bytes = octets('text');
  queue.add(bytes, 0, 4);
  bytes.fill(0);
  t.equal(drain(queue, 9), 'text');
});
t.test('puts short pieces into one chunk, which can be sent as one', async (t) => {
  const queue = new SendQueue();
  for (let i = 0; i < 10; i++) queue.add(octets('piece'), 0, 5);
  t.equal(queue.end - queue.start, 50);
});
t.test('takes more than a chunk, and goes on while it is emptied', async (t) => {
  const queue = new SendQueue();
  let given = '';
  let taken = '';
  for (let i = 0; i < 200; i++) {
    const text = `${i},`.repeat((i * 37) % 2000);
    given += text;
    queue.add(octets(text), 0, text.length);
    if (i % 3 !== 0 || queue.octets === 0) continue;
    const end = Math.min(queue.end, queue.start + 1234);
    taken += Buffer.from(queue.bytes.subarray(queue.start, end)).toString();
    queue.take(end - queue.start);
  }
  t.equal(taken + drain(queue, 5000), given);
  t.equal(queue.octets, 0);
});
t.test(
  'a short message takes 256 octets, what follows it chunks of 4,096, and a long one its own length',
  async (t) => {
    const queue = new SendQueue();
    const sizes: number[] = [];
    for (const length of [10, 246, 1, 4095, 5000, 1]) {
      queue.add(new Uint8Array(length), 0, length);
    }
    while (queue.octets > 0) {
      sizes.push(queue.bytes.length);
      queue.take(queue.end - queue.start);
    }
    t.same(sizes, [256, 4096, 5000, 4096]);
    queue.add(octets('a'), 0, 1);
    t.equal(queue.bytes.length, 4096, 'a stream that has waited before will wait again');
    t.equal(queue.left, 9353);
  },
);
