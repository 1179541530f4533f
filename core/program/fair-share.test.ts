import t from 'tap';

import { FairShare } from './fair-share.ts';

/** Holders of one share, by a number each, with the clock in hand. */
class Places {
  readonly share: FairShare;
  readonly evicted: string[] = [];
  nowMs = 0;
  #named = 0;

  constructor(...bounds: ConstructorParameters<typeof FairShare>) {
    this.share = new FairShare(...bounds);
  }

  /** @returns the holder, or null where there was no place */
  enter(address: string) {
    const name = `${address}${++this.#named}`;
    const holder = { address, name, evict: () => this.evicted.push(name) };
    return this.share.enter(holder, this.nowMs) ? holder : null;
  }
}

t.test('gives places until all are taken, and those that come back', async (t) => {
  const places = new Places(2, Infinity);
  const first = places.enter('a')!;
  t.ok(places.enter('a'));
  t.equal(places.enter('a'), null);
  places.share.leave(first);
  places.share.leave(first);
  t.equal(places.share.size, 1);
  t.ok(places.enter('a'));
});

t.test('takes the oldest spare place of who has most, for one who has fewer', async (t) => {
  const places = new Places(4, Infinity);
  for (const address of 'baaa') places.enter(address);
  t.ok(places.enter('c'));
  t.same(places.evicted, ['a2']);
  t.equal(places.enter('a'), null, 'who has most gets no more');
  t.ok(places.enter('d'));
  t.same(places.evicted, ['a2', 'a3']);
  t.equal(places.enter('e'), null, 'nobody has more than another would');
});

t.test('gives several at once to who has few of them, while another has many to spare', async (t) => {
  const places = new Places(8, 2);
  for (let i = 0; i < 8; i++) places.enter('crowd');
  for (let i = 0; i < 4; i++) t.ok(places.enter('few'), `${i}`);
  t.equal(places.enter('few'), null, 'as many as the other');
});

t.test('takes what has been spare for long from anybody', async (t) => {
  const places = new Places(3, Infinity);
  for (const address of 'aab') places.enter(address);
  places.nowMs = 999;
  t.equal(places.enter('a'), null);
  places.nowMs = 1000;
  t.ok(places.enter('a'));
  t.ok(places.enter('c'));
  t.same(places.evicted, ['a1', 'a2']);
});

t.test('takes no place that is kept', async (t) => {
  const places = new Places(2, Infinity);
  const [one, other] = [places.enter('a')!, places.enter('a')!];
  places.share.keep(one);
  places.share.keep(other);
  places.nowMs = 60_000;
  t.equal(places.enter('b'), null);
  places.share.spare(other, places.nowMs);
  t.equal(places.enter('b'), null, 'it has just become spare');
  places.nowMs += 1000;
  t.ok(places.enter('b'));
  t.same(places.evicted, [other.name]);
});

t.test('leaves a ninth to the others, however much one address keeps', async (t) => {
  const places = new Places(90);
  let held = 0;
  for (let holder = places.enter('a'); holder; holder = places.enter('a')) {
    places.share.keep(holder);
    held++;
  }
  t.equal(held, 80);
  for (let i = 0; i < 9; i++) places.share.keep(places.enter('b')!);
  t.equal(places.enter('b'), null);
  t.ok(places.enter('c'), 'and to a third some of that');
});

t.test('keeps its count through any order of things', async (t) => {
  const places = new Places(16, 2);
  const held = new Set<NonNullable<ReturnType<Places['enter']>>>();
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let i = 0; i < 20_000; i++) {
    places.nowMs += random(300);
    const some = [...held][random(held.size + 1)];
    if (!some) {
      const entered = places.enter('abcde'[random(5)]!);
      if (entered) held.add(entered);
    } else if (random(3) === 0) places.share.keep(some);
    else if (random(2) === 0) places.share.spare(some, places.nowMs);
    else {
      places.share.leave(some);
      held.delete(some);
    }
    for (const name of places.evicted.splice(0)) for (const each of held) if (each.name === name) held.delete(each);
    if (places.share.size !== held.size) return t.fail(`${places.share.size} instead of ${held.size} after ${i}`);
  }
  for (const each of held) places.share.leave(each);
  t.equal(places.share.size, 0);
});
