import t from 'tap';

import type { Predicate, Route } from '../../api/routing.ts';
import { compilePredicate } from './predicate.ts';
import { RouteTable } from './route-table.ts';

const request = {
  method: 'GET',
  path: '/api/users?q=1',
  authority: 'api',
  scheme: 'http',
  fields: ['X-Version', 'v2'],
};

t.test('matches by method, path without query, authority and header', async (t) => {
  const cases: readonly (readonly [boolean, Predicate])[] = [
    [true, { method: { exact: 'GET' } }],
    [false, { method: { exact: 'get' } }],
    [true, { path: { regex: '/api/users' } }],
    [true, { path: { regex: '/api/.*' } }],
    [false, { path: { regex: '/api' } }],
    [true, { path: { exact: '/api/users' } }],
    [true, { path: { prefix: '/api/us' } }],
    [true, { path: { segments: '/api' } }],
    [false, { path: { segments: '/api/us' } }],
    [true, { authority: { exact: 'api' } }],
    [true, { header: 'x-version', value: { exact: 'v2' } }],
    [false, { header: 'x-other', value: { regex: '.*' } }],
    [true, { all: [] }],
    [false, { any: [] }],
    [true, { not: { method: { exact: 'POST' } } }],
    [
      true,
      { all: [{ method: { exact: 'GET' } }, { any: [{ path: { exact: '/x' } }, { authority: { prefix: 'a' } }] }] },
    ],
  ];
  for (const [expected, predicate] of cases)
    t.equal(compilePredicate(predicate)(request), expected, JSON.stringify(predicate));
});

t.test('a hostile pattern takes linear time', async (t) => {
  const matches = compilePredicate({ path: { regex: '(/a+)+b' } });
  const start = performance.now();
  matches({ ...request, path: `/${'a'.repeat(8000)}` });
  t.ok(performance.now() - start < 500);
});

const base: Route = {
  name: '',
  when: { all: [] },
  split: [],
  timeouts: {},
  retry: null,
  classes: [],
  origin: 'test',
};

t.test('takes the first route that matches, else the default route', async (t) => {
  const table = new RouteTable([
    { ...base, name: 'users', when: { path: { prefix: '/api/users' } } },
    { ...base, name: 'api', when: { path: { prefix: '/api' } } },
  ]);
  t.equal(table.find(request).route.name, 'users');
  t.equal(table.find({ ...request, path: '/api/x' }).route.name, 'api');
  t.equal(table.find({ ...request, path: '/' }).route.name, '');
});

t.test('classifies answers by the first class that holds', async (t) => {
  const table = new RouteTable([
    {
      ...base,
      name: 'x',
      classes: [
        { when: { status: { min: 501, max: 501 } }, isFailure: false },
        { when: { any: [{ status: { min: 400, max: 499 } }, { status: { min: 500, max: 599 } }] }, isFailure: true },
      ],
    },
  ]);
  const route = table.find(request);
  t.equal(route.isSuccess(501, ''), true);
  t.equal(route.isSuccess(404, ''), false);
  t.equal(route.isSuccess(200, '14'), false, 'without a class the gRPC status decides');
  t.equal(route.isSuccess(200, '5'), true, 'NOT_FOUND is the caller’s fault');
  t.equal(RouteTable.EMPTY.find(request).isSuccess(404, ''), true);
  t.equal(RouteTable.EMPTY.find(request).isSuccess(500, ''), false);
});

t.test('splits by weight, never to a weight of 0', async (t) => {
  const route = new RouteTable([
    {
      ...base,
      split: [
        { backend: 'a', weight: 900 },
        { backend: 'b', weight: 100 },
        { backend: 'c', weight: 0 },
      ],
    },
  ]).find(request);
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (let i = 0; i < 1000; i++) counts[route.pick()!.backend]!++;
  t.ok(Math.abs(counts.a! - 900) <= 3, `a: ${counts.a}`);
  t.equal(counts.c, 0);
});
