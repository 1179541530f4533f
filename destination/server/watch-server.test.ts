import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';

import { systemClock } from '../../core/time/clock.ts';
import { TestAuthority } from '../testing/control-plane.ts';
import { FakeSource } from '../testing/fake-source.ts';
import { pod, service, slice } from '../testing/manifests.ts';
import { TestWatch } from '../testing/watch-client.ts';
import { Reports } from '../watch/reports.ts';
import { Publisher } from './publisher.ts';
import { TrustBundle } from './trust-bundle.ts';
import { WatchServer } from './watch-server.ts';

const authority = new TestAuthority();
const domain = {
  ...authority.domain,
  clusterDomain: 'cluster.local',
  clusterNetworks: ['10.0.0.0/8'],
  defaultInboundPolicy: 'all-unauthenticated' as const,
};
const API = [
  service('api', '10.96.0.1'),
  pod('api-1', '10.244.0.1'),
  pod('api-2', '10.244.0.2'),
  slice('api', [['api-1', '10.244.0.1']]),
];

t.test('a proxy is greeted, gets its roots, its inbound configuration and what it asks for', async (t) => {
  const { open, source } = await serve(t, API);
  const watch = await open();
  t.match(await watch.expects('inbound'), {
    target: 'inbound',
    inbound: { defaultPolicy: { mode: 'all-unauthenticated', origin: 'default' }, ports: [{ port: 8080 }] },
  });
  watch.sends({ type: 'subscribe', target: '10.96.0.1:80' });
  const first = await watch.expects('snapshot');
  t.match(first.outbound, { name: 'api.default.svc.cluster.local', protocol: 'detect', kind: 'service' });
  t.match(first.outbound?.backends[''], {
    endpoints: [
      {
        uid: 'uid-api-1',
        address: '10.244.0.1',
        port: 8080,
        tls: { identity: 'api.default.serviceaccount.identity.weft.cluster.local', mesh: 'weft', mode: 'transparent' },
      },
    ],
  });
  source.put(
    slice('api', [
      ['api-1', '10.244.0.1'],
      ['api-2', '10.244.0.2'],
    ]),
  );
  t.match(await watch.expects('delta'), { from: first.version, backend: '', add: [{ uid: 'uid-api-2' }], remove: [] });
});

async function serve(t: Test, objects: readonly object[]) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-destination-'));
  const bundle = join(folder, 'ca.pem');
  writeFileSync(bundle, authority.bundle);
  const trust = new TrustBundle({ path: bundle, clock: systemClock, onProblem: (error) => t.comment(error.message) });
  await trust.start();
  const reports = new Reports();
  const source = new FakeSource(reports);
  for (const object of objects) source.put(object);
  const publisher = new Publisher({ objects: source.objects, domain, reports, clock: systemClock });
  const events: string[] = [];
  const server = new WatchServer({
    credentials: authority.certify({
      namespace: 'weft',
      serviceAccount: 'weft-destination',
      pod: 'destination',
      uid: 'd',
    }),
    trust,
    domain,
    publisher,
    clock: systemClock,
    observer: {
      onStart: () => events.push('start'),
      onEnd: (_stream, reason) => events.push(`end ${reason}`),
      onRefused: (reason) => events.push(`refused ${reason}`),
      onSkip: () => events.push('skip'),
      onNack: (_stream, target, version) => events.push(`nack ${target} ${version}`),
    },
  });
  const port = await server.listen('127.0.0.1', 0);
  const watches: TestWatch[] = [];
  t.teardown(async () => {
    for (const watch of watches) watch.close();
    await server.close();
    publisher.close();
    trust.close();
    rmSync(folder, { recursive: true });
  });
  const credentials = authority.certify({
    namespace: 'default',
    serviceAccount: 'api',
    pod: 'api-1',
    uid: 'uid-api-1',
  });
  const connection = { port, bundle: authority.bundle, domain, credentials };
  const connect = (options: Partial<ConstructorParameters<typeof TestWatch>[0]> = {}) => {
    const watch = new TestWatch({ ...connection, ...options });
    watches.push(watch);
    return watch;
  };
  const open = async (options: Partial<Parameters<typeof TestWatch.open>[0]> = {}) => {
    const watch = await TestWatch.open({ ...connection, ...options });
    watches.push(watch);
    return watch;
  };
  return { connect, open, source, server, events, port, bundle, connection };
}
