import t from 'tap';

import { FailureLog } from '../admin/failure-log.ts';
import type { RequestHead } from '../http.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { NamedTargets } from './named-targets.ts';
import type { OutboundContext } from './outbound-context.ts';
import type { FoundTarget, Targets } from './targets.ts';
import { FakeEndpoints, FakeStream } from './testing/fake-endpoints.ts';

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
  const made = new NamedTargets(targets, CONTEXT);
  const original = new FakeEndpoints(['10.1.0.1']);
  const request = (host: string | null) =>
    made.request(new FakeStream(), GET, true, {
      address: host === null ? null : { host, port: 80 },
      original: original.target,
      client: '10.0.0.9:40000',
    });
  return { asked, find: (host: string) => made.find({ host, port: 80 }), request, original };
}

const CONTEXT = { metrics: new Metrics(), failures: new FailureLog(), random: () => 0.5 } as unknown as OutboundContext;
const GET: RequestHead = { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] };

t.test('a request goes to the name that it says', async (t) => {
  const named = new FakeEndpoints(['10.1.0.2']);
  const { request, original } = names({ 'known:80': named.target });
  request('known');
  t.equal(named.attempts.length, 1);
  t.equal(original.attempts.length, 0);
});

t.test('and else to where it was going: no name, an address, a name that nobody knows or speaks of', async (t) => {
  const { request, original, asked } = names({ 'silent:80': { reason: 'discovery_unavailable', message: '' } });
  for (const host of [null, '10.1.0.9', 'fd00::1', 'nobody', 'silent']) request(host);
  t.equal(original.attempts.length, 5);
  t.same(asked, ['nobody:80', 'silent:80'], 'discovery is asked for names alone');
});

t.test('and waits for what discovery says of it', async (t) => {
  const named = new FakeEndpoints(['10.1.0.2']);
  for (const [answer, taken] of [
    [named.target, 'named'],
    [null, 'original'],
  ] as const) {
    const found = Promise.resolve(answer);
    const { request, original } = names({ 'known:80': found as unknown as FoundTarget });
    const before = named.attempts.length;
    request('known');
    t.same([named.attempts.length - before, original.attempts.length], [0, 0]);
    await new Promise((resolve) => setImmediate(resolve));
    t.same([named.attempts.length - before, original.attempts.length], taken === 'named' ? [1, 0] : [0, 1]);
  }
});

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
