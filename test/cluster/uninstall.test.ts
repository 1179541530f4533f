/** An installation that comes and goes: afterwards the cluster holds what it held before, object by object. */
import t from 'tap';

import { container, IDLE, IMAGE, weft } from '../support/cluster.ts';
import { clusterObjects, differences } from '../support/cluster-objects.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl, run } from '../support/kubectl.ts';

const SHOP = 'weft-shop';
/** A namespace that asks by the annotation of an older mesh, which the webhook mirrors into a label. */
const OLD = 'weft-old-shop';
const namespace = (name: string, metadata: object) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...metadata },
});
const app = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: SHOP },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        securityContext: { runAsUser: 1000 },
        containers: [container('web', IDLE)],
      },
    },
  },
};
const profile = {
  apiVersion: 'linkerd.io/v1alpha2',
  kind: 'ServiceProfile',
  metadata: { name: `web.${SHOP}.svc.cluster.local`, namespace: SHOP },
  spec: { routes: [{ name: 'all', condition: { pathRegex: '/.*' } }] },
};
const take = (...objects: object[]) => apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
const proxies = () =>
  kubectl(
    'get',
    'pods',
    '-A',
    '-l',
    'weft.dev/control-plane-namespace=weft',
    '-o',
    'jsonpath={.items[*].metadata.name}',
  );

t.test('an installation goes as it came', async (t) => {
  await apply((await weft('install', '--crds=all')).out);
  await kubectl('wait', '--for=condition=Established', 'crd/serviceprofiles.linkerd.io', '--timeout=30s');
  const asked = { annotations: { 'linkerd.io/inject': 'enabled' } };
  await take(namespace(SHOP, {}), namespace(OLD, asked), app, profile);
  t.teardown(() => kubectl('delete', 'namespace', SHOP, OLD, '--ignore-not-found', '--wait=false'));
  await kubectl('-n', SHOP, 'rollout', 'status', 'deployment/web', '--timeout=60s');
  for (const name of [SHOP, OLD])
    t.ok(await eventually(() => kubectl('-n', name, 'get', 'configmap', 'kube-root-ca.crt').then(() => true)));
  // What others have deleted goes in its own time.
  const leaving = () => kubectl('get', 'namespaces', '--field-selector=status.phase=Terminating', '-o', 'name');
  t.ok(await eventually(async () => (await leaving()) === '', 120_000), await leaving());
  const before = await clusterObjects();
  t.comment(`${before.size} objects`);

  await t.test('there is nothing to uninstall before', async (t) => {
    t.match(await weft('uninstall'), { code: 1, out: '', error: /^weft: nothing of Weft is installed/ });
  });

  await apply((await weft('install', '--image', IMAGE)).out);
  for (const name of ['weft-identity', 'weft-destination', 'weft-webhook'])
    await kubectl('-n', 'weft', 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
  t.ok(await eventually(async () => (await weft('check')).code === 0), (await weft('check')).out);
  // An object of an older version, which this one does not install.
  const labels = { 'app.kubernetes.io/part-of': 'weft', 'app.kubernetes.io/version': '0.0.1' };
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', rules: [] };
  await take({ ...role, metadata: { name: 'weft-of-0.0.1', labels } });
  await kubectl('label', 'namespace', SHOP, 'weft.dev/inject=enabled');
  await kubectl('-n', SHOP, 'delete', 'pod', '--all', '--wait=true');
  t.ok(await eventually(async () => (await proxies()).includes('web-')), 'a pod has a proxy');
  await kubectl('-n', SHOP, 'rollout', 'status', 'deployment/web', '--timeout=120s');
  t.ok(await eventually(() => kubectl('-n', SHOP, 'get', 'configmap', 'weft-trust-roots').then(() => true)));
  const mirrored = () => kubectl('get', 'namespace', OLD, '--show-labels');
  t.ok(await eventually(async () => (await mirrored()).includes('weft.dev/inject-by-annotation')), await mirrored());

  await t.test('it stays, and the pod is named, while one runs with a proxy', async (t) => {
    const { code, out, error } = await weft('uninstall');
    t.equal(code, 1);
    t.equal(out, '');
    t.match(error, new RegExp(`^weft: a pod still runs with a proxy: ${SHOP}/web-`));
    t.match(error, /^hint: .*--force/m);
    t.match((await weft('uninstall', '--force')).out, /^kind: MutatingWebhookConfiguration/m);
  });

  await t.test('it goes once the pods are without one, and pods are made as before', async (t) => {
    await kubectl('label', 'namespace', SHOP, 'weft.dev/inject-');
    await kubectl('-n', SHOP, 'delete', 'pod', '--all', '--wait=true');
    await kubectl('-n', SHOP, 'rollout', 'status', 'deployment/web', '--timeout=60s');
    t.ok(await eventually(async () => (await proxies()) === ''), await proxies());
    const { code, out, error } = await weft('uninstall');
    t.equal(code, 0, error);
    t.match(out, /^---\napiVersion: admissionregistration\.k8s\.io\/v1\nkind: MutatingWebhookConfiguration\n/);
    const deletion = await run('kubectl', ['delete', '-f', '-', '--wait=true', '--timeout=120s'], out);
    t.equal(deletion.code, 0, deletion.error);
    t.comment(deletion.out);
    const rest = [...error.matchAll(/^to do yourself: kubectl (.*)$/gm)].map(([, command]) => command!);
    t.same(rest, [`label namespace ${OLD} weft.dev/inject-by-annotation-`]);
    for (const command of rest) await kubectl(...command.split(' '));
    await kubectl('-n', SHOP, 'delete', 'pod', '--all', '--wait=true');
    await kubectl('-n', SHOP, 'rollout', 'status', 'deployment/web', '--timeout=60s');
  });

  await t.test('every object is as it was', async (t) => {
    const left = differences(before, await clusterObjects());
    // The pods themselves are others, by name and address.
    const isPods = (line: string) => / (pods|endpoints|endpointslices\.discovery\.k8s\.io) weft-shop\//.test(line);
    t.same(
      left.filter((line) => !isPods(line)),
      [],
    );
  });

  await t.test('there is nothing to uninstall afterwards', async (t) => {
    t.match(await weft('uninstall'), { code: 1, out: '' });
  });
});
