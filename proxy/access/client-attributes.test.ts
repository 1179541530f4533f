import t from 'tap';

import { attributesOf, KnownClients } from './client-attributes.ts';

t.test('a workload’s names are taken apart', async (t) => {
  t.same(attributesOf({ identity: 'web.default', spiffe: 'spiffe://cluster.local/ns/default/sa/web' }), {
    identity: 'web.default',
    principal: 'cluster.local/ns/default/sa/web',
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'web',
  });
});

t.test('a workload that has a DNS name alone is of the same namespace as one that has both', async (t) => {
  const identity = 'web.v2.default.serviceaccount.identity.linkerd.cluster.local';
  t.match(attributesOf({ identity, spiffe: '' }), {
    principal: 'cluster.local/ns/default/sa/web.v2',
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'web.v2',
  });
  t.match(attributesOf({ identity: 'web.example', spiffe: '' }), { principal: '', namespace: '' });
});

t.test('a name of another form is of no namespace', async (t) => {
  for (const spiffe of [
    'spiffe://cluster.local/ns/default',
    'spiffe://cluster.local/sa/default/ns/web',
    'spiffe://cluster.local/ns/default/sa/web/more',
    'spiffe://cluster.local/x/default/sa/web',
    'https://cluster.local/ns/default/sa/web',
    '',
  ])
    t.match(attributesOf({ identity: 'web', spiffe }), { identity: 'web', namespace: '', serviceAccount: '' }, spiffe);
});

t.test('all connections of a client share what is known of it', async (t) => {
  const clients = new KnownClients();
  const web = { identity: 'web', spiffe: 'spiffe://td/ns/default/sa/web' };
  t.equal(clients.of({ ...web }), clients.of({ ...web }));
  t.not(clients.of(web), clients.of({ ...web, identity: 'other' }));
  t.equal(clients.of({ ...web, spiffe: 'spiffe://td/ns/other/sa/web' }).namespace, 'other');
  t.equal(clients.of(web).namespace, 'default', 'whatever else has had its name');
});

t.test('beyond a thousand all are forgotten', async (t) => {
  const clients = new KnownClients();
  const of = (n: number) => clients.of({ identity: `web-${n}`, spiffe: '' });
  const first = of(0);
  for (let n = 1; n < 1000; n++) of(n);
  t.equal(of(0), first);
  of(1000);
  t.not(of(0), first);
});
