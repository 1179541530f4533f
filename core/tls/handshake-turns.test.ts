import { Socket } from 'node:net';
import t from 'tap';

import { HandshakeTurns } from './handshake-turns.ts';

/** Turns of a loop whose time passes as it is told, and what has begun, in order. */
class Course {
  readonly begun: string[] = [];
  #nowMs = 1000;
  #next: (() => void)[] = [];
  readonly #turns = new HandshakeTurns({
    now: () => this.#nowMs,
    nextTurn: (callback) => this.#next.push(callback),
  });

  come(name: string, address: string): Socket {
    const socket: Socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: address });
    void this.#turns.next(socket).then(() => this.begun.push(name));
    return socket;
  }

  /** The loop comes round after so many milliseconds; next to nothing: there was no other work. */
  async turn(ms = 0.01): Promise<void> {
    this.#nowMs += ms;
    for (const callback of this.#next.splice(0)) callback();
    await Promise.resolve();
  }
}

t.test('begins one that comes alone at once', async (t) => {
  const course = new Course();
  course.come('a', '10.0.0.1');
  await Promise.resolve();
  t.same(course.begun, ['a']);
  await course.turn();
  course.come('b', '10.0.0.1');
  await Promise.resolve();
  t.same(course.begun, ['a', 'b']);
});

t.test('begins one in a turn of the loop where there is no other work, in the order in which they came', async (t) => {
  const course = new Course();
  for (const name of ['a', 'b', 'c']) course.come(name, '10.0.0.1');
  await Promise.resolve();
  t.same(course.begun, ['a']);
  await course.turn(1); // the handshake itself
  t.same(course.begun, ['a'], 'what else was there is not known before the next turn');
  await course.turn();
  t.same(course.begun, ['a', 'b']);
  await course.turn(1);
  await course.turn();
  t.same(course.begun, ['a', 'b', 'c']);
});

t.test('leaves half of the time to other work', async (t) => {
  const course = new Course();
  for (const name of ['a', 'b', 'c']) course.come(name, '10.0.0.1');
  await course.turn(1);
  for (let i = 0; i < 4; i++) await course.turn(0.2);
  t.same(course.begun, ['a']);
  await course.turn(0.2);
  t.same(course.begun, ['a', 'b']);
});

t.test('begins the next after a turn however long others have taken', async (t) => {
  const course = new Course();
  for (const name of ['a', 'b', 'c']) course.come(name, '10.0.0.1');
  await course.turn(50);
  await course.turn(50);
  t.same(course.begun, ['a', 'b', 'c']);
});

t.test('lets addresses take turns', async (t) => {
  const course = new Course();
  for (const name of ['a1', 'a2', 'a3']) course.come(name, '10.0.0.1');
  for (const name of ['b1', 'b2']) course.come(name, '10.0.0.2');
  course.come('c1', '10.0.0.3');
  for (let i = 0; i < 6; i++) await course.turn(5);
  t.same(course.begun, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
});

t.test('takes no turn for whose socket has closed, and does not leave it waiting', async (t) => {
  const course = new Course();
  course.come('a', '10.0.0.1');
  for (const name of ['b', 'c', 'd']) course.come(name, '10.0.0.1').destroy();
  course.come('e', '10.0.0.1');
  await course.turn(5);
  t.same(course.begun, ['a', 'b', 'c', 'd', 'e']);
});
