import t from 'tap';

import { PeakEwma } from './peak-ewma.ts';
import { pickOfTwo } from './power-of-two.ts';
import { RetryBudget } from './retry-budget.ts';

class Endpoint {
  readonly name: string;
  price: number;
  ready: boolean;
  constructor(name: string, price: number, ready = true) {
    this.name = name;
    this.price = price;
    this.ready = ready;
  }
  isReady(): boolean {
    return this.ready;
  }
  cost(): number {
    return this.price;
  }
}

t.test('picks the cheaper of two', async (t) => {
  const [cheap, dear] = [new Endpoint('cheap', 1), new Endpoint('dear', 9)];
  for (let i = 0; i < 20; i++) t.equal(pickOfTwo([dear, cheap], 0, Math.random)?.name, 'cheap');
});

t.test('spreads over equals', async (t) => {
  const endpoints = Array.from({ length: 5 }, (_, i) => new Endpoint(String(i), 1));
  const counts = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const { name } = pickOfTwo(endpoints, 0, Math.random)!;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, count] of counts) t.ok(count > 1600 && count < 2400, `${name}: ${count}`);
});

t.test('leaves out what is not ready or was just tried, unless nothing else is there', async (t) => {
  const [good, bad] = [new Endpoint('good', 9), new Endpoint('bad', 1, false)];
  t.equal(pickOfTwo([good, bad], 0, Math.random)?.name, 'good');
  t.equal(pickOfTwo([bad], 0, Math.random)?.name, 'bad');
  t.equal(pickOfTwo([good, new Endpoint('other', 99)], 0, Math.random, good)?.name, 'other');
  t.equal(pickOfTwo([good], 0, Math.random, good)?.name, 'good');
  t.equal(pickOfTwo([], 0, Math.random), null);
});

t.test('feels a slow answer at once and forgets it with time', async (t) => {
  const load = new PeakEwma(0);
  load.observe(500, 1000);
  t.ok(load.cost(1000) > 499);
  load.inFlight = 3;
  t.ok(load.cost(1000) > 1999, 'requests in flight count');
  load.inFlight = 0;
  t.ok(load.cost(60_000) < 5, 'a minute later it is tried again');
});

t.test('allows a share of the requests again, and some a second in any case', async (t) => {
  const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 1, windowMs: 10_000 });
  let allowed = 0;
  for (let i = 0; i < 100; i++) budget.deposit(1000);
  while (budget.withdraw(1000)) allowed++;
  t.equal(allowed, 20 + 10);
  t.notOk(budget.withdraw(5000));
  t.ok(budget.withdraw(12_000), 'what is out of the window no longer counts');
});
