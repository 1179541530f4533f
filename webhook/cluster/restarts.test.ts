import t from 'tap';
import { ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import type { Notice } from '../../core/kubernetes/event-writer.ts';
import { createLog } from '../../core/log/log.ts';
import { systemClock } from '../../core/time/clock.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';
import { Restarts } from './restarts.ts';

const PREFIX = '/apis/apps/v1/namespaces/shop';
const ASKS = { 'weft.dev/restart-uninjected': 'enabled' };
const shop: NamespaceFacts = { name: 'shop', labels: {}, annotations: ASKS };

const owned = (kind: string, name: string, uid = `uid-${name}`) => ({
  metadata: { uid: `of-${name}`, ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid, controller: true }] },
});
const workload = (name: string, spec: object = {}) => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: '7' },
  spec: { template: { metadata: {} }, ...spec },
});

/** Restarts in a cluster of these objects, by path. */
function restarts(objects: Record<string, Json>, refuse?: ApiError) {
  const patches: [string, Json][] = [];
  const notices: Notice[] = [];
  const clock = { ...systemClock, now: () => 0, monotonic: () => clock.at, at: 0 };
  const subject = new Restarts({
    api: {
      async get(path) {
        if (!objects[path]) throw new ApiError(404, 'NotFound', path);
        return objects[path];
      },
      async patch(path, patch) {
        if (refuse) throw refuse;
        patches.push([path, patch]);
      },
    },
    controlNamespace: 'weft',
    events: { write: async (notice) => void notices.push(notice) },
    clock,
    log: createLog('test', 'silent'),
  });
  return { subject, patches, notices, clock };
}

t.test('restarts the Deployment above a pod, once, and says so', async (t) => {
  const { subject, patches, notices } = restarts({
    [`${PREFIX}/replicasets/web-77`]: owned('Deployment', 'web'),
    [`${PREFIX}/deployments/web`]: workload('web'),
  });
  for (let round = 0; round < 3; round++) await subject.consider(owned('ReplicaSet', 'web-77'), shop);
  t.same(patches, [
    [
      `${PREFIX}/deployments/web`,
      {
        metadata: { resourceVersion: '7' },
        spec: {
          template: { metadata: { annotations: { 'weft.dev/restarted-to-inject-at': '1970-01-01T00:00:00.000Z' } } },
        },
      },
    ],
  ]);
  t.match(notices, [{ subject: { kind: 'Deployment', name: 'web' }, type: 'Normal', reason: 'RestartedToInject' }]);
});

t.test('restarts StatefulSets and DaemonSets, and nothing else', async (t) => {
  const { subject, patches } = restarts({
    [`${PREFIX}/statefulsets/db`]: workload('db'),
    [`${PREFIX}/daemonsets/agent`]: workload('agent'),
    [`${PREFIX}/replicasets/bare`]: { metadata: { name: 'bare' } },
  });
  await subject.consider(owned('StatefulSet', 'db'), shop);
  await subject.consider(owned('DaemonSet', 'agent'), shop);
  await subject.consider(owned('ReplicaSet', 'bare'), shop);
  await subject.consider(owned('ReplicaSet', 'gone'), shop);
  await subject.consider({ metadata: { uid: 'alone' } }, shop);
  t.same(
    patches.map(([path]) => path),
    [`${PREFIX}/statefulsets/db`, `${PREFIX}/daemonsets/agent`],
  );
});

t.test('touches no namespace that did not ask, nor those that nobody may touch', async (t) => {
  const { subject, patches } = restarts({ [`${PREFIX}/statefulsets/db`]: workload('db') });
  for (const namespace of [
    { ...shop, annotations: {} },
    { ...shop, annotations: { 'weft.dev/restart-uninjected': 'true' } },
    { ...shop, name: 'kube-system' },
    { ...shop, name: 'weft' },
  ])
    await subject.consider(owned('StatefulSet', 'db'), namespace);
  t.same(patches, []);
});

t.test('leaves alone what a restart would not help, and says why', async (t) => {
  const restarted = { metadata: { annotations: { 'weft.dev/restarted-to-inject-at': 'yesterday' } } };
  for (const [reason, object] of [
    ['restarted at yesterday', workload('db', { template: restarted })],
    ['paused', workload('db', { paused: true })],
    ['deletes them', workload('db', { updateStrategy: { type: 'OnDelete' } })],
    ['another object', { ...workload('db'), metadata: { uid: 'younger' } }],
  ] as const) {
    const { subject, patches, notices } = restarts({ [`${PREFIX}/statefulsets/db`]: object });
    await subject.consider(owned('StatefulSet', 'db'), shop);
    t.same(patches, [], reason);
    t.match(notices, [{ reason: 'NotRestarted', note: reason }], reason);
  }
});

t.test('restarts a few at once, the others later', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const objects = names.map((name) => [`${PREFIX}/statefulsets/${name}`, workload(name)] as const);
  const { subject, patches, clock } = restarts(Object.fromEntries(objects));
  const round = async () => {
    for (const name of names) await subject.consider(owned('StatefulSet', name), shop);
  };
  await round();
  t.equal(patches.length, 3);
  clock.at += 20_000;
  await round();
  t.equal(patches.length, 5);
});

t.test('tries again what somebody changed meanwhile', async (t) => {
  const conflict = new ApiError(409, 'Conflict', 'changed');
  const { subject, notices } = restarts({ [`${PREFIX}/statefulsets/db`]: workload('db') }, conflict);
  await subject.consider(owned('StatefulSet', 'db'), shop);
  t.same(notices, []);
});
