import t from 'tap';

import type { Clock } from '../../core/time/clock.ts';
import { service } from '../../test/support/mesh.ts';
import { targetFault } from '../outbound/target-fault.ts';
import { Discovery } from './discovery.ts';

/** A discovery whose time stands still until it is told to pass, and what it has asked destination for. */
function discovering() {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly then: () => void }>();
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after(ms, then) {
      const timer = { atMs: nowMs + ms, then };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
  };
  const exceeded: string[] = [];
  const discovery = new Discovery({
    clock,
    faultOf: targetFault,
    onInbound() {},
    onTrust() {},
    onRevoked() {},
    onExceeded: (limit) => exceeded.push(limit),
  });
  const subscribed = new Set<string>();
  discovery.use({
    subscribe: (key) => subscribed.add(key),
    unsubscribe: (key) => subscribed.delete(key),
  });
  const pass = async (ms: number) => {
    nowMs += ms;
    for (const timer of timers)
      if (timer.atMs <= nowMs) {
        timers.delete(timer);
        timer.then();
      }
    await Promise.resolve();
  };
  const tell = (target: string, outbound: ReturnType<typeof service> | null) =>
    discovery.onMessage({ type: 'snapshot', target, version: '1', requires: [], outbound });
  return { discovery, subscribed, exceeded, pass, tell };
}

const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80`;
const MANY = 12_000;

t.test('a target is asked for once, and known from then on', async (t) => {
  const { discovery, subscribed, tell } = discovering();
  const found = discovery.lookup('10.0.0.1:80');
  t.same([...subscribed], ['10.0.0.1:80']);
  const api = service('api', []);
  tell('10.0.0.1:80', api);
  t.equal(await found, api);
  t.equal(discovery.lookup('10.0.0.1:80'), api);
});

t.test('of addresses that nothing is known of so many are remembered and no more', async (t) => {
  for (const isAway of [true, false]) {
    const { discovery, subscribed, exceeded, pass, tell } = discovering();
    for (let i = 0; i < MANY; i++) {
      void discovery.lookup(address(i));
      if (isAway) await pass(3000);
      else tell(address(i), null);
    }
    t.equal(subscribed.size, 10_000, `destination is ${isAway ? 'away' : 'there'}`);
    t.same(new Set(exceeded), new Set(['unknown_target_limit']));
    t.equal(exceeded.length, MANY - 10_000);
    t.notOk(subscribed.has(address(0)), 'the one that was used the longest ago is forgotten');
    t.ok(subscribed.has(address(MANY - 1)));
  }
});

t.test('what is used again, waited for, or known is not forgotten', async (t) => {
  const { discovery, subscribed, pass, tell } = discovering();
  void discovery.lookup('known:80');
  tell('known:80', service('known', []));
  void discovery.lookup('used:80');
  tell('used:80', null);
  for (let i = 0; i < 9000; i++) void discovery.lookup(address(i));
  await pass(3000);
  discovery.lookup('used:80');
  const waited = discovery.lookup('waited:80');
  for (let i = 9000; i < MANY; i++) {
    void discovery.lookup(address(i));
    tell(address(i), null);
  }
  t.equal(subscribed.size, 10_001, 'what is known does not count');
  for (const key of ['known:80', 'used:80', 'waited:80']) t.ok(subscribed.has(key), key);
  tell('waited:80', null);
  t.equal(await waited, null);
});

t.test('nothing is kept of who has waited in vain', async (t) => {
  const { discovery, subscribed, pass } = discovering();
  const found = discovery.lookup('10.0.0.1:80');
  await pass(3000);
  t.equal(await found, 'unanswered');
  await pass(1);
  discovery.evict(0);
  t.equal(subscribed.size, 0);
});
