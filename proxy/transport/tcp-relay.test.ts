import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { Detector } from './detect.ts';
import { peek } from './peek.ts';
import { relay } from './tcp-relay.ts';
import { socketPair } from './testing/socket-pair.ts';

/** Two programs and the relay between them: `left ══ a ─relay─ b ══ right`. */
async function joined(
  t: Test,
): Promise<{ left: Socket; right: Socket; counted: number[]; ended: Promise<Error | null> }> {
  const [{ near: a, far: left }, { near: b, far: right }] = await Promise.all([socketPair(t), socketPair(t)]);
  const counted = [0, 0];
  const ended = new Promise<Error | null>((resolve) => {
    relay(a, b, {
      onOctets: (fromA, fromB) => {
        counted[0]! += fromA;
        counted[1]! += fromB;
      },
      onEnd: resolve,
    });
  });
  return { left, right, counted, ended };
}

async function allOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

t.test('carries octets both ways, and counts them', async (t) => {
  const { left, right, counted, ended } = await joined(t);
  left.end('question');
  t.equal(await allOf(right), 'question');
  right.end('answer');
  t.equal(await allOf(left), 'answer');
  t.equal(await ended, null);
  t.same(counted, [8, 6]);
});
t.test('lets one direction go on when the other has ended', async (t) => {
  const { left, right } = await joined(t);
  left.end();
  t.equal(await allOf(right), '');
  for (let i = 0; i < 3; i++) {
    right.write('x');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  right.end('!');
  t.equal(await allOf(left), 'xxx!');
});
t.test('carries more than any buffer holds, in order', async (t) => {
  const { left, right } = await joined(t);
  const text = Array.from({ length: 400_000 }, (_, i) => i.toString(36)).join(',');
  left.end(text, 'latin1');
  t.equal(await allOf(right), text);
});
t.test('holds a sender back while nobody reads', async (t) => {
  const { left, counted } = await joined(t);
  let accepted = 0;
  const piece = Buffer.alloc(1 << 20);
  const timer = setInterval(() => {
    if (left.writableLength < piece.length) left.write(piece, () => (accepted += piece.length));
  }, 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  clearInterval(timer);
  const before = counted[0]!;
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(counted[0], before, `stopped after ${before} octets, of which the sender was rid of ${accepted}`);
});
t.test('passes a reset on as a reset', async (t) => {
  const { left, right, ended } = await joined(t);
  const error = new Promise<NodeJS.ErrnoException>((resolve) => right.once('error', resolve));
  right.resume();
  left.resetAndDestroy();
  t.equal((await error).code, 'ECONNRESET');
  t.ok(await ended);
});
t.test('passes on the end of a client that was looked at when it left', async (t) => {
  const { near: a, far: left } = await socketPair(t);
  const { near: b, far: right } = await socketPair(t);
  left.end();
  await peek(a, () => true, 1000);
  relay(a, b, { onOctets() {}, onEnd() {} });
  t.equal(await allOf(right), '');
});
t.test('ends at once when a side is gone already', async (t) => {
  const [a, b] = [connect(9), connect(9)];
  for (const socket of [a, b]) socket.on('error', () => {});
  a.destroy();
  const closed = new Promise((resolve) => b.once('close', resolve));
  const ended = await new Promise((resolve) => relay(a, b, { onOctets() {}, onEnd: resolve }));
  t.match(ended, { message: /gone/ });
  await closed;
});

t.test('octets that turn into HTTP go no further, and both sides are reset', async (t) => {
  for (const [first, rest] of [
    ['brew', ' /tea HTTP/1.1\r\nl5d-client-id: me\r\n\r\n'],
    ['GET x\r\n', 'l5d-client-id: me\r\n\r\n'],
  ] as const) {
    const [{ near: a, far: left }, { near: b, far: right }] = await Promise.all([socketPair(t), socketPair(t)]);
    let isHttp = 0;
    // What a look has put back was fed to the detector, and is not fed again.
    const detector = new Detector();
    left.write(first);
    await peek(a, (bytes) => detector.decide(bytes) === null || true, 1000);
    relay(a, b, { onOctets() {}, onEnd() {} }, { ended: null, watch: { detector, onHttp: () => isHttp++ } });
    let heard = '';
    right.on('data', (chunk) => {
      heard += chunk;
    });
    const errors = Promise.all([left, right].map((side) => new Promise((resolve) => side.once('error', resolve))));
    while (heard === '') await new Promise((resolve) => setTimeout(resolve, 1));
    left.write(rest);
    t.match(await errors, [{ code: 'ECONNRESET' }, { code: 'ECONNRESET' }]);
    t.same([heard, isHttp], [first, 1]);
  }
});
t.test('octets that are watched and turn out to be none of it go on', async (t) => {
  const [{ near: a, far: left }, { near: b, far: right }] = await Promise.all([socketPair(t), socketPair(t)]);
  relay(a, b, { onOctets() {}, onEnd() {} }, { ended: null, watch: { detector: new Detector(), onHttp: t.fail } });
  left.write('ru');
  left.end('ok\n');
  t.equal(await allOf(right), 'ruok\n');
});
t.test('delivers what a side had said before it ended', async (t) => {
  const [{ near: a, far: left }, { near: b, far: right }] = await Promise.all([socketPair(t), socketPair(t)]);
  left.end('ruok');
  const look = await peek(a, () => null, 1000);
  const counted: number[] = [];
  const ended = look.outcome === 'ended' ? look.bytes : null;
  relay(a, b, { onOctets: (fromA) => counted.push(fromA), onEnd() {} }, { ended, watch: null });
  t.equal(await allOf(right), 'ruok');
  t.same(counted, [4]);
});
