import t from 'tap';

import type { Failure } from '../answers.ts';
import { KeptTarget } from './kept-target.ts';
import type { FoundTarget } from './targets.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

/** A kept connection to a target, and what is at its address by now. */
function keep() {
  const { target } = new FakeEndpoints(['10.1.0.1']);
  const state = { found: null as Promise<FoundTarget> | FoundTarget, asked: [] as string[], gone: 0 };
  const find = (key: string) => {
    state.asked.push(key);
    return state.found;
  };
  const kept = new KeptTarget(target, { find }, () => {
    state.gone++;
  });
  return { target, state, kept };
}

const other = () => new FakeEndpoints(['10.1.0.2']).target;

t.test('is for its target while that is there, and holds it in use', async (t) => {
  const { target, state, kept } = keep();
  t.equal(target.active, 1);
  t.equal(kept.now(), target);
  t.same(state.asked, [], 'nobody is asked');
  kept.release();
  t.equal(target.active, 0);
  t.equal(state.gone, 0);
});

for (const [how, wrap] of [
  ['at once', (target: FoundTarget) => target],
  ['after a while', (target: FoundTarget) => Promise.resolve(target)],
] as const)
  t.test(`is for what is at its address later, known ${how}`, async (t) => {
    const { target, state, kept } = keep();
    const next = other();
    target.retire();
    state.found = wrap(next);
    t.equal(await kept.now(), next);
    t.same(state.asked, [target.key]);
    t.same([target.active, next.active], [0, 1]);
    t.equal(await kept.now(), next);
    t.equal(state.asked.length, 1, 'which is asked for once');
    kept.release();
    t.equal(next.active, 0);
    t.equal(state.gone, 0);
  });

t.test('ends where nothing is there any more', async (t) => {
  const { target, state, kept } = keep();
  target.retire();
  t.equal(kept.now(), null);
  t.equal(state.gone, 1);
  t.equal(target.active, 1, 'until the connection is over');
});

t.test('does not end where nobody has said yet what is there', async (t) => {
  const { target, state, kept } = keep();
  const failure: Failure = { reason: 'discovery_unavailable', message: '' };
  target.retire();
  state.found = failure;
  t.equal(kept.now(), failure);
  t.equal(state.gone, 0);
});

t.test('is for the same one where that is found again', async (t) => {
  const { target, state, kept } = keep();
  target.retire();
  state.found = target;
  t.equal(kept.now(), target);
  t.equal(target.active, 1);
  t.equal(state.gone, 0);
});

t.test('ends after what is under way where its target speaks HTTP no more', async (t) => {
  const { target, state, kept } = keep();
  target.update({ ...target.description, protocol: 'http2' });
  t.equal(kept.now(), target);
  t.equal(state.gone, 0, 'another version is no reason');
  target.update({ ...target.description, protocol: 'opaque' });
  t.equal(kept.now(), target);
  t.equal(state.gone, 1);
  kept.now();
  t.equal(state.gone, 1, 'which is told once');
  const replaced = keep();
  const octets = other();
  octets.update({ ...octets.description, protocol: 'opaque' });
  replaced.target.retire();
  replaced.state.found = octets;
  replaced.kept.now();
  t.equal(replaced.state.gone, 1);
});
