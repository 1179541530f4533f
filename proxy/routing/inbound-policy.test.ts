import t from 'tap';

import { DEFAULT_INBOUND_POLICIES } from '../../api/names.ts';
import { IpNetworks } from '../../core/config/ip-networks.ts';
import { judge } from './inbound-policy.ts';

const networks = new IpNetworks(['10.0.0.0/8', 'fd00::/8', 'nonsense']);
const inside = { identity: '', spiffe: '', certificateHash: '', address: '10.1.2.3', isLocal: false };
const outside = { ...inside, address: '192.0.2.1' };
const known = (client: typeof inside) => ({ ...client, identity: 'web.default' });

t.test('judges clients by policy, identity and network', async (t) => {
  const verdicts = Object.fromEntries(
    DEFAULT_INBOUND_POLICIES.map((mode) => [
      mode,
      [inside, outside, known(inside), known(outside)].map((client) =>
        judge({ mode, origin: 'test' }, client, networks),
      ),
    ]),
  );
  t.same(verdicts, {
    'all-unauthenticated': ['allowed', 'allowed', 'allowed', 'allowed'],
    'all-authenticated': ['denied', 'denied', 'allowed', 'allowed'],
    'cluster-unauthenticated': ['allowed', 'denied', 'allowed', 'denied'],
    'cluster-authenticated': ['denied', 'denied', 'allowed', 'denied'],
    deny: ['denied', 'denied', 'denied', 'denied'],
    audit: ['audited', 'audited', 'allowed', 'allowed'],
  });
});

t.test('knows the networks of both families', async (t) => {
  t.ok(networks.has('fd45::1'));
  t.notOk(networks.has('2001:db8::1'));
});

t.test('always lets the pod itself in, and nobody under a policy that it does not know', async (t) => {
  t.equal(judge({ mode: 'deny', origin: 'test' }, { ...inside, isLocal: true }, networks), 'allowed');
  t.equal(judge({ mode: 'future' as 'deny', origin: 'test' }, known(inside), networks), 'denied');
});
