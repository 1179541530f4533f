import t from 'tap';

import type { Filters } from '../../api/filters.ts';
import { DEFAULT_RETRY_BUDGET, type OutboundTarget, type Route } from '../../api/routing.ts';
import { targetFault } from './target-fault.ts';

const ROUTE: Route = { name: 'a', when: { all: [] }, split: [], timeouts: {}, retry: null, classes: [], origin: '' };

function target(...routes: Partial<Route>[]): OutboundTarget {
  return {
    name: 'api',
    kind: 'service',
    port: 80,
    protocol: 'detect',
    labels: {},
    routes: routes.map((route) => ({ ...ROUTE, ...route })),
    retryBudget: DEFAULT_RETRY_BUDGET,
    backends: {},
  };
}

const CORS = { origins: [], methods: [], requestHeaders: [], exposedHeaders: [], maxAge: null };
const FAULTY: readonly Filters[] = [
  { requestHeaders: { set: [{ name: 'x-a', value: 'a\nb' }] } },
  { requestHeaders: { add: [{ name: 'x-a', value: ['a', 'b\r'] }] } },
  { responseHeaders: { set: [{ name: 'a b', value: 'a' }] } },
  { responseHeaders: { remove: ['content-length'] } },
  { rewrite: { authority: 'a b' } },
  { rewrite: { path: { full: 'a' } } },
  { rewrite: { path: { prefix: { strip: '/a', replacement: 'b', isSegments: true } } } },
  { rewrite: { path: { regex: { pattern: 'a', substitution: 'b c' } } } },
  { redirect: { status: 301, host: 'a/b' } },
  { redirect: { status: 301, scheme: 'a b' } },
  { redirect: { status: 301, path: { full: '/a b' } } },
  { cors: { ...CORS, methods: ['A B'], hasCredentials: false, forwardsUnmatched: true } },
  { cors: { ...CORS, requestHeaders: ['a,b'], hasCredentials: false, forwardsUnmatched: true } },
  { cors: { ...CORS, exposedHeaders: ['a\n'], hasCredentials: false, forwardsUnmatched: true } },
];

t.test('a target whose texts fit into heads can be followed', async (t) => {
  t.equal(targetFault(target()), null);
  t.equal(
    targetFault(
      target({
        filters: {
          requestHeaders: { set: [{ name: 'x-a', value: ['ü', { variable: 'route' }] }], remove: ['x-b'] },
          rewrite: { authority: 'a:80', path: { prefix: { strip: '/a', replacement: '', isSegments: true } } },
          redirect: { status: 301, scheme: 'https', host: 'a', path: { full: '/a?b=c' } },
        },
      }),
    ),
    null,
  );
});

t.test('a filter that would write what no head can hold is refused, of a route and of an alternative', async (t) => {
  for (const filters of FAULTY) {
    t.match(targetFault(target({ filters })), /^route "a": a text of its filters /, JSON.stringify(filters));
    t.type(targetFault(target({}, { split: [{ backend: '', weight: 1, filters }] })), 'string');
  }
});

t.test('a pattern that is none is refused', async (t) => {
  t.match(targetFault(target({ when: { path: { regex: '(?=a)' } } })), /cannot be compiled/);
});
