import t from 'tap';

import type { CallerEntry, CallersPage } from '../../api/callers-page.ts';
import {
  deployment,
  istioSecurity as istio,
  linkerdPolicy as linkerd,
  namespace,
  pod,
  server,
} from '../../destination/testing/manifests.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { stateOf } from '../state/testing/state-of.ts';
import { askProxies } from './ask-proxies.ts';
import { generatePolicies } from './generate.ts';
import { judgeCaller } from './judge-caller.ts';
import { plaintextCallers, unmeshedWorkloads } from './mutual-tls.ts';
import { observedCallers } from './observed.ts';

const LAST = '2026-11-29T12:00:00.000Z';

/** A caller of `api`, by its account; `at`: one that proves nothing, from an address. */
function caller(who: string | { at: string }, more: Partial<CallerEntry> = {}): CallerEntry {
  const isProved = typeof who === 'string';
  return {
    identity: isProved ? `${who}.default.serviceaccount.identity.weft.cluster.local` : '',
    spiffe: isProved ? `spiffe://cluster.local/ns/default/sa/${who}` : '',
    address: isProved ? '' : who.at,
    isLocal: false,
    port: 8080,
    carried: 'http',
    method: 'GET',
    route: '',
    isProbe: false,
    count: 1,
    refused: 0,
    last: LAST,
    ...more,
  };
}

const page = (...callers: CallerEntry[]): CallersPage => ({ since: LAST, dropped: 0, callers });
const API = pod('api-0', '10.0.0.1');
const WEB = pod('web-0', '10.0.0.2', { meshed: false, labels: { app: 'web' } });

const seenBy = (state: MeshState, ...callers: CallerEntry[]) =>
  observedCallers(state, [{ namespace: 'default', pod: 'api-0', page: page(...callers) }]);

function verdict(files: readonly object[], entry: CallerEntry) {
  const { cluster, domain } = stateOf({ 'a.yaml': [API, ...files] });
  const config = inboundConfig({ cluster, domain, complain: () => {} }, cluster.get('Pod', 'default', 'api-0')!);
  return judgeCaller(config, entry);
}

const allow = (...rules: object[]) => istio('AuthorizationPolicy', 'api', { rules });
const from = (account: string) => ({ source: { principals: [`cluster.local/ns/default/sa/${account}`] } });

t.test('a caller is judged by what is kept of it', async (t) => {
  t.match(verdict([], caller('web')), { verdict: 'allowed', by: 'all-unauthenticated' });
  const web = [allow({ from: [from('web')] })];
  t.match(verdict(web, caller('web')), {
    verdict: 'allowed',
    by: /^AuthorizationPolicy\/default\/api spec\.rules\[0\]/,
  });
  t.match(verdict(web, caller('worker')), { verdict: 'denied', why: /no rule of .* lets worker/ });
  t.match(verdict(web, caller({ at: '10.0.0.2' })), { verdict: 'denied' });
  t.match(verdict(web, caller('worker', { isProbe: true })), { verdict: 'allowed', by: 'probe' });
});

t.test('what a method decides is decided; what a path or a header does is not known', async (t) => {
  const reads = [allow({ from: [from('web')], to: [{ operation: { methods: ['GET'] } }] })];
  t.match(verdict(reads, caller('web')), { verdict: 'allowed' });
  t.match(verdict(reads, caller('web', { method: 'POST' })), { verdict: 'denied' });
  t.match(verdict(reads, caller('web', { method: '' })), { verdict: 'unknown' }, 'a method that nobody keeps');
  const items = [allow({ from: [from('web')], to: [{ operation: { methods: ['GET'], paths: ['/items'] } }] })];
  t.match(verdict(items, caller('web')), { verdict: 'unknown', by: '', why: '' });
  t.match(verdict(items, caller('web', { method: 'POST' })), { verdict: 'denied' });
  t.match(verdict(items, caller('worker')), { verdict: 'denied' });
  const deny = [
    istio('AuthorizationPolicy', 'no', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin'] } }] }] }),
  ];
  t.match(verdict(deny, caller('web')), { verdict: 'unknown' });
});

t.test('octets are judged as octets, and STRICT by whether there is an identity', async (t) => {
  const strict = [istio('PeerAuthentication', 'default', { mtls: { mode: 'STRICT' } })];
  t.match(verdict(strict, caller({ at: '10.0.0.2' }, { carried: 'octets', method: '' })), {
    verdict: 'denied',
    by: 'PeerAuthentication/default/default',
  });
  t.match(verdict(strict, caller('web', { carried: 'octets', method: '' })), { verdict: 'allowed' });
});

t.test('addresses of those that prove nothing are kept, of others not', async (t) => {
  const networks = [allow({ from: [{ source: { ipBlocks: ['10.0.0.0/24'] } }] })];
  t.match(verdict(networks, caller({ at: '10.0.0.2' })), { verdict: 'allowed' });
  t.match(verdict(networks, caller({ at: '10.9.0.2' })), { verdict: 'denied' });
  t.match(verdict(networks, caller('web')), { verdict: 'unknown' });
});

t.test('routes of a Server are told by the method where that is enough', async (t) => {
  const route = (name: string, match: object) => ({
    ...linkerd('HTTPRoute', name, {
      parentRefs: [{ group: 'policy.linkerd.io', kind: 'Server', name: 'api' }],
      rules: [{ matches: [match] }],
    }),
    apiVersion: 'policy.linkerd.io/v1beta3',
  });
  const lets = (kind: string, name: string) => [
    linkerd('MeshTLSAuthentication', name, { identities: ['web.default.serviceaccount.identity.weft.cluster.local'] }),
    linkerd('AuthorizationPolicy', name, {
      targetRef: { group: 'policy.linkerd.io', kind, name },
      requiredAuthenticationRefs: [{ group: 'policy.linkerd.io', kind: 'MeshTLSAuthentication', name }],
    }),
  ];
  const api = server('api', { podSelector: { matchLabels: { app: 'api' } }, port: 8080, accessPolicy: 'deny' });
  const files = [api, route('reads', { method: 'GET' }), ...lets('HTTPRoute', 'reads')];
  t.match(verdict(files, caller('web')), { verdict: 'allowed' });
  t.match(verdict(files, caller('worker')), { verdict: 'denied' });
  t.match(verdict(files, caller('web', { method: 'POST' })), { verdict: 'denied', by: 'no route' });
  const byPath = [
    api,
    route('items', { path: { type: 'PathPrefix', value: '/items' } }),
    ...lets('HTTPRoute', 'items'),
  ];
  t.match(verdict(byPath, caller('web')), { verdict: 'unknown' });
  t.match(verdict(byPath, caller('worker')), { verdict: 'denied' }, 'whatever it asks for');
});

t.test('who has come in the clear is named, with what keeps it from an identity', async (t) => {
  const state = stateOf({ 'a.yaml': [namespace('default'), API, WEB, pod('old-0', '10.0.0.3')] });
  const callers = seenBy(
    state,
    caller('web'),
    caller({ at: '10.0.0.2' }, { count: 3 }),
    caller({ at: '10.0.0.3' }, { port: 9090, carried: 'octets', method: '' }),
    caller({ at: '192.0.2.1' }),
    caller({ at: '10.0.0.9' }, { isProbe: true }),
  );
  const named = (scope: Parameters<typeof plaintextCallers>[2]) =>
    plaintextCallers(state, callers, scope).map(({ client, port }) => `${client} ${port}`);
  const everybody = ['default/pod/web-0 8080', '192.0.2.1 8080', 'default/pod/old-0 9090'];
  t.same(named(null), everybody);
  t.same(named({ namespace: 'default', workload: null, port: null }), everybody);
  t.same(named({ namespace: 'shop', workload: null, port: null }), []);
  t.same(named({ namespace: 'default', workload: 'pod/api-0', port: 9090 }), ['default/pod/old-0 9090']);
  t.same(named({ namespace: 'default', workload: 'pod/api', port: null }), []);
  t.match(
    plaintextCallers(state, callers, null).map(({ why }) => why),
    [/has no proxy/, /no pod of the mesh/, /passes this connection by/],
  );
});

t.test('workloads without a proxy are named, and why', async (t) => {
  const opted = pod('opted-0', '10.0.0.5', { meshed: false, annotations: { 'weft.dev/inject': 'disabled' } });
  const asked = { ...namespace('default'), metadata: { name: 'default', labels: { 'weft.dev/inject': 'enabled' } } };
  const state = stateOf({ 'a.yaml': [asked, namespace('plain'), API, WEB, opted] });
  t.match(unmeshedWorkloads(state, null), [
    { workload: 'default/pod/opted-0', why: /disabled/ },
    { workload: 'default/pod/web-0', why: /restart it/ },
  ]);
  t.same(unmeshedWorkloads(state, 'plain'), []);
});

t.test('the pods of a workload are counted together', async (t) => {
  const owned = (name: string, ip: string) =>
    pod(name, ip, {
      metadata: {
        name,
        namespace: 'default',
        ownerReferences: [{ kind: 'StatefulSet', name: 'api', controller: true }],
      },
    });
  const state = stateOf({ 'a.yaml': [owned('api-0', '10.0.0.1'), owned('api-1', '10.0.0.4')] });
  const seen = observedCallers(state, [
    { namespace: 'default', pod: 'api-0', page: page(caller('web', { count: 2, refused: 1 })) },
    { namespace: 'default', pod: 'api-1', page: page(caller('web', { count: 3, last: '2026-11-29T13:00:00.000Z' })) },
    { namespace: 'default', pod: 'gone-0', page: page(caller('web')) },
  ]);
  t.match(seen, [
    { server: 'default/statefulset/api', entry: { count: 5, refused: 1, last: '2026-11-29T13:00:00.000Z' } },
  ]);
  t.equal(seen.length, 1);
});

for (const dialect of ['istio', 'linkerd'] as const)
  t.test(`what ${dialect} writes lets in what was seen, and nothing that was not`, async (t) => {
    const files = [deployment('api'), API];
    const state = stateOf({ 'a.yaml': files });
    const seen = [
      caller('web'),
      caller('web', { method: 'POST' }),
      caller('worker', { carried: 'octets', method: '', port: 9090 }),
      caller({ at: '10.0.0.2' }),
      caller('thief', { refused: 1 }),
      caller('kubelet', { isProbe: true }),
    ];
    const policies = generatePolicies(state, seenBy(state, ...seen), dialect);
    const told = (entry: CallerEntry) => verdict([deployment('api'), ...policies], entry).verdict;
    for (const entry of seen.slice(0, 4)) t.equal(told(entry), 'allowed', JSON.stringify(entry));
    // Linkerd's networks hold for whoever comes from there, with an identity or without.
    const mayBeThere = ({ identity, method, port }: CallerEntry) =>
      dialect === 'linkerd' && identity !== '' && method === 'GET' && port === 8080;
    for (const entry of [
      caller('thief'),
      caller('stranger'),
      caller('worker'),
      caller('web', { method: 'DELETE' }),
      caller('web', { port: 9090 }),
      caller({ at: '10.0.0.2' }, { method: 'POST' }),
      caller({ at: '10.0.0.3' }),
    ])
      t.equal(told(entry), mayBeThere(entry) ? 'unknown' : 'denied', JSON.stringify(entry));
  });

t.test('nothing is written where nobody was seen', async (t) => {
  const state = stateOf({ 'a.yaml': [API] });
  t.same(generatePolicies(state, seenBy(state, caller('thief', { refused: 1 })), 'istio'), []);
});

t.test('proxies that do not answer are named, and the others are heard', async (t) => {
  const state = stateOf({ 'a.yaml': [API, pod('api-1', '10.0.0.4')] });
  const { observed, unheard } = await askProxies([...state.objects.list('Pod')], async ({ name }) => {
    if (name === 'api-1') throw new Error('forbidden');
    return JSON.stringify(page(caller('web')));
  });
  t.match(observed, [{ pod: 'api-0', page: { callers: [{ count: 1 }] } }]);
  t.same(unheard, [{ namespace: 'default', pod: 'api-1', why: 'forbidden' }]);
});
