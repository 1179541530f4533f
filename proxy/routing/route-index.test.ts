import t, { type Test } from 'tap';

import type { Predicate } from '../../api/predicate.ts';
import type { RequestView } from './predicate.ts';
import { RouteIndex } from './route-index.ts';

const BASE: RequestView = { method: 'GET', path: '/a?q=7', authority: 'api', scheme: 'http', fields: ['x', '7'] };

/** How often the parts of a request are looked at while its route is found. */
function looksAt(predicates: readonly Predicate[], found: number, t: Test): Record<string, number> {
  const looks: Record<string, number> = { method: 0, path: 0, authority: 0, scheme: 0, fields: 0 };
  const request = new Proxy(BASE, {
    get(target, name: keyof RequestView) {
      looks[name]!++;
      return target[name];
    },
  });
  t.equal(new RouteIndex(predicates).find(request), found);
  return looks;
}

/** Fifty routes that differ in one condition alone and agree in all others. */
function differingIn(differing: (value: string) => Predicate, ...others: Predicate[]): Predicate[] {
  return Array.from({ length: 50 }, (_, i) => ({ all: [...others, differing(`${i}`)] }));
}

t.test('a route is found by what is rarest in it, and the rest is looked at once', async (t) => {
  const path: Predicate = { path: { exact: '/a' } };
  const header = (exact: string): Predicate => ({ header: 'x', value: { exact } });
  const query = (exact: string): Predicate => ({ query: 'q', value: { exact } });
  for (const [name, differing] of Object.entries({ header, query })) {
    const looks = looksAt(
      differingIn(differing, path, { scheme: { exact: 'http' } }, { method: { exact: 'GET' } }),
      7,
      t,
    );
    t.equal(looks.scheme, 1, `by ${name}`);
    t.ok(
      Object.values(looks).every((count) => count <= 4),
      `${name}: ${JSON.stringify(looks)}`,
    );
  }
});

t.test('where keys are equally rare, the path comes before a header, and a method last', async (t) => {
  const both: Predicate = {
    all: [
      { method: { exact: 'GET' } },
      { header: 'x', value: { exact: '8' } },
      { path: { exact: '/b' } },
      { scheme: { exact: 'http' } },
    ],
  };
  t.same(looksAt([both], -1, t), { method: 0, path: 1, authority: 0, scheme: 0, fields: 0 });
  const rest: Predicate = { all: [{ method: { exact: 'GET' } }, { header: 'x', value: { exact: '8' } }] };
  t.equal(looksAt([rest], -1, t).method, 0);
});

t.test('what no route asks for is not looked at', async (t) => {
  t.same(looksAt([], -1, t), { method: 0, path: 0, authority: 0, scheme: 0, fields: 0 });
  t.same(looksAt([{ method: { exact: 'GET' } }], 0, t), { method: 1, path: 0, authority: 0, scheme: 0, fields: 0 });
  t.same(looksAt([{ authority: { exact: 'api' } }], 0, t), { method: 0, path: 0, authority: 1, scheme: 0, fields: 0 });
});
