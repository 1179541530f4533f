import t from 'tap';

import { Random } from '../../core/testing/random.ts';
import { RouteIndex } from './route-index.ts';
import { DEFAULT_ROUTE, RouteTable } from './route-table.ts';
import { firstByTrying } from './testing/linear-evaluation.ts';
import { randomPredicates, randomRequest } from './testing/random-routes.ts';

t.test('finds the route that trying one after the other finds', async (t) => {
  const random = new Random(1);
  const places = new Set<number>();
  for (let round = 0; round < 150; round++) {
    const predicates = randomPredicates(random, 1 + random.below(40));
    const index = new RouteIndex(predicates);
    for (let each = 0; each < 20; each++) {
      const request = randomRequest(random);
      const expected = firstByTrying(predicates, request);
      const found = index.find(request);
      places.add(found);
      if (found !== expected)
        t.same([found, predicates[found], request], [expected, predicates[expected], request], `round ${round}`);
    }
  }
  t.ok(places.size > 20, `${places.size} different places`);
});

t.test('finds the same route among 1,000 as among 10', async (t) => {
  const { route } = DEFAULT_ROUTE;
  const request = { method: 'GET', path: '/svc-7/items/1', authority: 'api', scheme: 'http', fields: ['x', 'y'] };
  const nsPerChoice = (count: number): number => {
    const table = new RouteTable(
      Array.from({ length: count }, (_, i) => ({
        ...route,
        name: `${i}`,
        when: { all: [{ path: { regex: `/svc-${i}/items/\\d+` } }, { method: { exact: 'GET' } }] },
      })),
    );
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) table.find(request);
    t.equal(table.find(request).route.name, '7');
    return ((performance.now() - start) * 1e6) / 20_000;
  };
  nsPerChoice(10);
  const [few, many] = [nsPerChoice(10), nsPerChoice(1000)];
  t.comment(`${few.toFixed(0)} ns among 10, ${many.toFixed(0)} ns among 1,000`);
});
