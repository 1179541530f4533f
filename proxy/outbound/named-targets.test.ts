import t from 'tap';

import { NamedTargets } from './named-targets.ts';
import type { OutboundContext } from './outbound-context.ts';
import type { FoundTarget, Targets } from './targets.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

/** Names, of which some are known; and what discovery was asked for. */
function names(known: Readonly<Record<string, FoundTarget>> = {}) {
  const asked: string[] = [];
  const targets = {
    find(key: string) {
      asked.push(key);
      return known[key] ?? null;
    },
    has: (key: string) => key in known,
  } as unknown as Targets;
  const made = new NamedTargets(targets, {} as OutboundContext);
  return { asked, find: (host: string) => made.find({ host, port: 80 }) };
}

t.test('a name is asked for in lower case, without the dot of an absolute one', async (t) => {
  const { asked, find } = names();
  for (const host of ['API.example', 'api.example.']) t.equal(find(host), null);
  t.same(asked, ['api.example:80', 'api.example:80']);
});

t.test('beyond a thousand names that nobody knows, none is asked for but those that are in use', async (t) => {
  const { target } = new FakeEndpoints([]);
  const { asked, find } = names({ 'known:80': target });
  for (let i = 0; i < 1000; i++) find(`stranger-${i}`);
  asked.length = 0;
  t.equal(find('one-more'), null);
  t.same(asked, []);
  t.equal(find('stranger-7'), null, 'one that is unknown already costs nothing more');
  t.equal(find('known'), target);
  t.same(asked, ['stranger-7:80', 'known:80']);
});

t.test('after ten minutes they are asked for anew', async (t) => {
  let nowMs = 5000;
  t.intercept(performance, 'now', { value: () => nowMs });
  const { asked, find } = names();
  for (let i = 0; i < 1000; i++) find(`stranger-${i}`);
  asked.length = 0;
  nowMs += 10 * 60_000;
  find('one-more');
  t.same(asked, []);
  nowMs++;
  find('one-more');
  t.same(asked, ['one-more:80']);
});

t.test('a name that comes to be known counts no more among the unknown', async (t) => {
  const { target } = new FakeEndpoints([]);
  const known: Record<string, FoundTarget> = {};
  const { asked, find } = names(known);
  for (let i = 0; i < 1000; i++) find(`stranger-${i}`);
  known['stranger-7:80'] = target;
  find('stranger-7');
  asked.length = 0;
  find('one-more');
  t.same(asked, ['one-more:80']);
});
