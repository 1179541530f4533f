import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';

import { ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { createLog } from '../../core/log/log.ts';
import type { RunningProgram } from '../../core/program/run-program.ts';
import { readConfig } from '../config.ts';
import { webhookConfigurations } from '../configuration.ts';
import { startWebhook } from '../webhook.ts';

const CAN_RUN = process.env.KUBECONFIG && process.env.WEFT_CLUSTER_HOST;

/**
 * Registers tests of the webhook with the API server of `KUBECONFIG`, which reaches this process at
 * `WEFT_CLUSTER_HOST`; skipped, saying so, where either is not set.
 *
 * The registrations are named after the test's own control namespace and select its own namespaces alone. The pod that
 * is to slip through is made before its namespace asks, so that no other installation of the cluster injects it first.
 */
export function clusterTests(t: Test): void {
  const skip = CAN_RUN ? false : 'KUBECONFIG or WEFT_CLUSTER_HOST is not set: no API server reaches this process';

  t.test('the API server injects, skips, refuses and validates through the webhook', { skip }, async (t) => {
    const mesh = await startMesh(t);
    const { api, shop, plain } = mesh;
    const pods = (namespace: string) => `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const create = (namespace: string, change: Json = {}) => api.create(pods(namespace), podNamed('web', change));

    const injected = await create(shop);
    t.same(
      namesOf(injected.spec.initContainers),
      ['weft-init', 'weft-proxy'],
      'injected by the label of the namespace',
    );
    t.equal(injected.spec.initContainers[1].restartPolicy, 'Always', 'the API server kept the native sidecar');

    const again = await api.create(pods(shop), {
      ...injected,
      metadata: { ...injected.metadata, resourceVersion: '', uid: '' },
    });
    t.same(again.spec, injected.spec, 'a pod that went through before is left as it is, defaults and all');

    t.notOk((await create(plain)).spec.initContainers, 'nobody asked');
    const asking = { metadata: { labels: { 'weft.dev/inject': 'enabled' } } };
    t.same(namesOf((await create(plain, asking)).spec.initContainers), ['weft-init', 'weft-proxy'], 'the pod asked');
    const annotated = { metadata: { annotations: { 'linkerd.io/inject': 'enabled' } } };
    t.ok((await create(plain, annotated)).spec.initContainers, 'the pod asked by annotation');
    const declining = { metadata: { labels: { 'weft.dev/inject': 'disabled' } } };
    t.notOk((await create(shop, declining)).spec.initContainers, 'the pod declined');
    t.notOk((await create(shop, { spec: { hostNetwork: true } })).spec.initContainers, 'host network');

    const wrong = { metadata: { annotations: { 'weft.dev/skip-inbound-ports': 'all' } } };
    await t.rejects(create(shop, wrong), { status: 403, message: /skip-inbound-ports of the pod: "all" is no list/ });
    const sameUser = { spec: { securityContext: { runAsUser: 2102 } } };
    await t.rejects(create(shop, sameUser), { status: 403, message: /runs as user 2102/ });

    const ordinary = { metadata: { annotations: { 'weft.dev/native-sidecar': 'disabled' } } };
    const first = (await create(shop, ordinary)).spec;
    t.same(
      [first.containers[0].name, ...namesOf(first.initContainers)],
      ['weft-proxy', 'weft-init'],
      'ordinary sidecar',
    );

    const capped = await create(shop, { metadata: { annotations: { 'weft.dev/proxy-memory-limit': '48Mi' } } });
    t.match(capped.spec.initContainers[1].resources, { requests: { memory: '48Mi' }, limits: { memory: '48Mi' } });
  });

  t.test('a route profile is checked where it is written', { skip }, async (t) => {
    const { api, plain } = await startMesh(t);
    const deployments = `/apis/apps/v1/namespaces/${plain}/deployments`;
    const annotated = (text: string) => ({ 'weft.dev/route-profile': text });
    const dryRun = (object: Json) => api.create(`${deployments}?dryRun=All`, object);
    await t.rejects(dryRun(deploymentOf('web', annotated('Not_A_Name'))), {
      status: 403,
      message:
        /metadata\.annotations\["weft.dev\/route-profile"\]: "Not_A_Name" cannot be a ServiceProfile's name; write/,
    });
    await t.rejects(dryRun(deploymentOf('web', {}, annotated('routes: 7'))), {
      status: 403,
      message: /spec\.template\.metadata\.annotations\["weft.dev\/route-profile"\]\.routes: is no list/,
    });
    const pod = podNamed('web', { metadata: { annotations: annotated('Not_A_Name') } });
    await t.rejects(api.create(`${podsOf(plain)}?dryRun=All`, pod), { status: 403, message: /Not_A_Name/ });
    t.ok(await dryRun(deploymentOf('web', annotated('later'))), 'a name that does not exist yet');
    t.ok(await dryRun(deploymentOf('web', annotated('routes: []'))), 'a profile of its own');
    t.ok(await dryRun(deploymentOf('web', { other: 'Not_A_Name' })), 'nothing to check');
  });

  t.test('workloads are looked at where their pods are injected, when their pods change', { skip }, async (t) => {
    const { api, webhook, shop, plain } = await startMesh(t);
    const reviewed = async () => {
      const text = await (await fetch(`http://${webhook.admin}/metrics`)).text();
      const counts = text.matchAll(/^weft_webhook_reviews_total\{path="\/validate".*\} (\d+)$/gm);
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const asked = async (write: () => Promise<unknown>) => {
      const before = await reviewed();
      await write();
      return (await reviewed()) - before;
    };
    const workloads = (namespace: string, resource = 'deployments', group = 'apps') =>
      `/apis/${group}/v1/namespaces/${namespace}/${resource}`;
    const web = deploymentOf('web');
    const asking = { ...web, spec: { ...web.spec, template: { ...web.spec.template } } };
    asking.spec.template.metadata = { labels: { app: 'web', 'weft.dev/inject': 'enabled' } };
    t.equal(await asked(() => api.create(workloads(shop), web)), 1, 'the namespace asks');
    t.equal(await asked(() => api.create(workloads(plain), web)), 0, 'nobody asks');
    t.equal(await asked(() => api.create(`${workloads(plain)}?dryRun=All`, { ...asking, metadata: { name: 'b' } })), 1);
    const { template } = web.spec;
    const job = {
      metadata: { name: 'web' },
      spec: { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
    };
    const cron = { metadata: { name: 'web' }, spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: job.spec } } };
    t.equal(await asked(() => api.create(`${workloads(shop, 'jobs', 'batch')}?dryRun=All`, job)), 1);
    t.equal(await asked(() => api.create(`${workloads(shop, 'cronjobs', 'batch')}?dryRun=All`, cron)), 1);
    const annotate = { metadata: { annotations: { 'deployment.kubernetes.io/revision': '7' } } };
    const patch = (change: object) => api.patch(`${workloads(shop)}/web`, change, 'application/merge-patch+json');
    t.equal(await asked(() => patch(annotate)), 0, 'what a controller counts changes no pod');
    // Where a controller writes meanwhile, the API server asks again.
    t.ok((await asked(() => patch({ spec: { replicas: 2 } }))) >= 1);
    const service = (annotations: object) => ({
      metadata: { name: 'web', annotations },
      spec: { ports: [{ port: 80 }] },
    });
    const services = `/api/v1/namespaces/${plain}/services?dryRun=All`;
    t.equal(await asked(() => api.create(services, service({ 'weft.dev/opaque-ports': '80' }))), 0);
    t.equal(await asked(() => api.create(services, service({ 'weft.dev/default-inbound-policy': 'deny' }))), 1);
  });

  t.test('a namespace that asks by annotation gets a label, and its pods a proxy', { skip }, async (t) => {
    const { api, plain } = await startMesh(t);
    const annotation = { metadata: { annotations: { 'linkerd.io/inject': 'enabled' } } };
    await api.patch(`/api/v1/namespaces/${plain}`, annotation, 'application/merge-patch+json');
    const isInjected = async () => {
      const pod = await api.create(`/api/v1/namespaces/${plain}/pods?dryRun=All`, podNamed('web'));
      return pod.spec.initContainers !== undefined;
    };
    t.ok(await eventually(isInjected));
  });

  t.test('a webhook that is away holds up only pods that asked by label', { skip }, async (t) => {
    const mesh = await startMesh(t);
    await mesh.webhook.close();
    const create = (namespace: string, change: Json = {}) =>
      mesh.api.create(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, podNamed('web', change));
    await t.rejects(create(mesh.shop), { status: 500, message: /failed calling webhook/ });
    t.ok(await create(mesh.plain), 'a pod that did not ask');
    const annotated = { metadata: { annotations: { 'weft.dev/inject': 'enabled' } } };
    t.ok(await create(mesh.plain, annotated), 'a pod that asked by annotation slips through');
    const declining = { metadata: { labels: { 'weft.dev/inject': 'disabled' } } };
    t.ok(await create(mesh.shop, declining), 'a pod that declined');
    t.ok(await create('kube-system', { metadata: { labels: { 'weft.dev/inject': 'enabled' } } }), 'kube-system');
  });

  t.test('a pod that slipped through becomes an Event', { skip }, async (t) => {
    const { api, shop } = await startMesh(t, {
      beforeAsking: (api, shop) => api.create(podsOf(shop), podNamed('early')),
    });
    const isTold = async () => {
      const { items } = await api.get(`/apis/events.k8s.io/v1/namespaces/${shop}/events`);
      return items.some(({ reason, regarding }: Json) => reason === 'NotInjected' && regarding.name === 'early');
    };
    t.ok(await eventually(isTold));
  });

  t.test('a workload whose pods slipped through is restarted where its namespace asks', { skip }, async (t) => {
    const { api, shop } = await startMesh(t, {
      async beforeAsking(api, shop) {
        const asks = { metadata: { annotations: { 'weft.dev/restart-uninjected': 'enabled' } } };
        await api.patch(`/api/v1/namespaces/${shop}`, asks, 'application/merge-patch+json');
        await api.create(`/apis/apps/v1/namespaces/${shop}/deployments`, deploymentOf('web'));
        await eventually(async () => (await api.get(podsOf(shop))).items.length === 1);
      },
    });
    const isInjected = async () => {
      const { items } = await api.get(podsOf(shop));
      return items.some(({ spec }: Json) => namesOf(spec.initContainers ?? []).includes('weft-proxy'));
    };
    t.ok(await eventually(isInjected, 60_000), 'the new pod went through the webhook');
    const { items } = await api.get(`/apis/events.k8s.io/v1/namespaces/${shop}/events`);
    t.match(
      items.filter(({ reason }: Json) => reason === 'RestartedToInject'),
      [{ type: 'Normal', regarding: { kind: 'Deployment', name: 'web' } }],
    );
    const { spec } = await api.get(`/apis/apps/v1/namespaces/${shop}/deployments/web`);
    t.ok(spec.template.metadata.annotations['weft.dev/restarted-to-inject-at']);
  });

  t.test('a skipped pod becomes an Event on its owner', { skip }, async (t) => {
    const { api, shop } = await startMesh(t);
    await api.create(podsOf(shop), podNamed('host', { spec: { hostNetwork: true } }));
    const isTold = async () => {
      const { items } = await api.get(`/apis/events.k8s.io/v1/namespaces/${shop}/events`);
      return items.some(
        ({ reason, note }: Json) => reason === 'InjectionSkipped' && note.includes('host_network_enabled'),
      );
    };
    t.ok(await eventually(isTold));
  });
}

interface Mesh {
  readonly api: ApiClient;
  readonly webhook: RunningProgram;
  /** A namespace that asks by label, and one that says nothing. */
  readonly shop: string;
  readonly plain: string;
}

async function startMesh(
  t: Test,
  options: { beforeAsking?: (api: ApiClient, shop: string) => Promise<unknown> } = {},
): Promise<Mesh> {
  const api = await ApiClient.fromCluster();
  const suffix = randomBytes(3).toString('hex');
  const [control, shop, plain] = ['weft-webhook', 'shop', 'plain'].map((name) => `${name}-${suffix}`) as [
    string,
    string,
    string,
  ];
  t.teardown(async () => {
    for (const name of [control, shop, plain]) await api.delete(`/api/v1/namespaces/${name}`);
    api.close();
  });
  const scope = { 'weft.dev/test': suffix };
  await createNamespace(api, control, {});
  await createNamespace(api, shop, scope);
  await createNamespace(api, plain, scope);
  await options.beforeAsking?.(api, shop);
  const asks = { metadata: { labels: { 'weft.dev/inject': 'enabled' } } };
  await api.patch(`/api/v1/namespaces/${shop}`, asks, 'application/merge-patch+json');

  const host = process.env.WEFT_CLUSTER_HOST!;
  const webhook = await startWebhook(
    readConfig({
      WEFT_WEBHOOK_LISTEN: `${host}:0`,
      WEFT_WEBHOOK_ADMIN_LISTEN: '127.0.0.1:0',
      WEFT_WEBHOOK_CONTROL_NAMESPACE: control,
      WEFT_WEBHOOK_IMAGE: 'localhost/weft/weft:test',
      WEFT_WEBHOOK_EXTRA_NAMES: host,
      WEFT_WEBHOOK_INSTANCE: 'test',
      WEFT_WEBHOOK_SHUTDOWN_GRACE: '1s',
    }),
    createLog('test', 'silent'),
  );
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await webhook.close();
    isClosed = true;
  };
  t.teardown(close);
  await register(t, api, control, scope, webhook.address);
  return { api, webhook: { ...webhook, close }, shop, plain };
}

/** Registers a copy of the real registration by URL, for namespaces of this test alone. */
async function register(
  t: Test,
  api: ApiClient,
  control: string,
  scope: Record<string, string>,
  address: string,
): Promise<void> {
  const { data } = await api.get(`/api/v1/namespaces/${control}/secrets/weft-webhook-tls`);
  for (const object of webhookConfigurations({ namespace: control }) as Json[]) {
    const collection = `/apis/admissionregistration.k8s.io/v1/${object.kind.toLowerCase()}s`;
    const name = `${object.metadata.name}-${control}`;
    const webhooks = object.webhooks.map((entry: Json) => ({
      ...entry,
      clientConfig: { url: `https://${address}${entry.clientConfig.service.path}`, caBundle: data['ca.crt'] },
      namespaceSelector: { ...entry.namespaceSelector, matchLabels: scope },
    }));
    await api.create(collection, { ...object, metadata: { name }, webhooks });
    t.teardown(() => api.delete(`${collection}/${name}`));
  }
  // The API server takes a moment to call a new registration.
  const shop = control.replace('weft-webhook', 'shop');
  const isCalled = async () => {
    const pod = await api.create(`/api/v1/namespaces/${shop}/pods?dryRun=All`, podNamed('probe'));
    return pod.spec.initContainers !== undefined;
  };
  t.ok(await eventually(isCalled), 'the API server calls the webhook');
}

async function createNamespace(api: ApiClient, name: string, labels: Record<string, string>): Promise<void> {
  await api.create('/api/v1/namespaces', { metadata: { name, labels } });
  await eventually(async () => {
    await api.get(`/api/v1/namespaces/${name}/serviceaccounts/default`);
    return true;
  });
}

function podsOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

/** A Deployment of one such pod. */
function deploymentOf(name: string, annotations: object = {}, templateAnnotations: object = {}): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name }, annotations: templateAnnotations }, spec: podNamed(name).spec },
    },
  };
}

/** A pod that no node takes, so that it stays as it was admitted. */
function podNamed(name: string, change: Json = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...change.metadata },
    spec: {
      nodeSelector: { none: 'such' },
      containers: [{ name: 'web', image: 'localhost/busybox:1', ports: [{ containerPort: 8080 }] }],
      ...change.spec,
    },
  };
}

function namesOf(containers: readonly { readonly name: string }[]): string[] {
  return containers.map(({ name }) => name);
}

/** Whether `isTrue` holds within that time; an object that is not there yet counts as no. */
async function eventually(isTrue: () => Promise<boolean>, withinMs = 30_000): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (Date.now() < until) {
    try {
      if (await isTrue()) return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
