import t from 'tap';

import type { Filters } from '../../api/filters.ts';
import type { Route } from '../../api/routing.ts';
import type { RequestHead } from '../http.ts';
import { compilePathRewrite } from '../routing/path-rewrite.ts';
import { FilterChain, filtersOf } from './filter-chain.ts';
import type { HeaderContext } from './header-change.ts';

const head: RequestHead = {
  method: 'GET',
  scheme: 'http',
  authority: 'api.default:8080',
  path: '/v1/users?page=2',
  protocol: '',
  fields: ['X-One', '1', 'x-two', '2'],
  version: 'HTTP/1.1',
};
const context: HeaderContext = { head, client: '10.0.0.9:4711', route: 'users' };

const forward = (filters: Filters, of = head) => new FilterChain(filters).forward(of, { ...context, head: of });

t.test('headers are removed, set and added, whatever their case', async (t) => {
  const { fields } = forward({
    requestHeaders: {
      set: [{ name: 'x-one', value: 'new' }],
      add: [{ name: 'x-two', value: 'more' }],
      remove: ['x-three'],
    },
  });
  t.same(fields, ['x-two', '2', 'x-one', 'new', 'x-two', 'more']);
  t.same(forward({ requestHeaders: { remove: ['x-one', 'x-two'] } }).fields, []);
});

t.test('header values are put together from what is known of the request', async (t) => {
  const value = [
    'from ',
    { variable: 'client-ip' },
    ' of ',
    { variable: 'client-address' },
    ' ',
    { requestHeader: 'x-one' },
    { requestHeader: ':path' },
    { requestHeader: 'absent' },
    ' ',
    { variable: 'protocol' },
    ' ',
    { variable: 'route' },
  ] as const;
  const { fields } = forward({ requestHeaders: { set: [{ name: 'x-all', value }] } });
  t.equal(fields.at(-1), 'from 10.0.0.9 of 10.0.0.9:4711 1/v1/users?page=2 HTTP/1.1 users');
});

t.test('the backend’s own header rules hold where both say the same', async (t) => {
  const route = {
    filters: {
      requestHeaders: {
        set: [
          { name: 'x-a', value: 'route' },
          { name: 'x-b', value: 'route' },
        ],
      },
    },
  } as unknown as Route;
  const alternative = {
    backend: '',
    weight: 1,
    filters: { requestHeaders: { set: [{ name: 'x-b', value: 'backend' }] } },
  };
  const chain = filtersOf(route, alternative)!;
  t.same(chain.forward({ ...head, fields: [] }, context).fields, ['x-a', 'route', 'x-b', 'backend']);
  t.equal(filtersOf(route, alternative), chain, 'compiled once');
  t.equal(filtersOf({ ...route, filters: undefined } as unknown as Route, null), null);
});

t.test('the same head is rewritten once, unless a value varies', async (t) => {
  const constant = new FilterChain({ requestHeaders: { set: [{ name: 'x', value: 'y' }] } });
  t.equal(constant.forward(head, context), constant.forward(head, context));
  const varying = new FilterChain({ requestHeaders: { set: [{ name: 'x', value: [{ variable: 'client-ip' }] }] } });
  t.not(varying.forward(head, context), varying.forward(head, context));
});

t.test('paths and authorities are rewritten; the query stays', async (t) => {
  const segments = (strip: string, replacement: string) =>
    compilePathRewrite({ prefix: { strip, replacement, isSegments: true } });
  t.equal(segments('/v1', '/v2')('/v1/users?page=2'), '/v2/users?page=2');
  t.equal(segments('/v1', '/')('/v1/users'), '/users');
  t.equal(segments('/v1/', '/v2/')('/v1'), '/v2');
  t.equal(segments('/v1', '/')('/v1'), '/');
  const plain = compilePathRewrite({ prefix: { strip: '/v1/', replacement: '/', isSegments: false } });
  t.equal(plain('/v1/users'), '/users');
  t.equal(compilePathRewrite({ full: '/x' })('/v1?a=b'), '/x?a=b');
  const regex = compilePathRewrite({ regex: { pattern: '^/v1/(\\w+)', substitution: '/$\\1/v2' } });
  t.equal(regex('/v1/users?v1=/v1/x'), '/$users/v2?v1=/v1/x');
  t.match(forward({ rewrite: { authority: 'other', path: { full: '/' } } }), { authority: 'other', path: '/?page=2' });
});

t.test('a redirect says where to go', async (t) => {
  const location = (redirect: Filters['redirect']) =>
    new FilterChain({ redirect: redirect! }).ownAnswer(head, 80, context)!.head.fields[1];
  t.equal(location({ status: 302 }), 'http://api.default:8080/v1/users?page=2');
  t.equal(location({ status: 302, scheme: 'https' }), 'https://api.default/v1/users?page=2');
  t.equal(location({ status: 302, scheme: 'https', port: 443 }), 'https://api.default/v1/users?page=2');
  t.equal(location({ status: 302, scheme: 'https', port: 'request' }), 'https://api.default:8080/v1/users?page=2');
  t.equal(location({ status: 302, host: 'example.com', port: 80 }), 'http://example.com/v1/users?page=2');
  const path = { prefix: { strip: '/v1', replacement: '/v2', isSegments: true } };
  t.equal(location({ status: 302, path }), 'http://api.default:8080/v2/users?page=2');
});

t.test('a direct response has its body and the headers of the route', async (t) => {
  const chain = new FilterChain({
    respond: { status: 410, body: Buffer.from('gone').toString('base64') },
    responseHeaders: { set: [{ name: 'x-by', value: 'route' }] },
  });
  const answer = chain.ownAnswer(head, 80, context)!;
  t.equal(answer.body.toString(), 'gone');
  t.same(answer.head, { status: 410, fields: ['content-length', '4', 'content-type', 'text/plain', 'x-by', 'route'] });
  const bare = new FilterChain({ respond: { status: 204, body: '' } }).ownAnswer(head, 80, context)!;
  t.same([bare.head, bare.body.length], [{ status: 204, fields: ['content-length', '0'] }, 0], 'no body has no type');
});

t.test('cross-origin requests', async (t) => {
  const cors: Filters['cors'] = {
    origins: [{ exact: 'https://a.example' }, { regex: 'https://.*\\.b\\.example' }],
    methods: ['GET', 'PUT'],
    requestHeaders: ['x-token'],
    exposedHeaders: ['x-page'],
    maxAge: 600,
    hasCredentials: true,
    forwardsUnmatched: true,
  };
  const preflight = (origin: string, method = 'OPTIONS') => ({
    ...head,
    method,
    fields: ['Origin', origin, 'Access-Control-Request-Method', 'PUT'],
  });
  const chain = new FilterChain({ cors });
  t.same(chain.preflight(preflight('https://x.b.example'))?.head.fields, [
    'access-control-allow-origin',
    'https://x.b.example',
    'access-control-allow-credentials',
    'true',
    'vary',
    'origin',
    'access-control-allow-methods',
    'GET,PUT',
    'access-control-allow-headers',
    'x-token',
    'access-control-max-age',
    '600',
    'content-length',
    '0',
  ]);
  t.equal(chain.preflight(preflight('https://evil.example')), null, 'goes to the application');
  t.equal(chain.preflight(preflight('https://a.example', 'GET')), null, 'is no preflight');
  const strict = new FilterChain({ cors: { ...cors, forwardsUnmatched: false } });
  t.same(strict.preflight(preflight('https://evil.example'))?.head.fields, ['content-length', '0']);
  const answered = (origin: string) =>
    chain.answerFields(['Access-Control-Allow-Origin', '*', 'x', 'y'], {
      ...context,
      head: { ...head, fields: ['origin', origin] },
    });
  t.same(answered('https://a.example').slice(0, 4), ['x', 'y', 'access-control-allow-origin', 'https://a.example']);
  t.same(answered('https://evil.example'), ['Access-Control-Allow-Origin', '*', 'x', 'y']);
});

t.test('texts of manifests are written in UTF-8, one character an octet as heads have them', async (t) => {
  const { fields } = forward({
    requestHeaders: {
      set: [{ name: 'x-a', value: 'ü€' }],
      add: [{ name: 'x-b', value: ['日', { requestHeader: 'x-one' }] }],
    },
  });
  const octets = (text: string) => Buffer.from(text).toString('latin1');
  t.same(fields.slice(-4), ['x-a', octets('ü€'), 'x-b', octets('日1')]);
  const chain = new FilterChain({ responseHeaders: { set: [{ name: 'x-a', value: 'ü' }] } });
  t.same(chain.answerFields([], context), ['x-a', octets('ü')]);
});

t.test('the name of a route ends no header', async (t) => {
  const set = [{ name: 'x-route', value: [{ variable: 'route' }] }] as const;
  const chain = new FilterChain({ requestHeaders: { set } });
  t.same(chain.forward(head, { ...context, route: 'a\r\nb\0ü' }).fields.at(-1), 'a  b \xc3\xbc');
});

t.test(
  'a path that is rewritten begins with a slash, and keeps the query unless the new one has its own',
  async (t) => {
    const regex = compilePathRewrite({ regex: { pattern: '^/a/?', substitution: '' } });
    t.equal(regex('/a/b?c=d'), '/b?c=d');
    const prefix = compilePathRewrite({ prefix: { strip: '/a', replacement: '', isSegments: false } });
    t.equal(prefix('/a/b'), '/b');
    t.equal(prefix('/ab'), '/b');
    t.equal(compilePathRewrite({ full: '/b?e=f' })('/a?c=d'), '/b?e=f');
    t.equal(compilePathRewrite({ full: '/b' })('/a?c=d'), '/b?c=d');
  },
);
