import t from 'tap';

import type { AccessLayer, AccessRule, PodAccess } from '../../api/access-policy.ts';
import type { InboundPolicy, InboundPort } from '../../api/routing.ts';
import { IpNetworks } from '../../core/config/ip-networks.ts';
import { Access } from './access.ts';
import { attributesOf } from './client-attributes.ts';
import type { AccessFacts } from './condition.ts';
import { PortAccess } from './port-access.ts';
import { type Demands, verdictOf } from './verdict.ts';

const WEB = { identity: 'web.default', spiffe: 'spiffe://td/ns/default/sa/web' };
const STRANGER = { identity: '', spiffe: '' };
const POD: PodAccess = { mutualTls: { mode: 'permissive', origin: 'default' }, layers: [] };
const isWeb: AccessRule['when'] = { client: 'identity', value: { exact: 'web.default' } };
const rule = (origin: string, when: AccessRule['when'] = { all: [] }): AccessRule => ({ when, origin });
const layer = (more: Partial<AccessLayer>): AccessLayer => ({ deny: [], allow: null, origin: 'policies', ...more });

interface Said {
  readonly mode?: InboundPolicy['mode'];
  readonly port?: Pick<InboundPort, 'authorizations' | 'accessRoutes'>;
  readonly pod?: Partial<PodAccess>;
}

const demands = ({ mode = 'all-unauthenticated', port = {}, pod = {} }: Said): Demands => ({
  policy: { mode, origin: 'Server/default/api' },
  port: new PortAccess(port),
  pod: new Access({ ...POD, ...pod }),
  networks: new IpNetworks(['10.0.0.0/8']),
});

/** What becomes of a request. */
function request(
  said: Said,
  names = WEB,
  { path = '/', isLocal = false, ...more }: Partial<AccessFacts> & { path?: string; isLocal?: boolean } = {},
) {
  const facts = {
    client: attributesOf(names),
    address: '10.0.0.1',
    port: 8080,
    serverName: '',
    request: { method: 'GET', path, authority: 'api', scheme: 'http', fields: [] },
    ...more,
  };
  return verdictOf(demands(said), { identity: names.identity, isLocal, facts }, 'requests');
}

t.test('nothing demanded: let in, by the policy of the port', async (t) => {
  t.same(request({}, STRANGER), {
    verdict: 'allowed',
    refusal: 'answer',
    why: '',
    decider: { kind: 'policy', mode: 'all-unauthenticated' },
  });
});

t.test('an identity that is demanded comes before all else', async (t) => {
  const pod = { mutualTls: { mode: 'strict', origin: 'PeerAuthentication/default/all' } } as const;
  t.match(request({ pod }, STRANGER), {
    verdict: 'denied',
    refusal: 'reset',
    decider: { kind: 'object', origin: 'PeerAuthentication/default/all' },
  });
  t.equal(request({ pod }).verdict, 'allowed');
  t.equal(request({ pod }, STRANGER, { isLocal: true }).verdict, 'allowed', 'which the pod itself need not show');
  const mutualTlsPorts = { 8080: { mode: 'permissive', origin: 'x' } } as const;
  t.equal(request({ pod: { ...pod, mutualTlsPorts } }, STRANGER).verdict, 'allowed', 'nor who asks for a port without');
});

t.test('whom the port’s own policy refuses, an authorization may let in', async (t) => {
  const said = { mode: 'deny', port: { authorizations: [rule('AuthorizationPolicy/default/web', isWeb)] } } as const;
  t.match(request(said), {
    verdict: 'allowed',
    why: 'AuthorizationPolicy/default/web',
    decider: { kind: 'object', origin: 'AuthorizationPolicy/default/web' },
  });
  t.match(request(said, STRANGER), { verdict: 'denied', refusal: 'answer', decider: { kind: 'policy', mode: 'deny' } });
  t.match(request(said, STRANGER, { isLocal: true }), { verdict: 'allowed' }, 'and the pod itself is always');
});

t.test('a request of no route is not found, one of a route may be let in by what is for that', async (t) => {
  const route = {
    name: 'a',
    when: { path: { segments: '/a' } },
    authorizations: [rule('AuthorizationPolicy/default/of-a', isWeb)],
    origin: 'HTTPRoute/default/a',
  };
  const said = { mode: 'deny', port: { accessRoutes: [route] } } as const;
  t.match(request(said, WEB, { path: '/b' }), {
    verdict: 'denied',
    refusal: 'not-found',
    why: 'GET /b is of no route of Server/default/api',
  });
  t.match(request(said, WEB, { path: '/a/x' }), { verdict: 'allowed', why: 'AuthorizationPolicy/default/of-a' });
  t.match(request(said, STRANGER, { path: '/a' }), { verdict: 'denied', refusal: 'answer' });
});

t.test('after the port every layer has to let a client in, the pod itself too', async (t) => {
  const said = {
    pod: { layers: [layer({ allow: [rule('AuthorizationPolicy/default/x', isWeb)], origin: 'all of them' })] },
  };
  t.match(request(said), { verdict: 'allowed', decider: { origin: 'AuthorizationPolicy/default/x' } });
  t.match(request(said, STRANGER), {
    verdict: 'denied',
    why: 'no rule of all of them lets a client without an identity in',
    decider: { kind: 'no-rule' },
  });
  t.match(request(said, STRANGER, { isLocal: true }), { why: 'no rule of all of them lets the pod itself in' });
  t.match(request({ ...said, mode: 'deny' }), { verdict: 'denied', decider: { kind: 'policy' } });
  const refusing = { pod: { layers: [layer({ deny: [rule('AuthorizationPolicy/default/no')] })] } };
  t.match(request(refusing), { verdict: 'denied', why: 'AuthorizationPolicy/default/no refuses web.default' });
});

t.test('says so where it depends on what is not known', async (t) => {
  t.equal(request({ mode: 'cluster-unauthenticated' }, WEB, { address: null }).verdict, 'unknown');
  const byName = { pod: { layers: [layer({ allow: [rule('x', isWeb)] })] } };
  t.equal(request(byName, WEB, { client: null }).verdict, 'unknown');
  const authorized = { mode: 'deny', port: { authorizations: [rule('x', isWeb)] } } as const;
  t.equal(request(authorized, WEB, { client: null }).verdict, 'unknown');
});

t.test('a path is judged by each of its readings, where rules look at requests at all', async (t) => {
  const admin = { request: { path: { prefix: '/admin' } } };
  const said = { pod: { layers: [layer({ deny: [rule('AuthorizationPolicy/default/no', admin)] })] } };
  t.match(request(said, WEB, { path: '/x/..%2fadmin' }), {
    verdict: 'denied',
    why: 'AuthorizationPolicy/default/no refuses web.default, if its path is read as /admin',
  });
  t.match(request(said, WEB, { path: '/x%00' }), { verdict: 'denied', why: /octet 0/ });
  t.equal(request({}, WEB, { path: '/x%00' }).verdict, 'allowed');
});
