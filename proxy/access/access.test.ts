import t from 'tap';

import type { AccessCondition, AccessLayer, MutualTlsMode, PodAccess } from '../../api/access-policy.ts';
import { Access, decidedBy } from './access.ts';
import { attributesOf } from './client-attributes.ts';

const DEFAULT: MutualTlsMode = { mode: 'permissive', origin: 'default' };
const STRICT: MutualTlsMode = { mode: 'strict', origin: 'PeerAuthentication/default/all' };
const ALWAYS: AccessCondition = { all: [] };
const facts = {
  client: attributesOf({ identity: 'web', spiffe: 'spiffe://td/ns/default/sa/web' }),
  address: '10.0.0.1',
  port: 80,
  serverName: '',
  request: { method: 'GET', path: '/', authority: '', scheme: 'http', fields: [] },
};
const access = (...layers: readonly AccessLayer[]) => new Access({ mutualTls: DEFAULT, layers });
const letsIn = (origin: string): AccessLayer => ({ deny: [], allow: [{ when: ALWAYS, origin, path: 'spec' }], origin });
const refuses = (origin: string): AccessLayer => ({ deny: [], allow: [], origin });

t.test('demands nothing of anybody where nobody has said anything', async (t) => {
  t.equal(Access.OPEN.hasRules, false);
  t.same(Access.OPEN.mutualTls(80), DEFAULT);
  t.match(Access.OPEN.judge(facts, 'requests'), { verdict: 'allowed', origin: '' });
});

t.test('a port may differ from the pod', async (t) => {
  const config: PodAccess = { mutualTls: STRICT, mutualTlsPorts: { 9090: DEFAULT }, layers: [] };
  t.equal(new Access(config).mutualTls(80), STRICT);
  t.equal(new Access(config).mutualTls(9090), DEFAULT);
});

t.test('every layer has to let a client in', async (t) => {
  t.match(access(letsIn('a'), letsIn('b')).judge(facts, 'requests'), { verdict: 'allowed', rule: { origin: 'b' } });
  t.match(access(letsIn('a'), refuses('b')).judge(facts, 'requests'), { verdict: 'denied', rule: null, origin: 'b' });
  t.match(access(refuses('a'), letsIn('b')).judge(facts, 'requests'), { verdict: 'denied', rule: null, origin: 'a' });
});

t.test('what is not known of one layer does not hide that another refuses', async (t) => {
  const asks: AccessLayer = {
    deny: [],
    allow: [{ when: { request: { method: { exact: 'GET' } } }, origin: 'asks' }],
    origin: 'asks',
  };
  t.equal(access(asks, letsIn('b')).judge({ ...facts, request: null }, 'requests').verdict, 'unknown');
  t.equal(access(asks, refuses('b')).judge({ ...facts, request: null }, 'requests').verdict, 'denied');
});

t.test('a layer that cannot be judged by lets nobody in, and says why', async (t) => {
  const broken = access(letsIn('a'), { ...letsIn('b'), deny: [{ when: { moon: 1 } as never, origin: 'b' }] });
  t.match(broken.judge(facts, 'requests'), {
    verdict: 'denied',
    origin: /^b \(cannot be judged by: knows no condition moon/,
  });
  t.match(broken.faults, ['b: knows no condition moon']);
});

t.test('names what decided', async (t) => {
  t.equal(decidedBy(access(letsIn('a')).judge(facts, 'requests')), 'a spec');
  t.equal(decidedBy(access(refuses('b')).judge(facts, 'requests')), 'b');
  t.equal(decidedBy(Access.OPEN.judge(facts, 'requests')), '');
});
