import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';

import { DEFAULT_RETRY_BUDGET } from '../../../api/routing.ts';
import { serviceProfile } from '../../testing/manifests.ts';
import { MalformedObject, type Problem } from '../problem.ts';
import { readServiceProfile, serviceProfileProblems } from './service-profile.ts';

const NAME = 'api.default.svc.cluster.local';

t.test('a route says which requests it takes and what becomes of them', async (t) => {
  const { profile, problems } = read({
    routes: [{ name: 'GET /', condition: { method: 'GET', pathRegex: '/' }, isRetryable: true, timeout: '300ms' }],
  });
  t.same(problems, []);
  t.same(profile.routes, [
    {
      name: 'GET /',
      when: { all: [{ path: { regex: '/' } }, { method: { exact: 'GET' } }] },
      split: [],
      timeouts: { headMs: 300 },
      retry: { on: { outcomes: ['failure', 'connect-failure', 'refused-stream'] }, limit: 0, maxBodyBytes: 65_536 },
      classes: [],
      origin: `ServiceProfile/default/${NAME}`,
    },
  ]);
  t.same(profile.retryBudget, DEFAULT_RETRY_BUDGET);
});

t.test('the manifest of the user guide is read without a fault', async (t) => {
  const file = join(import.meta.dirname, '../../../test/fixtures/user/linkerd-service-profile.yaml');
  const object = parse(readFileSync(file, 'utf8'));
  t.same(serviceProfileProblems(object), []);
  const { profile } = readServiceProfile(object, []);
  t.match(profile.routes, [
    { name: 'GET /api/users', timeouts: { headMs: 5000 }, retry: { limit: 0 } },
    { name: 'POST /api/orders', timeouts: { headMs: 30_000 }, retry: null },
  ]);
});

t.test('conditions nest, and several fields of one hold together', async (t) => {
  const condition = { any: [{ method: 'GET' }, { all: [{ pathRegex: ' /a/.* ' }, { not: { method: 'PUT' } }] }] };
  const { profile, problems } = read({ routes: [{ name: 'r', condition }] });
  t.same(problems, []);
  t.same(profile.routes[0]!.when, {
    any: [{ method: { exact: 'GET' } }, { all: [{ path: { regex: '/a/.*' } }, { not: { method: { exact: 'PUT' } } }] }],
  });
});

t.test('a bound of a status range may be left out', async (t) => {
  const classes = (status: object) =>
    read({
      routes: [
        { name: 'r', condition: { method: 'GET' }, responseClasses: [{ condition: { status }, isFailure: true }] },
      ],
    }).profile.routes[0]?.classes;
  t.same(classes({ min: 500 }), [{ when: { status: { min: 500, max: 599 } }, isFailure: true }]);
  t.same(classes({ max: 399 }), [{ when: { status: { min: 100, max: 399 } }, isFailure: true }]);
  t.same(classes({ min: 429, max: 429 }), [{ when: { status: { min: 429, max: 429 } }, isFailure: true }]);
});

/** What is wrong with a route, the path of the fault, and a word of its sentence. Every one drops the route. */
const BAD_ROUTES: readonly [what: string, route: unknown, path: string, word: RegExp][] = [
  ['no object', 'GET /', '', /no object/],
  ['no name', { condition: { method: 'GET' } }, '.name', /missing/],
  ['an empty name, which is the default route’s', { name: '', condition: { method: 'GET' } }, '.name', /empty/],
  ['no condition', { name: 'r' }, '.condition', /missing/],
  ['an empty condition', { name: 'r', condition: {} }, '.condition', /empty/],
  ['a misspelt field', { name: 'r', condition: { method: 'GET' }, isRetriable: true }, '.isRetriable', /unknown/],
  [
    'a misspelt condition',
    { name: 'r', condition: { method: 'GET', pathRegexp: '/a' } },
    '.condition.pathRegexp',
    /unknown/,
  ],
  ['a regex that is none', { name: 'r', condition: { method: 'GET', pathRegex: '/(' } }, '.condition.pathRegex', /RE2/],
  ['a look-around', { name: 'r', condition: { pathRegex: '/(?=a)' } }, '.condition.pathRegex', /RE2/],
  ['a very long regex', { name: 'r', condition: { pathRegex: 'a'.repeat(5000) } }, '.condition.pathRegex', /longer/],
  [
    'a bad regex inside all',
    { name: 'r', condition: { all: [{ method: 'GET' }, { pathRegex: '[' }] } },
    '.condition.all[1].pathRegex',
    /RE2/,
  ],
  ['null inside any', { name: 'r', condition: { any: [null] } }, '.condition.any[0]', /missing/],
  ['a list for not', { name: 'r', condition: { not: [{ method: 'GET' }] } }, '.condition.not', /no object/],
  ['a method with a space', { name: 'r', condition: { method: 'GET /' } }, '.condition.method', /no HTTP method/],
  ['a timeout without unit', { name: 'r', condition: { method: 'GET' }, timeout: '5' }, '.timeout', /no duration/],
  ['a number for a timeout', { name: 'r', condition: { method: 'GET' }, timeout: 5 }, '.timeout', /no duration/],
  ['text for isRetryable', { name: 'r', condition: { method: 'GET' }, isRetryable: 'yes' }, '.isRetryable', /neither/],
  ['a status beyond 599', classWith({ min: 500, max: 600 }), '.responseClasses[0].condition.status.max', /100 to 599/],
  ['a status below 100', classWith({ min: 99 }), '.responseClasses[0].condition.status.min', /100 to 599/],
  [
    'a status range upside down',
    classWith({ min: 500, max: 400 }),
    '.responseClasses[0].condition.status.max',
    /less than min/,
  ],
  ['an empty status range', classWith({}), '.responseClasses[0].condition.status', /empty/],
  [
    'classes that are no list',
    { name: 'r', condition: { method: 'GET' }, responseClasses: {} },
    '.responseClasses',
    /no list/,
  ],
];

t.test('a wrong route is dropped whole and reported, and the others stay', async (t) => {
  for (const [what, route, path, word] of BAD_ROUTES) {
    const { profile, problems } = read({ routes: [route, { name: 'good', condition: { method: 'PUT' } }] });
    t.same(
      profile.routes.map(({ name }) => name),
      ['good'],
      what,
    );
    t.match(problems, [{ path: `spec.routes[0]${path}`, message: word }], what);
  }
});

t.test('nesting is bounded', async (t) => {
  let condition: object = { method: 'GET' };
  for (let depth = 0; depth < 10_000; depth++) condition = { all: [condition] };
  t.match(read({ routes: [{ name: 'r', condition }] }).problems, [{ message: /32 levels/ }]);
});

t.test('every retry budget outside the ranges of the proxy permits no retry', async (t) => {
  const good = { retryRatio: 0.1, minRetriesPerSecond: 5, ttl: '20s' };
  t.same(read({ retryBudget: good }).profile.retryBudget, { ratio: 0.1, minPerSecond: 5, windowMs: 20_000 });
  for (const wrong of [
    { retryRatio: -1 },
    { retryRatio: 1001 },
    { retryRatio: '0.2' },
    { minRetriesPerSecond: 0.5 },
    { minRetriesPerSecond: -1 },
    { ttl: '500ms' },
    { ttl: '61s' },
    { ttl: 'soon' },
    { ttl: undefined },
    { extra: 1 },
  ]) {
    const { profile, problems } = read({ retryBudget: { ...good, ...wrong } });
    t.match(profile.retryBudget, { ratio: 0, minPerSecond: 0 }, JSON.stringify(wrong));
    t.equal(problems.length, 1);
  }
});

t.test(
  'overrides have weights in thousandths, and one wrong entry sends everything to the Service itself',
  async (t) => {
    const overrides = (...dstOverrides: object[]) => read({ dstOverrides });
    t.same(
      overrides(
        { authority: 'v1.default.svc.cluster.local:8080', weight: 900 },
        { authority: 'v2.default.svc.cluster.local.', weight: '500m' },
        { authority: 'v3.default.svc.cluster.local', weight: 0 },
      ).profile.overrides,
      [
        { host: 'v1.default.svc.cluster.local', port: 8080, weight: 900_000 },
        { host: 'v2.default.svc.cluster.local', port: null, weight: 500 },
      ],
    );
    for (const wrong of [
      { authority: 'a b', weight: 1 },
      { authority: 'a', weight: -1 },
      { authority: 'a', weight: 'many' },
      { authority: 'a:0', weight: 1 },
      {},
    ]) {
      const { profile, problems } = overrides({ authority: 'v1', weight: 1 }, wrong);
      t.same(profile.overrides, [], JSON.stringify(wrong));
      t.not(problems.length, 0);
    }
  },
);

t.test('admission hears of every fault at once', async (t) => {
  const problems = serviceProfileProblems({
    apiVersion: 'linkerd.io/v1',
    kind: 'Profile',
    metadata: { name: NAME },
    spec: { routes: [{}], opaquePorts: ['x'], sidecar: true },
  });
  t.same(
    problems.map(({ path }) => path),
    ['apiVersion', 'kind', 'spec.sidecar', 'spec.routes[0].name', 'spec.routes[0].condition', 'spec.opaquePorts[0]'],
  );
  for (const [object, path] of [
    [null, 'metadata.name'],
    ['text', ''],
    [{ metadata: { name: NAME } }, 'spec'],
    [{ metadata: { name: NAME }, spec: [] }, 'spec'],
    [{ metadata: { name: NAME }, spec: { routes: {} } }, 'spec.routes'],
    [{ metadata: { name: 'No Name' }, spec: {} }, 'metadata.name'],
  ] as const) {
    t.equal(serviceProfileProblems(object).at(-1)?.path, path, JSON.stringify(object));
  }
});

t.test('a profile that is unreadable as a whole is malformed', async (t) => {
  t.throws(() => readServiceProfile(serviceProfile(NAME, { routes: 'all' }), []), MalformedObject);
});

function read(spec: object) {
  const problems: Problem[] = [];
  const { profile } = readServiceProfile(serviceProfile(NAME, spec), problems);
  return { profile, problems };
}

function classWith(status: object) {
  return { name: 'r', condition: { method: 'GET' }, responseClasses: [{ condition: { status } }] };
}
