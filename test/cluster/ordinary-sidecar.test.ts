import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';

import { ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { installation } from '../../manifests/render.ts';
import { DEFAULT_INSTALL_SETTINGS, type Manifest } from '../../manifests/settings.ts';
import { inject } from '../../webhook/inject/inject.ts';
import { askingNamespace } from '../../webhook/inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS } from '../../webhook/inject/settings.ts';
import { IMAGE } from '../support/cluster.ts';

const DESTINATION = encodeURIComponent('app.kubernetes.io/name=weft-destination');

/*
 * An ordinary sidecar, which API servers without native ones get: real kubelet, real proxy, and a control plane of its own in
 * a namespace of its own.
 */
t.test('an ordinary sidecar is ready before its application starts and ends after it', async (t) => {
  const api = await ApiClient.fromCluster();
  t.teardown(() => api.close());
  const suffix = randomBytes(3).toString('hex');
  const control = `weft-sidecar-${suffix}`;
  const shop = `sidecar-shop-${suffix}`;
  await createNamespace(t, api, shop);
  await install(t, api, { control, shop, suffix });
  const [destination] = (await api.get(`/api/v1/namespaces/${control}/pods?labelSelector=${DESTINATION}`)).items;

  const settings = { ...DEFAULT_INJECT_SETTINGS, image: IMAGE, controlNamespace: control, nativeSidecar: false };
  const injection = inject(application(`${destination.status.podIP}:9990`), askingNamespace(shop), settings);
  if (injection.outcome !== 'inject') throw new Error(injection.message);
  t.same(
    injection.pod.spec.containers.map(({ name }) => name),
    ['weft-proxy', 'web'],
  );
  const pods = `/api/v1/namespaces/${shop}/pods`;
  await api.create(pods, injection.pod);
  const released = { metadata: { finalizers: null } };
  t.teardown(() => api.patch(`${pods}/web`, released, 'application/merge-patch+json'));
  const pod = () => api.get(`${pods}/web`);
  t.ok(await eventually(async () => (await pod()).status.phase === 'Running'), 'the pod runs');

  const lines = linesOf(t, api, `${pods}/web/log?container=web&follow=true`);
  t.ok(await eventually(async () => lines.length > 0), 'the application has begun');
  t.same(lines, ['start: ready 200, outbound 200'], 'its first act finds a proxy that is ready and carries it');
  const { status } = await pod();
  const [proxy, web] = ['weft-proxy', 'web'].map((name) => statusOf(status, name)) as [Json, Json];
  t.ok(Date.parse(proxy.state.running.startedAt) <= Date.parse(web.state.running.startedAt));
  t.same([proxy.restartCount, web.restartCount], [0, 0]);

  await api.delete(`${pods}/web`);
  const isOver = async () => {
    const { containerStatuses } = (await pod()).status;
    return containerStatuses.every(({ state }: Json) => state.terminated);
  };
  t.ok(await eventually(isOver), 'the containers ended');
  t.ok(await eventually(async () => lines.length === 2));
  t.equal(lines[1], 'stop: ready 200, outbound 200', 'asked to stop, it still reaches others');
  const over = (await pod()).status;
  const [proxyEnd, webEnd] = ['weft-proxy', 'web'].map((name) => statusOf(over, name).state.terminated) as [Json, Json];
  t.ok(Date.parse(proxyEnd.finishedAt) >= Date.parse(webEnd.finishedAt), 'the proxy outlived the application');
  t.same([proxyEnd.exitCode, webEnd.exitCode], [0, 0]);
  t.comment(`application ended ${webEnd.finishedAt}, proxy ${proxyEnd.finishedAt}`);
});

/**
 * A pod whose application says, at its start and a second after it is asked to stop, whether its proxy is ready and what
 * an address outside the pod answers. A finalizer keeps the object until its end has been looked at.
 */
function application(outbound: string): object {
  const script = `
    const say = async (when) => {
      const ask = (url) => fetch(url).then((answer) => answer.status, (error) => error.cause?.code ?? error.message);
      console.log(when + ': ready ' + await ask('http://127.0.0.1:4191/ready') + ', outbound ' + await ask('http://${outbound}/live'));
    };
    process.on('SIGTERM', () => setTimeout(() => say('stop').then(() => process.exit(0)), 1000));
    setInterval(() => {}, 1e9);
    say('start');
  `;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', finalizers: ['weft.dev/test'] },
    spec: {
      securityContext: { runAsUser: 1000 },
      terminationGracePeriodSeconds: 20,
      containers: [
        { name: 'web', image: IMAGE, imagePullPolicy: 'IfNotPresent', command: ['/usr/bin/node', '-e', script] },
      ],
    },
  };
}

/**
 * Installs identity and destination; what has no namespace gets names of its own. Identity may write roots to the test's
 * namespaces alone: others of the cluster may belong to another installation.
 */
async function install(
  t: Test,
  api: ApiClient,
  { control, shop, suffix }: { control: string; shop: string; suffix: string },
): Promise<void> {
  await createNamespace(t, api, control);
  const objects = installation({ ...DEFAULT_INSTALL_SETTINGS, namespace: control, image: IMAGE }, []) as Json[];
  for (const object of objects) {
    const { kind, metadata } = object as Manifest;
    if (kind === 'Namespace' || metadata.name === 'weft-webhook') continue;
    if (metadata.namespace !== undefined) {
      await api.create(collectionOf(object), object);
      continue;
    }
    const name = `${metadata.name}-${suffix}`;
    const { path, ...own } = { path: `${collectionOf(object)}/${name}`, ...object, metadata: { ...metadata, name } };
    if (own.rules && metadata.name === 'weft-identity')
      own.rules = own.rules.filter(({ resources }: Json) => !resources.includes('configmaps'));
    if (own.roleRef) own.roleRef = { ...own.roleRef, name };
    await api.create(collectionOf(object), own);
    t.teardown(() => api.delete(path));
  }
  const rules = objects
    .find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'weft-identity')
    .rules.filter(({ resources }: Json) => resources.includes('configmaps'));
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces';
  for (const namespace of [control, shop]) {
    const metadata = { name: 'weft-trust-roots' };
    await api.create(`${rbac}/${namespace}/roles`, { metadata, rules });
    await api.create(`${rbac}/${namespace}/rolebindings`, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'weft-identity', namespace: control }],
    });
  }
  for (const name of ['weft-identity', 'weft-destination']) {
    const isReady = async () =>
      (await api.get(`/apis/apps/v1/namespaces/${control}/deployments/${name}`)).status.readyReplicas === 1;
    t.ok(await eventually(isReady), `${name} is ready`);
  }
}

function collectionOf({ apiVersion, kind, metadata }: Manifest): string {
  const group = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  return `${group}${metadata.namespace ? `/namespaces/${metadata.namespace}` : ''}/${kind.toLowerCase()}s`;
}

async function createNamespace(t: Test, api: ApiClient, name: string): Promise<void> {
  await api.create('/api/v1/namespaces', { metadata: { name } });
  t.teardown(() => api.delete(`/api/v1/namespaces/${name}`));
}

/** The lines of a container's log as they come, until it ends. */
function linesOf(t: Test, api: ApiClient, path: string): readonly string[] {
  const lines: string[] = [];
  const controller = new AbortController();
  t.teardown(() => controller.abort());
  const read = async () => {
    for await (const line of api.stream(path, controller.signal, { silenceMs: 120_000 })) lines.push(line);
  };
  read().catch((error: Error) => t.comment(`the log ended: ${error.message}`));
  return lines;
}

function statusOf({ containerStatuses }: Json, container: string): Json {
  return containerStatuses.find(({ name }: Json) => name === container);
}

/** Whether `isTrue` holds within two minutes; an object that is not there yet counts as no. */
async function eventually(isTrue: () => Promise<boolean>): Promise<boolean> {
  const until = Date.now() + 120_000;
  while (Date.now() < until) {
    try {
      if (await isTrue()) return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
