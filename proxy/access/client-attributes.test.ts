import t from 'tap';

import { attributesOf } from './client-attributes.ts';

t.test('a workload’s names are taken apart', async (t) => {
  t.same(attributesOf({ identity: 'web.default', spiffe: 'spiffe://cluster.local/ns/default/sa/web' }), {
    identity: 'web.default',
    principal: 'cluster.local/ns/default/sa/web',
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'web',
  });
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
