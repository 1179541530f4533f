import t from 'tap';

import { asksValues, type FieldValues } from '../../testing/values.ts';

const DURATION = [
  ['500ms', '10s', '1h'],
  ['10', '-1s', 5],
] as const;
const TEXT_MATCH = (path: string): FieldValues[] => [
  [
    path,
    [
      { name: 'a', value: 'b' },
      { type: 'Exact', name: 'a', value: 'b' },
    ],
    [],
  ],
  [path, [{ type: 'RegularExpression', name: 'a', value: 'b+' }], []],
  [path, [], [{ type: 'RegularExpression', name: 'a', value: '(?=b)' }, { name: 'a' }], `${path}.value`],
  [path, [], [{ value: 'b' }, { name: '', value: 'b' }], `${path}.name`],
  [path, [], [{ type: 'Prefix', name: 'a', value: 'b' }], `${path}.type`],
];
const RULE = 'spec.rules[0]';

function route(rule: object): { readonly metadata: object; readonly spec: object } {
  const parentRefs = [{ group: 'core', kind: 'Service', name: 'api', port: 80 }];
  return { metadata: { name: 'api', namespace: 'default' }, spec: { parentRefs, rules: [rule] } };
}

t.test('a reference to a Service says which of its ports', async (t) => {
  asksValues(t, 'HTTPRoute', route({}), [
    ['spec.parentRefs[0].port', [1, 65_535, undefined], [0, 65_536, 80.5, '80']],
    ['spec.parentRefs[0].group', ['', 'core', 'gateway.networking.k8s.io'], [5]],
    ['spec.parentRefs[0].sectionName', ['http', ''], [5]],
    ['spec.parentRefs[0].name', [], ['', undefined]],
    ['spec.parentRefs[0]', [{ name: 'edge' }, { kind: 'Gateway', name: 'edge', sectionName: 'https' }], []],
  ]);
});

t.test('a match of an HTTPRoute takes what the specification names', async (t) => {
  asksValues(t, 'HTTPRoute', route({ matches: [{}] }), [
    [`${RULE}.matches[0].path`, [{}, { value: '/a' }, { type: 'Exact', value: '/a' }], []],
    [
      `${RULE}.matches[0].path`,
      [
        { type: 'PathPrefix', value: '/' },
        { type: 'RegularExpression', value: 'a+' },
      ],
      [],
    ],
    [
      `${RULE}.matches[0].path`,
      [],
      [{ value: 'a' }, { type: 'Exact', value: '' }, { value: 5 }],
      `${RULE}.matches[0].path.value`,
    ],
    [`${RULE}.matches[0].path`, [], [{ type: 'RegularExpression', value: '(' }], `${RULE}.matches[0].path.value`],
    [`${RULE}.matches[0].path`, [], [{ type: 'Prefix', value: '/' }], `${RULE}.matches[0].path.type`],
    [
      `${RULE}.matches[0].method`,
      ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
      ['get', 'BREW', 5],
    ],
    ...TEXT_MATCH(`${RULE}.matches[0].headers[0]`),
    ...TEXT_MATCH(`${RULE}.matches[0].queryParams[0]`),
  ]);
});

t.test('a match of a GRPCRoute names a service, a method or both', async (t) => {
  asksValues(t, 'GRPCRoute', route({ matches: [{}] }), [
    [`${RULE}.matches[0].method`, [{ service: 'a.B' }, { method: 'Get' }, { service: 'a.B', method: 'Get' }, null], []],
    [`${RULE}.matches[0].method`, [], [{}, { service: '' }, { service: 5 }, { method: 5 }, { service: 'a/B' }]],
    [`${RULE}.matches[0].method`, [{ type: 'RegularExpression', service: 'a.*' }], []],
    [
      `${RULE}.matches[0].method`,
      [],
      [
        { type: 'RegularExpression', service: '(' },
        { type: 'RegularExpression', method: '(' },
      ],
    ],
    [`${RULE}.matches[0].method`, [], [{ type: 'Prefix', service: 'a' }], `${RULE}.matches[0].method.type`],
    ...TEXT_MATCH(`${RULE}.matches[0].headers[0]`),
  ]);
});

t.test('a backend is a port of a Service with a share', async (t) => {
  const backend = `${RULE}.backendRefs[0]`;
  asksValues(t, 'HTTPRoute', route({ backendRefs: [{ name: 'api', port: 80 }] }), [
    [`${backend}.weight`, [0, 1, 1_000_000], [-1, 1_000_001, 0.5, '1']],
    [`${backend}.port`, [1, 65_535], [0, 65_536, undefined], backend],
    [`${backend}.kind`, ['Service', undefined], ['Secret'], backend],
    [`${backend}.group`, ['', 'core'], ['example.com'], backend],
    [`${backend}.namespace`, ['shop'], [5], backend],
    [`${backend}.name`, [], ['', undefined]],
    [`${backend}.filters[0]`, [{ type: 'RequestHeaderModifier', requestHeaderModifier: {} }], []],
    [`${backend}.filters[0]`, [], [{ type: 'ExtensionRef', extensionRef: {} }]],
    [`${backend}.filters[0].type`, [], [undefined]],
  ]);
});

t.test('times and retries of a rule are within bounds', async (t) => {
  asksValues(t, 'HTTPRoute', route({}), [
    [`${RULE}.timeouts.request`, ...DURATION],
    [`${RULE}.timeouts.backendRequest`, ...DURATION],
    [
      `${RULE}.timeouts`,
      [
        { request: '1s', backendRequest: '1s' },
        { request: '0s', backendRequest: '1s' },
      ],
      [],
    ],
    [`${RULE}.timeouts`, [], [{ request: '1s', backendRequest: '1001ms' }], `${RULE}.timeouts.backendRequest`],
    [`${RULE}.retry.attempts`, [1, 100], [0, -1, 1.5]],
    [`${RULE}.retry.backoff`, ...DURATION],
    [`${RULE}.retry.codes`, [[400, 599]], []],
    [`${RULE}.retry.codes[0]`, [], [399, 600, 500.5, '500']],
  ]);
  asksValues(t, 'GRPCRoute', route({}), [
    [`${RULE}.timeouts`, [], [{ request: '1s' }]],
    [`${RULE}.retry`, [], [{ attempts: 1 }]],
  ]);
});

t.test('a filter says what it does, once, and only what it can', async (t) => {
  const filter = `${RULE}.filters[0]`;
  const one = (type: string, field: string, fields: object | undefined) => ({ type, [field]: fields });
  const cors = (fields: object) => one('CORS', 'cors', fields);
  const rewrite = (fields: object) => one('URLRewrite', 'urlRewrite', fields);
  const redirect = (fields: object) => one('RequestRedirect', 'requestRedirect', fields);
  const change = (fields: object) => one('RequestHeaderModifier', 'requestHeaderModifier', fields);
  const mirror = (fields: object) =>
    one('RequestMirror', 'requestMirror', { backendRef: { name: 'b', port: 80 }, ...fields });
  asksValues(t, 'HTTPRoute', route({}), [
    [filter, [change({ set: [{ name: 'x-a', value: '' }], add: [{ name: 'x-a', value: 'b' }], remove: ['x-b'] })], []],
    [
      filter,
      [],
      [change({ set: [{ name: 'content-length', value: '1' }] })],
      `${filter}.requestHeaderModifier.set[0].name`,
    ],
    [filter, [], [change({ add: [{ name: 'a b', value: '1' }] })], `${filter}.requestHeaderModifier.add[0].name`],
    [filter, [], [change({ add: [{ name: 'x-a' }] })], `${filter}.requestHeaderModifier.add[0].value`],
    [
      filter,
      [change({ set: [{ name: 'x-a', value: 'ü b' }] }), change({ set: [{ name: 'Host', value: 'b:80' }] })],
      [],
    ],
    [
      filter,
      [],
      ['a\nb', 'v\n', '\0'].map((value) => change({ set: [{ name: 'x-a', value }] })),
      `${filter}.requestHeaderModifier.set[0].value`,
    ],
    [
      filter,
      [],
      ['a b', ''].map((value) => change({ set: [{ name: 'Host', value }] })),
      `${filter}.requestHeaderModifier.set[0].value`,
    ],
    [
      filter,
      [],
      ['Content-Length', 'Host', 'a b'].map((name) => change({ remove: [name] })),
      `${filter}.requestHeaderModifier.remove[0]`,
    ],
    [filter, [], [rewrite({ hostname: 'a b' }), rewrite({ hostname: 'a:80' })], `${filter}.urlRewrite.hostname`],
    [
      filter,
      [],
      ['foo/bar', '/a b', ''].map((text) => rewrite({ path: { type: 'ReplaceFullPath', replaceFullPath: text } })),
      `${filter}.urlRewrite.path.replaceFullPath`,
    ],
    [
      filter,
      [],
      [rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: 'b' } })],
      `${filter}.urlRewrite.path.replacePrefixMatch`,
    ],
    [filter, [], [redirect({ hostname: 'a/b' })], `${filter}.requestRedirect.hostname`],
    [
      filter,
      [],
      [redirect({ path: { type: 'ReplaceFullPath', replaceFullPath: 'foo/bar' } })],
      `${filter}.requestRedirect.path.replaceFullPath`,
    ],
    [filter, [], [cors({ allowMethods: ['A B'] })], `${filter}.cors.allowMethods[0]`],
    [filter, [], [cors({ allowHeaders: ['a,b'] })], `${filter}.cors.allowHeaders[0]`],
    [filter, [], [cors({ exposeHeaders: ['a\n'] })], `${filter}.cors.exposeHeaders[0]`],
    [`${RULE}.filters`, [], [[change({ set: [{ name: 'host', value: 'b' }] }), rewrite({ hostname: 'c' })]]],
    [filter, [], [{ type: 'RequestHeaderModifier' }], `${filter}.requestHeaderModifier`],
    [filter, [], [{ type: 'ExtensionRef', extensionRef: {} }]],
    [`${RULE}.filters`, [[change({}), one('ResponseHeaderModifier', 'responseHeaderModifier', {})]], []],
    [`${RULE}.filters`, [], [[change({}), change({})]], `${RULE}.filters[1]`],
    [`${RULE}.filters`, [[mirror({}), mirror({})]], [[redirect({}), rewrite({ hostname: 'a' })]]],
    [filter, [rewrite({ hostname: 'a' }), rewrite({ path: { type: 'ReplaceFullPath', replaceFullPath: '/' } })], []],
    [filter, [rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '' } })], []],
    [filter, [], [rewrite({})], `${filter}.urlRewrite`],
    [
      filter,
      [],
      [{ type: 'ReplaceFullPath' }, { type: 'ReplacePrefixMatch', replaceFullPath: '/' }, { replaceFullPath: '/' }].map(
        (path) => rewrite({ path }),
      ),
      `${filter}.urlRewrite.path`,
    ],
    [
      filter,
      [redirect({}), redirect({ scheme: 'https', hostname: 'a', port: 65_535 }), redirect({ scheme: 'http', port: 1 })],
      [],
    ],
    [filter, [301, 302, 303, 307, 308].map((statusCode) => redirect({ statusCode })), []],
    [
      filter,
      [],
      [300, 304, 306, 309].map((statusCode) => redirect({ statusCode })),
      `${filter}.requestRedirect.statusCode`,
    ],
    [filter, [], [redirect({ scheme: 'ftp' })], `${filter}.requestRedirect.scheme`],
    [filter, [], [0, 65_536].map((port) => redirect({ port })), `${filter}.requestRedirect.port`],
    [
      filter,
      [mirror({}), mirror({ percent: 0 }), mirror({ percent: 100 }), mirror({ fraction: { numerator: 1 } })],
      [],
    ],
    [filter, [], [-1, 101].map((percent) => mirror({ percent })), `${filter}.requestMirror`],
    [
      filter,
      [],
      [{ numerator: 101 }, { numerator: 2, denominator: 1 }, {}].map((fraction) => mirror({ fraction })),
      `${filter}.requestMirror`,
    ],
    [filter, [], [mirror({ backendRef: { name: 'b' } })], `${filter}.requestMirror.backendRef`],
    [
      filter,
      [],
      [mirror({ backendRef: { name: 'b', port: 80, weight: 1 } })],
      `${filter}.requestMirror.backendRef.weight`,
    ],
    [filter, [cors({}), cors({ allowOrigins: ['*'], maxAge: 1, allowCredentials: true })], []],
    [filter, [], [0, 1.5, '5'].map((maxAge) => cors({ maxAge })), `${filter}.cors.maxAge`],
  ]);
});
