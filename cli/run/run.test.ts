import t from 'tap';

import { clusterState } from './cluster-state.ts';
import { answerQuery } from './dns.ts';
import type { KubernetesObject } from './objects.ts';
import { planRun } from './plan.ts';

const deployment = (container: object, annotations = {}): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    template: {
      metadata: { labels: { app: 'web' }, annotations },
      spec: { containers: [container], nodeSelector: {} },
    },
  },
});
const service: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

t.test('plans a pod for each replica, meshed unless it says otherwise', async (t) => {
  const plan = planRun([deployment({ name: 'web', command: ['web'], ports: [{ containerPort: 8080 }] }), service]);
  t.same(
    plan.pods.map(({ name, ips, isMeshed }) => [name, ips[0], isMeshed]),
    [
      ['web-0', '10.245.0.10', true],
      ['web-1', '10.245.0.11', true],
    ],
  );
  t.same(plan.problems, ['Deployment default/web: spec.template.spec.nodeSelector has no effect here']);
  t.equal(planRun([deployment({ command: ['web'] }, { 'weft.dev/inject': 'disabled' })]).pods[0]!.isMeshed, false);
});

t.test('refuses a container without a command, naming the field', async (t) => {
  const plan = planRun([deployment({ name: 'web', image: 'nginx' })]);
  t.equal(plan.pods.length, 0);
  t.match(plan.problems.at(-1), 'spec.template.spec.containers[0].command is missing');
});

t.test('writes what the controllers of a cluster would write', async (t) => {
  const plan = planRun([deployment({ name: 'web', command: ['web'], ports: [{ containerPort: 8080 }] }), service]);
  const state = clusterState(plan, (pod) => pod.name === 'web-0');
  const slice = state.find(({ kind }) => kind === 'EndpointSlice') as unknown as {
    ports: unknown[];
    endpoints: { addresses: string[]; conditions: { ready: boolean } }[];
  };
  t.same(slice.ports, [{ name: '', port: 8080, protocol: 'TCP' }]);
  t.same(
    slice.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions.ready]),
    [
      ['10.245.0.10', true],
      ['10.245.0.11', false],
    ],
  );
  t.match(
    state.find(({ kind }) => kind === 'Service'),
    { spec: { clusterIP: '10.96.0.10' } },
  );
});

t.test('answers DNS queries, and survives broken ones', async (t) => {
  const query = Buffer.from('1234010000010000000000000377656207646566617500000100 01'.replaceAll(' ', ''), 'hex');
  const resolve = (name: string) => (name === 'web.defau' ? { ipv4: ['10.96.0.10'], ipv6: [] } : null);
  const name = Buffer.from('\x03web\x05defau\x00', 'latin1');
  const good = Buffer.concat([Buffer.from('123401000001000000000000', 'hex'), name, Buffer.from([0, 1, 0, 1])]);
  const reply = answerQuery(good, resolve)!;
  t.equal(reply.readUInt16BE(6), 1);
  t.same([...reply.subarray(-4)], [10, 96, 0, 10]);
  t.equal(
    answerQuery(
      Buffer.concat([good.subarray(0, 12), Buffer.from('\x03abc\x00', 'latin1'), Buffer.from([0, 1, 0, 1])]),
      resolve,
    )![3]! & 15,
    3,
  );
  for (let length = 0; length < good.length; length++) answerQuery(good.subarray(0, length), resolve);
  t.doesNotThrow(() => answerQuery(query, resolve));
});
