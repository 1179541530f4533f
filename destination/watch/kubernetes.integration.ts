import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { EventWriter } from '../../core/kubernetes/event-writer.ts';
import { systemClock } from '../../core/time/clock.ts';
import { Cluster } from '../objects/cluster.ts';
import { Reports } from '../objects/reports.ts';
import { noticeOf } from '../status/notice.ts';
import { ClientView } from '../translate/client-view.ts';
import { outboundTarget } from '../translate/outbound-target.ts';
import { parseTarget } from '../translate/target.ts';
import { KubernetesSource } from './kubernetes.ts';

const DOMAIN = {
  trustDomain: 'cluster.local',
  controlNamespace: 'weft',
  clusterDomain: 'cluster.local',
  clusterNetworks: [],
  defaultInboundPolicy: 'all-unauthenticated' as const,
};

/** Registers tests of the Kubernetes source against the API server of `KUBECONFIG`; skipped where that is not set. */
export function kubernetesSourceTests(t: Test): void {
  const skip = process.env.KUBECONFIG ? false : 'KUBECONFIG is not set: there is no API server';

  t.test('the source follows Services, pods, slices and Deployments of a cluster', { skip }, async (t) => {
    const { client, namespace } = await makeNamespace(t);
    const reports = new Reports();
    const source = new KubernetesSource({ client, reports, onProblem: (message) => t.comment(message) });
    t.teardown(() => source.stop());
    await source.start();
    const cluster = new Cluster();
    source.objects.onChange((changes) => cluster.apply(changes));
    t.ok(source.objects.count('Namespace') > 0);

    const at = `/namespaces/${namespace}`;
    await client.create(`/api/v1${at}/services`, {
      metadata: { name: 'api', annotations: { 'weft.dev/opaque-ports': 'oops!' } },
      spec: { ports: [{ port: 80, targetPort: 8080 }] },
    });
    const labels = { app: 'api', 'weft.dev/control-plane-namespace': 'weft' };
    await client.create(`/api/v1${at}/serviceaccounts`, { metadata: { name: 'api' } });
    const pod = await client.create(`/api/v1${at}/pods`, {
      metadata: { name: 'api-1', labels },
      spec: {
        serviceAccountName: 'api',
        nodeName: 'no-such-node',
        containers: [{ name: 'app', image: 'localhost/none:1' }],
      },
    });
    await client.patch(
      `/api/v1${at}/pods/api-1/status`,
      { status: { phase: 'Running', podIP: '10.250.0.1', podIPs: [{ ip: '10.250.0.1' }] } },
      'application/merge-patch+json',
    );
    await client.create(`/apis/discovery.k8s.io/v1${at}/endpointslices`, {
      metadata: { name: 'api-1', labels: { 'kubernetes.io/service-name': 'api' } },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.250.0.1'],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', name: 'api-1', namespace, uid: pod.metadata.uid },
        },
      ],
      ports: [{ port: 8080 }],
    });
    const view = new ClientView({ namespace, node: '', zone: '', locality: '', labels: {} });
    const target = () =>
      outboundTarget({ cluster, domain: DOMAIN, client: view, complain: () => {} }, parseTarget('api:80')!);
    await eventually(t, () => target()?.backends['']?.endpoints.length === 1);
    t.match(target(), {
      name: `api.${namespace}.svc.cluster.local`,
      backends: {
        '': {
          endpoints: [
            { uid: pod.metadata.uid, tls: { identity: `api.${namespace}.serviceaccount.identity.weft.cluster.local` } },
          ],
        },
      },
    });
    const own = reports.current().filter(({ object }) => object?.namespace === namespace);
    t.match(own, [{ object: { kind: 'Service', name: 'api' } }], 'the wrong annotation is reported');
    await client.delete(`/api/v1${at}/pods/api-1?gracePeriodSeconds=0`);
    await eventually(t, () => target()?.backends['']?.endpoints.length === 0);
  });

  t.test('a fault becomes one Event, however often it is told', { skip }, async (t) => {
    const { client, namespace } = await makeNamespace(t);
    let written = 0;
    const events = new EventWriter({
      api: client,
      clock: systemClock,
      program: 'destination',
      instance: 'test',
      observer: { onWritten: () => written++, onDropped: (reason) => t.fail(reason) },
    });
    const object = { kind: 'Service', namespace, name: 'api' };
    const notice = noticeOf({ object, place: '', path: 'spec', message: 'is wrong' })!;
    for (let at = 0; at < 2; at++) await events.write(notice);
    t.equal(written, 1);
    const { items } = await client.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
    t.match(items, [
      { type: 'Warning', reason: 'Misconfigured', regarding: { kind: 'Service', name: 'api' }, note: 'spec: is wrong' },
    ]);
  });
}

/** A namespace that is deleted after the test. */
async function makeNamespace(t: Test): Promise<{ client: ApiClient; namespace: string }> {
  const client = await ApiClient.fromCluster();
  const namespace = `weft-test-${randomBytes(4).toString('hex')}`;
  await client.create('/api/v1/namespaces', { metadata: { name: namespace } });
  t.teardown(async () => {
    await client.delete(`/api/v1/namespaces/${namespace}`);
    client.close();
  });
  return { client, namespace };
}

async function eventually(t: Test, isTrue: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!isTrue() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(isTrue(), 'within 10 s');
}
