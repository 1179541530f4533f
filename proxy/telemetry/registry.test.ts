import t from 'tap';

import { MAX_SERIES, Registry } from './registry.ts';

t.test('a series is found again by its labels', async (t) => {
  const family = new Registry().counter('asked_total', 'Asked.');
  family.with({ a: '1' }).value++;
  family.with({ a: '1' }).value++;
  family.with({ a: '2' }).value++;
  t.same([...family.series.keys()], ['a="1"', 'a="2"']);
});

t.test('identities beyond the first share a series, in every family the same', async (t) => {
  const registry = new Registry();
  const [asked, answered] = [registry.counter('asked_total', ''), registry.counter('answered_total', '')];
  for (let n = 0; n < 5000; n++) asked.with({ port: '80', client_id: `client-${n}` }).value++;
  answered.with({ client_id: 'client-99' });
  answered.with({ client_id: 'client-100' });
  answered.with({ client_id: '' });
  t.equal(asked.series.size, 101);
  t.equal(asked.series.get('port="80",client_id="other"')!.value, 4900);
  t.same([...answered.series.keys()], ['client_id="client-99"', 'client_id="other"', 'client_id=""']);
});

t.test('a crowd of clients leaves room for what the mesh itself brings about', async (t) => {
  const family = new Registry().counter('asked_total', 'Asked.');
  for (let path = 0; path < 100; path++)
    for (let n = 0; n < 100; n++) family.with({ path: `${path}`, client_id: `client-${n}` }).value++;
  t.ok(family.series.size < 4200, `${family.series.size}`);
  family.with({ path: 'late', client_id: 'client-1' }).value++;
  t.ok(family.series.has('path="late",client_id="other"'));
  t.equal(
    [...family.series.values()].reduce((sum, { value }) => sum + value, 0),
    10_001,
    'nothing is lost',
  );
});

t.test('beyond the limit all share one series', async (t) => {
  const family = new Registry().counter('asked_total', 'Asked.');
  for (let n = 0; n < MAX_SERIES + 10; n++) family.with({ path: `${n}` }).value++;
  t.equal(family.series.size, MAX_SERIES + 1);
  t.equal(family.series.get('overflow="true"')!.value, 10);
  family.with({ path: '7' }).value++;
  t.equal(family.series.get('path="7"')!.value, 2);
});
