import t from 'tap';
import type { Predicate } from '../../api/predicate.ts';
import type { Route } from '../../api/routing.ts';
import { compilePredicate, type RequestView } from './predicate.ts';
import { DEFAULT_ROUTE, NOT_FOUND, RouteTable } from './route-table.ts';

const request: RequestView = {
  method: 'GET',
  path: '/api/users?q=1',
  authority: 'api',
  scheme: 'http',
  fields: ['X-Version', 'v2'],
};

const base: Route = DEFAULT_ROUTE.route;

type Case = readonly [expected: boolean, predicate: Predicate, change?: Partial<RequestView>];

function check(t: { equal(found: unknown, wanted: unknown, name: string): void }, cases: readonly Case[]): void {
  for (const [expected, predicate, change] of cases) {
    const each = { ...request, ...change };
    const name = `${JSON.stringify(predicate)} ${change ? JSON.stringify(change) : ''}`;
    t.equal(compilePredicate(predicate)(each), expected, name);
    // A table finds by index what a predicate tries.
    const found = new RouteTable([{ ...base, name: 'x', when: predicate }]).find(each).route.name;
    t.equal(found, expected ? 'x' : '', `in a table: ${name}`);
  }
}

t.test('matches by method and path without query', async (t) => {
  check(t, [
    [true, { method: { exact: 'GET' } }],
    [false, { method: { exact: 'get' } }],
    [true, { method: { regex: 'GET|POST' } }],
    [true, { path: { exact: '/api/users' } }],
    [false, { path: { exact: '/api/users?q=1' } }],
    [true, { path: { exact: '/' } }, { path: '/?' }],
    [true, { path: { prefix: '/api/us' } }],
    [true, { path: { prefix: '' } }],
    [false, { path: { prefix: '/api/users?' } }],
    [true, { path: { regex: '/api/users' } }],
    [true, { path: { regex: '/api/.*' } }],
    [false, { path: { regex: '/api' } }],
  ]);
});

t.test('what this version does not know is no predicate: under a `not` it would take everything', async (t) => {
  for (const unknown of [{ path: {} }, { path: { glob: '*' } }, { method: { glob: 'G*' } }, { moon: 'full' }])
    t.throws(() => compilePredicate(unknown as unknown as Predicate), JSON.stringify(unknown));
});

t.test('matches whole segments of a path', async (t) => {
  check(t, [
    [true, { path: { segments: '/api' } }],
    [true, { path: { segments: '/api/' } }],
    [true, { path: { segments: '/api/users' } }],
    [true, { path: { segments: '/api/users/' } }],
    [true, { path: { segments: '/' } }],
    [false, { path: { segments: '/api/us' } }],
    [false, { path: { segments: '/ap' } }],
    [false, { path: { segments: '/api' } }, { path: '/apis' }],
    [false, { path: { segments: '/' } }, { path: '*' }],
  ]);
});

t.test('ignores the case of a path where asked, but of ASCII letters alone', async (t) => {
  const path = '/API/Users?q=1';
  check(t, [
    [false, { path: { exact: '/api/users' } }, { path }],
    [true, { path: { exact: '/api/users', ignoreCase: true } }, { path }],
    [true, { path: { exact: '/aPi/uSers', ignoreCase: true } }],
    [true, { path: { prefix: '/api/US', ignoreCase: true } }, { path }],
    [true, { path: { segments: '/Api/', ignoreCase: true } }, { path }],
    [false, { path: { segments: '/Api/us', ignoreCase: true } }, { path }],
    [false, { path: { regex: '/api/.*', ignoreCase: true } }, { path }],
    [true, { path: { regex: '(?i)/api/.*' } }, { path }],
    [false, { path: { exact: '/É', ignoreCase: true } }, { path: octets('/é') }],
  ]);
});

t.test('takes octets of a request for the UTF-8 of a text', async (t) => {
  const path = octets('/größe/\u{1f600}');
  check(t, [
    [true, { path: { exact: '/größe/\u{1f600}' } }, { path }],
    [true, { path: { prefix: '/grö' } }, { path }],
    [true, { path: { segments: '/größe' } }, { path }],
    [true, { path: { regex: '/gr.ße/.' } }, { path }],
    [true, { path: { regex: '/.*ß.*' } }, { path }],
    [true, { header: 'x', value: { exact: 'é' } }, { fields: ['x', octets('é')] }],
    [true, { header: 'x', value: { regex: '.' } }, { fields: ['x', octets('é')] }],
    [true, { header: 'x', value: { regex: '\ufffd' } }, { fields: ['x', '\xff'] }],
    [true, { query: 'ü', value: { exact: 'é' } }, { path: '/?%C3%BC=%c3%a9' }],
    [true, { query: 'ü', value: { regex: '.' } }, { path: `/?${octets('ü=é')}` }],
    [false, { query: 'x', value: { exact: 'é' } }, { path: '/?x=%e9' }],
  ]);
});

t.test('matches by header, whatever the case of its name', async (t) => {
  check(t, [
    [true, { header: 'x-version', value: { exact: 'v2' } }],
    [true, { header: 'X-VERSION', value: { prefix: 'v' } }],
    [true, { header: 'x-version' }],
    [false, { header: 'x-version', value: { exact: 'V2' } }],
    [false, { header: 'x-other' }],
    [false, { header: 'x-other', value: { regex: '.*' } }],
    [false, { header: 'x-versioN\u0130' }],
    [true, { header: 'x-empty' }, { fields: ['x-empty', ''] }],
    [true, { header: 'x-empty', value: { exact: '' } }, { fields: ['x-empty', ''] }],
    [true, { header: 'host', value: { exact: 'API:8080' } }, { authority: 'API:8080' }],
    [false, { header: 'host' }, { authority: '' }],
    [true, { header: ':path', value: { regex: '.*[?&]v=2' } }, { path: '/a?x=1&v=2' }],
    [false, { header: ':path', value: { exact: '/a' } }, { path: '/a?x=1' }],
    [true, { header: ':path' }, { path: '/' }],
  ]);
});

t.test('joins lines of a header, and crumbs of a cookie', async (t) => {
  const fields = ['accept', 'a', 'Cookie', 'x=1', 'Accept', 'b, c', 'cookie', 'y=2', 'ACCEPT', ''];
  check(t, [
    [true, { header: 'accept', value: { exact: 'a, b, c, ' } }, { fields }],
    [false, { header: 'accept', value: { exact: 'a' } }, { fields }],
    [true, { header: 'cookie', value: { exact: 'x=1; y=2' } }, { fields }],
    [true, { header: 'cookie', value: { regex: '(.*; )?y=2(;.*)?' } }, { fields }],
  ]);
});

t.test('matches by the first query parameter of a name, decoded', async (t) => {
  check(t, [
    [true, { query: 'q', value: { exact: '1' } }],
    [true, { query: 'q' }],
    [false, { query: 'Q' }],
    [false, { query: 'api' }],
    [false, { query: 'q' }, { path: '/api' }],
    [false, { query: '' }, { path: '/api?' }],
    [true, { query: 'q', value: { exact: '' } }, { path: '/?q' }],
    [true, { query: 'q', value: { exact: '' } }, { path: '/?q=' }],
    [true, { query: 'q', value: { exact: '1' } }, { path: '/?q=1&q=2' }],
    [false, { query: 'q', value: { exact: '2' } }, { path: '/?q=1&q=2' }],
    [true, { query: 'q', value: { exact: 'a=b' } }, { path: '/?&&q=a=b' }],
    [true, { query: 'q', value: { exact: 'a b&c' } }, { path: '/?x&q=a+b%26c' }],
    [true, { query: 'a b', value: { exact: '+' } }, { path: '/?a+b=%2b' }],
    [true, { query: 'a b', value: { exact: '1' } }, { path: '/?%61%20b=1' }],
    [true, { query: '?', value: { exact: '?' } }, { path: '/??=?' }],
  ]);
});

t.test('takes a percent sign for itself where no escape follows', async (t) => {
  check(t, [
    [true, { query: 'q', value: { exact: '%' } }, { path: '/?q=%' }],
    [true, { query: 'q', value: { exact: '%4' } }, { path: '/?q=%4' }],
    [true, { query: 'q', value: { exact: '%zzA' } }, { path: '/?q=%zz%41' }],
    [true, { query: '%', value: { exact: '1' } }, { path: '/?%=1' }],
    [true, { query: '%%A', value: { exact: '1' } }, { path: '/?%%%41=1' }],
    [false, { query: 'q', value: { exact: '%ff' } }, { path: '/?q=%ff' }],
    [true, { query: 'q', value: { regex: '\ufffd' } }, { path: '/?q=%ff' }],
    [false, { query: 'ab' }, { path: '/?a%62c=1&a%6&%61' }],
  ]);
});

t.test('matches by authority in lower case, without its port', async (t) => {
  check(t, [
    [true, { authority: { exact: 'api' } }, { authority: 'API:8080' }],
    [true, { authority: { exact: 'api' } }, { authority: 'api:' }],
    [true, { authority: { prefix: 'a' } }],
    [true, { authority: { regex: 'api(\\.default)?' } }, { authority: 'Api.Default:80' }],
    [false, { authority: { exact: 'api:8080' } }, { authority: 'api:8080' }],
    [true, { authority: { exact: '[fd00::1]' } }, { authority: '[FD00::1]:80' }],
    [true, { authority: { exact: '[::]' } }, { authority: '[::]' }],
    [true, { authority: { exact: '' } }, { authority: '' }],
    [true, { authority: { exact: '[' } }, { authority: '[:1' }],
  ]);
});

t.test('matches by scheme', async (t) => {
  check(t, [
    [true, { scheme: { exact: 'http' } }],
    [false, { scheme: { exact: 'https' } }],
  ]);
});

t.test('matches all, any and none of several', async (t) => {
  const get: Predicate = { method: { exact: 'GET' } };
  const post: Predicate = { method: { exact: 'POST' } };
  check(t, [
    [true, { all: [] }],
    [false, { any: [] }],
    [false, { all: [get, { any: [] }] }],
    [true, { not: post }],
    [false, { not: { any: [post, get] } }],
    [true, { not: { all: [post, get] } }],
    [true, { all: [get, { any: [{ path: { exact: '/x' } }, { authority: { prefix: 'a' } }] }] }],
    [true, { all: Array.from({ length: 12 }, () => ({ any: [post, get] })) }],
    [true, { any: [...Array.from({ length: 3000 }, (_, i) => ({ path: { exact: `/${i}` } })), get] }],
  ]);
});

function nameOf(table: RouteTable, change: Partial<RequestView>): string {
  return table.find({ ...request, ...change }).route.name;
}

function tableOf(...predicates: readonly Predicate[]): RouteTable {
  return new RouteTable(predicates.map((when, i) => ({ ...base, name: `${i}`, when })));
}

t.test('takes the first route that matches, else the default route', async (t) => {
  const table = tableOf({ path: { prefix: '/api/users' } }, { path: { prefix: '/api' } });
  t.equal(nameOf(table, {}), '0');
  t.equal(nameOf(table, { path: '/api/x' }), '1');
  t.equal(nameOf(table, { path: '/' }), '');
});

t.test('says where no route matches, if that is asked for', async (t) => {
  const table = new RouteTable([{ ...base, when: { path: { exact: '/a' } } }], { unmatched: 'not-found' });
  t.equal(table.find(request), NOT_FOUND);
  t.not(table.find({ ...request, path: '/a' }), NOT_FOUND);
  t.not(RouteTable.EMPTY.find(request), NOT_FOUND);
});

t.test('takes the first route however the others are found', async (t) => {
  const kinds: readonly Predicate[] = [
    { path: { exact: '/api/users' } },
    { path: { exact: '/API/users', ignoreCase: true } },
    { path: { prefix: '/api' } },
    { path: { segments: '/api' } },
    { path: { regex: '/api/[a-z]+' } },
    { path: { regex: '/api/users' } },
    { header: 'x-version', value: { exact: 'v2' } },
    { header: 'x-version' },
    { query: 'q', value: { exact: '1' } },
    { authority: { exact: 'api' } },
    { method: { exact: 'GET' } },
    { all: [] },
    { not: { method: { exact: 'POST' } } },
  ];
  for (const first of kinds) {
    for (const second of kinds) {
      t.equal(nameOf(tableOf({ path: { exact: '/x' } }, first, second), {}), '1', JSON.stringify([first, second]));
      t.equal(nameOf(tableOf({ all: [first, { any: [] }] }, second, first), {}), '1', JSON.stringify([first, second]));
    }
  }
});

t.test('tries what else a route demands', async (t) => {
  const v = (version: string): Predicate => ({ header: 'x-version', value: { exact: version } });
  const table = tableOf(
    { all: [{ path: { regex: '/api/.*' } }, v('v1')] },
    { all: [{ path: { regex: '/api/u.*' } }, { not: v('v2') }] },
    { all: [{ path: { regex: '/api/us.*' } }, { scheme: { exact: 'http' } }] },
  );
  t.equal(nameOf(table, {}), '2');
  t.equal(nameOf(table, { fields: ['x-version', 'v1'] }), '0');
  t.equal(nameOf(table, { fields: [] }), '1');
});

t.test('finds a route among more patterns than one set holds', async (t) => {
  const table = tableOf(
    ...Array.from({ length: 300 }, (_, i) => ({ path: { regex: `/svc-${i % 100}/[^/]*/${i}(/.*)?` } })),
  );
  t.equal(nameOf(table, { path: '/svc-42/x/242' }), '242');
  t.equal(nameOf(table, { path: '/svc-42/x/142/y' }), '142');
  t.equal(nameOf(table, { path: '/svc-42/x/143' }), '');
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

t.test('splits by weight, each route for itself', async (t) => {
  const split = [
    { backend: 'a', weight: 900 },
    { backend: 'b', weight: 100 },
    { backend: 'c', weight: 0 },
  ];
  const route = new RouteTable([{ ...base, split }]).find(request);
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (let i = 0; i < 10_000; i++) counts[route.pick()!.backend]!++;
  t.ok(Math.abs(counts.a! - 9000) <= 4 && counts.c === 0, JSON.stringify(counts));
  t.equal(RouteTable.EMPTY.find(request).pick(), null);
});

function octets(text: string): string {
  return Buffer.from(text).toString('latin1');
}
