import t from 'tap';

import type { RequestHead } from '../http.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { answerOf, endpointFields, endpointHead } from './endpoint-head.ts';
import type { Target } from './target.ts';

type Kind = Pick<EndpointClient, 'tls' | 'keepsCase' | 'hasWeftProxy' | 'isLoopback' | 'upgrades'>;

const TLS = { identity: 'api', mode: 'transparent', inboundPort: 4143 } as const;
const WEFT: Kind = {
  tls: { ...TLS, mesh: 'weft' },
  keepsCase: true,
  hasWeftProxy: true,
  isLoopback: false,
  upgrades: false,
};
const LINKERD: Kind = { ...WEFT, tls: { ...TLS, mesh: 'linkerd' }, keepsCase: false, hasWeftProxy: false };
const PLAIN: Kind = { tls: null, keepsCase: false, hasWeftProxy: false, isLoopback: false, upgrades: false };
const UPGRADING: Kind = { ...PLAIN, upgrades: true };
const LOOPBACK: Kind = { ...PLAIN, isLoopback: true, hasWeftProxy: true };

const client = (kind: Kind) => ({ ...kind, lastHead: null, lastRewritten: null }) as unknown as EndpointClient;
const target = (kind: 'service' | 'pod' = 'service') =>
  ({ description: { kind, name: 'api.default.svc.cluster.local', port: 80 } }) as unknown as Target;
const CANONICAL = ['l5d-dst-canonical', 'api.default.svc.cluster.local:80'];

const HTTP1: RequestHead = {
  method: 'GET',
  scheme: '',
  authority: 'api',
  path: '/',
  protocol: '',
  version: 'HTTP/1.1',
  fields: ['X-One', '1'],
};
const HTTP2: RequestHead = { ...HTTP1, scheme: 'https', version: '', fields: ['x-one', '1'] };

t.test('HTTP/1.1 goes to a proxy as HTTP/2, which says what it was', async (t) => {
  const ours = endpointHead(client(WEFT), HTTP1, target());
  t.same(ours, {
    ...HTTP1,
    scheme: 'http',
    version: '',
    fields: ['X-One', '1', 'l5d-orig-proto', 'HTTP/1.1', ...CANONICAL],
  });
  const theirs = endpointHead(client(LINKERD), HTTP1, target());
  t.same(
    theirs.fields,
    ['x-one', '1', 'l5d-orig-proto', 'HTTP/1.1', ...CANONICAL],
    'whose names are lower case for another mesh’s',
  );
});

t.test('HTTP/2 goes to a proxy as it is, with its scheme', async (t) => {
  t.same(endpointHead(client(WEFT), HTTP2, target()), { ...HTTP2, fields: ['x-one', '1', ...CANONICAL] });
});

t.test('an upgrade says its method, where that is not GET', async (t) => {
  const upgrade = (method: string) =>
    endpointHead(client(WEFT), { ...HTTP1, method, protocol: 'websocket' }, target()).fields.slice(4);
  t.same(upgrade('GET'), CANONICAL);
  t.same(upgrade('POST'), ['weft-upgrade-method', 'POST', ...CANONICAL]);
  t.same(endpointHead(client(WEFT), { ...HTTP1, method: 'POST' }, target()).fields.slice(4), CANONICAL, 'no upgrade');
});

t.test('only a Service is named to a proxy', async (t) => {
  t.same(endpointHead(client(WEFT), HTTP2, target('pod')).fields, ['x-one', '1']);
});

t.test('a server without a proxy gets what the application said', async (t) => {
  t.same(endpointHead(client(PLAIN), HTTP1, target()), HTTP1);
  t.same(endpointHead(client(PLAIN), HTTP2, target()), HTTP2);
  t.same(
    endpointHead(client(LOOPBACK), HTTP1, target()).fields,
    ['X-One', '1', ...CANONICAL],
    'this pod’s own, the name too',
  );
});

t.test('a server that a rule upgrades gets HTTP/2', async (t) => {
  const upgraded = endpointHead(client(UPGRADING), HTTP1, target());
  t.same(upgraded, { ...HTTP1, scheme: 'http', version: '', fields: ['x-one', '1'] });
  t.equal(endpointHead(client(UPGRADING), { ...HTTP1, scheme: 'https' }, target()).scheme, 'https');
  t.same(endpointHead(client(UPGRADING), HTTP2, target()), HTTP2);
});

t.test('nobody but the proxies says what only they may', async (t) => {
  const forged = { ...HTTP1, fields: ['L5d-Orig-Proto', 'HTTP/1.0', 'l5d-dst-canonical', 'other:80', 'X-One', '1'] };
  t.same(endpointHead(client(PLAIN), forged, target()).fields, ['X-One', '1']);
  const answer = { status: 200, fields: ['weft-proxy-error', 'unexpected', 'a', '1'] };
  t.same(answerOf(client(PLAIN), answer), { status: 200, fields: ['a', '1'] });
  t.equal(answerOf(client(WEFT), answer), answer);
});

t.test('a head that is shared is rewritten once for an endpoint', async (t) => {
  const one = client(WEFT);
  const first = endpointHead(one, HTTP1, target());
  t.equal(endpointHead(one, HTTP1, target()), first);
  t.not(endpointHead(one, { ...HTTP1 }, target()), first);
  t.not(endpointHead(client(WEFT), HTTP1, target()), first);
});

t.test('fields keep their case where HTTP/1.1 or a proxy of ours reads them', async (t) => {
  const fields = ['X-One', '1'];
  const lower = ['x-one', '1'];
  t.same(endpointFields(client(WEFT), 'HTTP/1.1', fields), fields);
  t.same(endpointFields(client(PLAIN), 'HTTP/1.1', fields), fields);
  t.same(endpointFields(client(LINKERD), 'HTTP/1.1', fields), lower);
  t.same(endpointFields(client(UPGRADING), 'HTTP/1.1', fields), lower);
  t.same(endpointFields(client(WEFT), '', fields), lower, 'of HTTP/2 there is none to keep');
});
