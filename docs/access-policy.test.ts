import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseAllDocuments } from 'yaml';

import { clusterOf } from '../destination/testing/cluster.ts';
import { pod } from '../destination/testing/manifests.ts';
import { inboundConfig } from '../destination/translate/inbound-config.ts';
import { normalTarget, otherReadings } from '../proxy/access/path-readings.ts';

const page = readFileSync(join(import.meta.dirname, 'access-policy.md'), 'utf8');

for (const [, section = '', text = ''] of page.matchAll(/## ([^\n]+)\n\n(?:[^`]*?)```yaml\n(.*?)```/gs))
  t.test(`the manifests of "${section}" are read without a fault, and bind the pod that they are for`, async (t) => {
    const manifests = parseAllDocuments(text).map((document) => document.toJS() as object);
    const api = pod('api-1', '10.0.0.1', { metadata: { namespace: 'shop' }, spec: { serviceAccountName: 'api' } });
    const { cluster, reports, inquiry, complaints } = clusterOf(api, ...manifests);
    const { access, ports } = inboundConfig(inquiry, cluster.get('Pod', 'shop', 'api-1')!);
    t.same([...reports.current(), ...complaints], []);
    t.ok(access || ports.some(({ authorizations, accessRoutes }) => authorizations ?? accessRoutes));
  });

t.test('paths are judged as the page says', async (t) => {
  for (const [written, judged] of [
    ['/a/./b', '/a/b'],
    ['/a/x/../b', '/a/b'],
    ['/%61dmin', '/admin'],
    ['/%7Euser', '/~user'],
    ['/a\\b', '/a/b'],
    ['/a%2Fb', '/a%2Fb'],
    ['//a', '//a'],
    ['/a;x=1', '/a;x=1'],
    ['/%C3%A9', '/%C3%A9'],
    ['/a%00', null],
    ['/a#b', null],
  ] as const)
    t.equal(normalTarget(written), judged, written);
  for (const written of ['//admin', '/x/..%2Fadmin', '/api/..%2Fadmin'])
    t.ok(otherReadings(normalTarget(written)!).includes('/admin'), written);
});
