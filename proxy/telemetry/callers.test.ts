import t from 'tap';

import { Callers, type CallerWay, come } from './callers.ts';

const GET: CallerWay = { port: 8080, carried: 'http', method: 'GET', route: 'items', isProbe: false };
const web = {
  identity: 'web.shop.serviceaccount.identity.weft.cluster.local',
  spiffe: 'spiffe://cluster.local/ns/shop/sa/web',
  address: '10.0.0.1',
  isLocal: false,
};
const stranger = (address: string) => ({ ...web, identity: '', spiffe: '', address });

function callers() {
  const clock = { ms: 1000 };
  const kept = new Callers(() => clock.ms);
  const note = (client: typeof web, way: CallerWay, isRefused = false) =>
    come(kept.find(client, way), isRefused, clock.ms);
  return { clock, kept, note, page: () => kept.page(Date.UTC(2026, 10, 29) + clock.ms) };
}

t.test('who proves itself is known by its identity, wherever it comes from; who does not by its address', async (t) => {
  const { note, page } = callers();
  note(web, GET);
  note({ ...web, address: '10.0.0.2' }, GET);
  note(stranger('10.0.0.1'), GET);
  note(stranger('10.0.0.2'), GET);
  t.match(page().callers, [
    { identity: web.identity, address: '', count: 2 },
    { identity: '', address: '10.0.0.1', count: 1 },
    { identity: '', address: '10.0.0.2', count: 1 },
  ]);
});

t.test('ports, routes, methods, octets and probes are told apart; methods that nobody knows are not', async (t) => {
  const { note, page } = callers();
  for (const way of [
    { port: 9090 },
    { route: '' },
    { method: 'POST' },
    { carried: 'octets' as const },
    { isProbe: true },
    {},
  ])
    note(web, { ...GET, ...way });
  t.equal(page().callers.length, 6);
  for (const method of ['BREW', 'brew', 'X'.repeat(99)]) note(web, { ...GET, method });
  t.equal(page().callers.length, 7);
  t.match(page().callers[0], { method: '', count: 3 });
});

t.test('what policy has refused is counted of all', async (t) => {
  const { note, page } = callers();
  for (const isRefused of [true, false, true]) note(web, GET, isRefused);
  t.match(page().callers, [{ count: 3, refused: 2 }]);
});

t.test('it says when it began, and when somebody came last', async (t) => {
  const { clock, note, page } = callers();
  clock.ms += 5000;
  note(web, GET);
  clock.ms += 60_000;
  t.equal(page().since, '2026-11-29T00:00:01.000Z');
  t.equal(page().callers[0]!.last, '2026-11-29T00:00:06.000Z');
});

t.test('a flood of strangers takes nothing from those that prove themselves, and is counted', async (t) => {
  const { note, page } = callers();
  for (let at = 0; at < 100_000; at++) note(stranger(`10.1.${at >> 8}.${at & 255}`), GET);
  note(web, GET);
  t.equal(page().callers.length, 1001);
  t.equal(page().dropped, 99_000);
  t.ok(page().callers.some(({ identity }) => identity === web.identity));
});

t.test('who has not come for a day makes room', async (t) => {
  const { clock, note, page } = callers();
  for (let at = 0; at < 1000; at++) note(stranger(`10.1.${at >> 8}.${at & 255}`), GET);
  clock.ms += 86_400_001;
  note(stranger('10.2.0.1'), GET);
  t.same(
    page().callers.map(({ address }) => address),
    ['10.2.0.1'],
  );
});
