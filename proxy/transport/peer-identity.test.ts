import t from 'tap';

import { identityOfNames } from './peer-identity.ts';

const DNS = 'frontend.shop.serviceaccount.identity.weft.cluster.local';
const SPIFFE = 'spiffe://cluster.local/ns/shop/sa/frontend';
const of = (dns: readonly string[], uris: readonly string[] = []) => identityOfNames(dns, uris, 'cluster.local');

t.test('a workload of this mesh has two names that agree', async (t) => {
  t.same(of([DNS], [SPIFFE]), { identity: DNS, spiffe: SPIFFE });
});

t.test('one of Linkerd has one, which says whose it is', async (t) => {
  const identity = 'frontend.shop.serviceaccount.identity.linkerd.cluster.local';
  t.same(of([identity]), { identity, spiffe: '' });
  t.same(of([identity], [SPIFFE]), { identity, spiffe: SPIFFE });
});

t.test('a service account may have dots, a namespace none', async (t) => {
  const identity = 'a.b.shop.serviceaccount.identity.weft.cluster.local';
  t.same(of([identity], ['spiffe://cluster.local/ns/shop/sa/a.b']), {
    identity,
    spiffe: 'spiffe://cluster.local/ns/shop/sa/a.b',
  });
  t.equal(of([identity], ['spiffe://cluster.local/ns/b.shop/sa/a']), null);
});

t.test('nobody else under a shared root is a client of the mesh', async (t) => {
  for (const [why, dns, uris] of [
    ['a web server', ['shop.example.com'], []],
    ['another trust domain', ['frontend.shop.serviceaccount.identity.weft.other.local'], []],
    ['a trust domain that ends alike', ['frontend.shop.serviceaccount.identity.weft.notcluster.local'], []],
    ['a trust domain below', ['frontend.shop.serviceaccount.identity.weft.a.cluster.local'], []],
    ['no control plane', ['frontend.shop.serviceaccount.identity.cluster.local'], []],
    ['no namespace', ['frontend.serviceaccount.identity.weft.cluster.local'], []],
    ['a wildcard', ['*.shop.serviceaccount.identity.weft.cluster.local'], []],
    ['a name within the name', [`x.y.serviceaccount.identity.z.${DNS}`], []],
    ['two workloads', [DNS, 'admin.shop.serviceaccount.identity.weft.cluster.local'], [SPIFFE]],
    ['a web server beside', ['shop.example.com', DNS], [SPIFFE]],
    ['another service account', [DNS], ['spiffe://cluster.local/ns/shop/sa/admin']],
    ['another namespace', [DNS], ['spiffe://cluster.local/ns/kube-system/sa/frontend']],
    ['another trust domain’s URI', [DNS], ['spiffe://other.local/ns/shop/sa/frontend']],
    ['a URI that is none of SPIFFE', [DNS], ['https://cluster.local/']],
    ['two URIs', [DNS], [SPIFFE, SPIFFE]],
    ['a URI alone', [], [SPIFFE]],
    ['no name', [], []],
  ] as const)
    t.equal(of(dns, uris), null, why);
});
