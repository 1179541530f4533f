import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseAllDocuments } from 'yaml';

import { clusterOf } from '../destination/testing/cluster.ts';
import { pod } from '../destination/testing/manifests.ts';
import { inboundConfig } from '../destination/translate/inbound-config.ts';

t.test('the manifests of docs/reference/rate-limits.md do what the page says', async (t) => {
  const page = readFileSync(join(import.meta.dirname, 'reference/rate-limits.md'), 'utf8');
  const [, text = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const manifests = parseAllDocuments(text).map((document) => document.toJS() as object);
  const api = pod('api-1', '10.0.0.1', { metadata: { namespace: 'shop' } });
  const { cluster, reports, inquiry, complaints } = clusterOf(api, ...manifests);
  const { ports } = inboundConfig(inquiry, cluster.get('Pod', 'shop', 'api-1')!);
  t.same([...reports.current(), ...complaints], []);
  const clients = [
    'batch.shop.serviceaccount.identity.weft.cluster.local',
    'cron.jobs.serviceaccount.identity.weft.cluster.local',
  ];
  t.match(ports, [
    {
      port: 8080,
      protocol: 'http1',
      policy: { mode: 'all-unauthenticated', origin: 'Server/shop/api' },
      rateLimit: { totalPerSecond: 100, identityPerSecond: 20, overrides: [{ perSecond: 50, clients }] },
    },
  ]);
});
