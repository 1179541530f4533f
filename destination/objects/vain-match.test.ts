import t, { type Test } from 'tap';

import { problemsOf } from '../testing/damage.ts';
import type { Kind } from './kinds.ts';
import { formatProblem } from './problem.ts';

const route = [{ destination: { host: 'api' } }];
const backendRefs = [{ name: 'api', port: 80 }];
const parentRefs = [{ kind: 'Service', group: '', name: 'api' }];

/** Specs whose matches are given; where the first of them stands; and how its path and its method are written. */
const DIALECTS: readonly {
  readonly kind: Kind;
  readonly spec: (matches: readonly object[]) => object;
  readonly at: string;
  readonly path?: readonly [field: string, match: (text: string) => object];
  readonly method?: readonly [field: string, match: (text: string) => object];
}[] = [
  {
    kind: 'VirtualService',
    spec: (match) => ({ hosts: ['api'], http: [{ match, route }] }),
    at: 'spec.http[0].match',
    path: ['uri', (regex) => ({ uri: { regex } })],
    method: ['method', (exact) => ({ method: { exact } })],
  },
  {
    kind: 'ServiceProfile',
    spec: (conditions) => ({ routes: conditions.map((condition, at) => ({ name: `r${at}`, condition })) }),
    at: 'spec.routes',
    path: ['condition.pathRegex', (pathRegex) => ({ pathRegex })],
    method: ['condition.method', (method) => ({ method })],
  },
  {
    kind: 'HTTPRoute',
    spec: (matches) => ({ parentRefs, rules: [{ matches, backendRefs }] }),
    at: 'spec.rules[0].matches',
    path: ['path.value', (value) => ({ path: { type: 'RegularExpression', value } })],
  },
  {
    kind: 'LinkerdHTTPRoute',
    spec: (matches) => ({ parentRefs, rules: [{ matches, backendRefs }] }),
    at: 'spec.rules[0].matches',
    path: ['path.value', (value) => ({ path: { type: 'RegularExpression', value } })],
  },
  {
    kind: 'HTTPRouteGroup',
    spec: (matches) => ({ matches }),
    at: 'spec.matches',
    path: ['pathRegex', (pathRegex) => ({ pathRegex })],
  },
];

const said = (kind: Kind, spec: object) => {
  const problems = problemsOf(kind, { metadata: { name: 'api.default', namespace: 'default' }, spec });
  return problems.map((problem) => `${problem.severity ?? 'error'}: ${formatProblem(problem)}`);
};
const only = (t: Test, found: readonly string[], expected: string, what = expected) => t.same(found, [expected], what);

for (const { kind, spec, at, path, method } of DIALECTS) {
  if (path)
    t.test(`a path of a ${kind} that no request has is told`, async (t) => {
      const [field, match] = path;
      for (const text of ['api/.*', '[a-z]+', '(?i)users', 'a|b', '^users$', '\\w+/x'])
        only(
          t,
          said(kind, spec([match(text)])),
          `warning: ${at}[0].${field}: "${text}" takes no path: each begins with "/"`,
          text,
        );
      for (const text of ['/api', '.*', '[^?]*', 'a|/b', '(/a)?/b', '\\*', '^/users$', '(?:|x)/.*'])
        t.same(said(kind, spec([match(text)])), [], text);
    });

  if (method)
    t.test(`a method of a ${kind} that no client sends is told`, async (t) => {
      const [field, match] = method;
      for (const text of ['get', 'Post', 'dELETE'])
        only(
          t,
          said(kind, spec([match(text)])),
          `warning: ${at}[0].${field}: "${text}" takes no request: methods are in capitals; write ${text.toUpperCase()}`,
        );
      for (const text of ['GET', 'PURGE', 'brew']) t.same(said(kind, spec([match(text)])), [], text);
    });
}

t.test('a path of an HTTPRouteGroup is what a path begins with, and nothing begins every path', async (t) => {
  t.same(said('HTTPRouteGroup', { matches: [{ pathRegex: 'a*' }] }), []);
  t.match(said('HTTPRouteGroup', { matches: [{ pathRegex: 'a+' }] }), [/"a\+" takes no path/]);
});

t.test('texts and patterns of a VirtualService are looked at alike', async (t) => {
  const match = (fields: object) => ({ hosts: ['api'], http: [{ match: [fields], route }] });
  for (const uri of [{ exact: 'users' }, { prefix: 'users/' }])
    t.match(said('VirtualService', match({ uri })), [/uri: "users.*" takes no path/]);
  for (const uri of [{ exact: '/users' }, { prefix: '/' }, { exact: '*' }])
    t.same(said('VirtualService', match({ uri })), []);
  t.match(said('VirtualService', match({ method: { regex: 'get|post' } })), [/method: "get\|post" takes no request/]);
  t.match(said('VirtualService', match({ method: { prefix: 'p' } })), [/method: "p" takes no request/]);
  t.match(said('VirtualService', match({ headers: { ':method': { exact: 'get' } } })), [/:method: "get" takes/]);
  t.match(said('VirtualService', match({ headers: { ':path': { exact: 'a' } } })), [/:path: "a" takes no path/]);
  t.same(said('VirtualService', match({ method: { regex: '(?i)get' } })), []);
});

t.test('the same match twice is told where it stands again, whatever the order of its conditions', async (t) => {
  const a = { uri: { prefix: '/a' }, headers: { x: { exact: '1' }, y: { exact: '2' } } };
  const again = { headers: { y: { exact: '2' }, x: { exact: '1' } }, uri: { prefix: '/a' }, name: 'again' };
  const b = { uri: { prefix: '/b' } };
  only(
    t,
    said('VirtualService', {
      hosts: ['api'],
      http: [
        { match: [a], route },
        { match: [b, again], route },
      ],
    }),
    'warning: spec.http[1].match[1]: takes nothing: spec.http[0].match[0] says the same and comes first',
  );
  for (const other of [{ port: 80 }, { sourceLabels: { app: 'a' } }, { gateways: ['mesh'] }, { ignoreUriCase: true }])
    t.same(
      said('VirtualService', {
        hosts: ['api'],
        http: [
          { match: [a], route },
          { match: [{ ...a, ...other }], route },
        ],
      }),
      [],
      JSON.stringify(other),
    );
  only(
    t,
    said('VirtualService', {
      hosts: ['a.b'],
      tls: ['a.b', 'a.b'].map((name) => ({ match: [{ sniHosts: [name] }], route })),
    }),
    'warning: spec.tls[1].match[0]: takes nothing: spec.tls[0].match[0] says the same and comes first',
  );
  only(
    t,
    said('VirtualService', { hosts: ['a.b'], tcp: [{ route }, { route }] }),
    'warning: spec.tcp[1]: takes nothing: spec.tcp[0] says the same and comes first',
  );
});

t.test('and in routes of Gateway API and profiles too', async (t) => {
  const path = { value: '/a' };
  const rules = [
    { matches: [{ path }, { method: 'GET' }], backendRefs },
    { matches: [{ path }], backendRefs },
  ];
  for (const kind of ['HTTPRoute', 'LinkerdHTTPRoute'] as const)
    only(
      t,
      said(kind, { parentRefs, rules }),
      'warning: spec.rules[1].matches[0]: takes nothing: spec.rules[0].matches[0] says the same and comes first',
    );
  only(
    t,
    said('GRPCRoute', { parentRefs, rules: [{ backendRefs }, { backendRefs }] }),
    'warning: spec.rules[1]: takes nothing: spec.rules[0] says the same and comes first',
  );
  const condition = { pathRegex: '/a' };
  only(
    t,
    said('ServiceProfile', {
      routes: [
        { name: 'a', condition },
        { name: 'b', condition },
      ],
    }),
    'warning: spec.routes[1].condition: takes nothing: spec.routes[0].condition says the same and comes first',
  );
});

t.test('a match that asks for more than an earlier one is told where the order is what is written', async (t) => {
  const users = { uri: { prefix: '/users' } };
  const posted = { ...users, method: { exact: 'POST' } };
  const rules = (...matches: object[]) => ({
    hosts: ['api'],
    http: matches.map((match) => ({ match: [match], route })),
  });
  only(
    t,
    said('VirtualService', rules(users, posted)),
    'warning: spec.http[1].match[0]: takes nothing: spec.http[0].match[0] takes all that it would, and comes first',
  );
  t.same(said('VirtualService', rules(posted, users)), []);
  t.same(said('VirtualService', rules({ ...users, port: 80 }, posted)), [], 'other requests come there');
  const all = [{ pathRegex: '/users' }, { method: 'POST' }];
  only(
    t,
    said('ServiceProfile', {
      routes: [
        { name: 'a', condition: { pathRegex: '/users' } },
        { name: 'b', condition: { all } },
      ],
    }),
    'warning: spec.routes[1].condition: takes nothing: spec.routes[0].condition takes all that it would, and comes first',
  );
  const path = { type: 'PathPrefix', value: '/users' };
  const precise = [{ path }, { path, method: 'POST' }].map((match) => ({ matches: [match], backendRefs }));
  t.same(said('HTTPRoute', { parentRefs, rules: precise }), [], 'where what asks for more comes first');
});

t.test('a destination that is a wildcard is told what to name', async (t) => {
  only(
    t,
    said('VirtualService', { hosts: ['api'], http: [{ route: [{ destination: { host: '*.foo.com' } }] }] }),
    'error: spec.http[0].route[0].destination.host: "*.foo.com" stands for many hosts, and requests go to one; name it',
  );
});
