import t from 'tap';

import { PROXY_UID } from '../../api/names.ts';
import { ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { predictCapture } from './capture.ts';
import { type Check, type ClusterApi, runChecks } from './check.ts';
import { INSTALLED_CHECKS } from './installed-checks.ts';
import { PRE_INSTALL_CHECKS } from './pre-install-checks.ts';

/** An API server of one map from paths, without their parameters, to answers; what is not there is a 404. */
function cluster(answers: Readonly<Record<string, Json>>, mayCreate: (attributes: Json) => boolean = () => true) {
  const asked: Json[] = [];
  const api: ClusterApi = {
    async get(path) {
      const answer = answers[path.split('?')[0]!];
      if (answer === undefined) throw new ApiError(404, 'NotFound', `${path} is not there`);
      return answer;
    },
    async create(_path, object) {
      asked.push(object.spec.resourceAttributes);
      return { status: { allowed: mayCreate(object.spec.resourceAttributes) } };
    },
  };
  return { api, asked };
}

async function resultOf(checks: readonly Check[], id: string, api: ClusterApi) {
  const check = checks.filter((each) => each.id === id);
  return (
    await runChecks(
      check,
      async () => api,
      () => {},
    )
  )[0]!;
}

const EMPTY = { items: [] };
const CRD_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/serviceprofiles.linkerd.io';
const INJECTORS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

t.test('goes on after a failure unless the rest would fail too', async (t) => {
  const check = (id: string, change: Partial<Check> = {}): Check => ({
    id,
    description: id,
    hint: `mend ${id}`,
    run: async () => {
      throw new Error(`${id} is broken`);
    },
    ...change,
  });
  const { api } = cluster({});
  const checks = [
    check('a', { isAdvice: true }),
    check('b', { run: async () => ['a note'] }),
    check('c', {
      run: async () => {
        throw new ApiError(403, 'Forbidden', 'no');
      },
    }),
    check('d', { isFatal: true }),
    check('e'),
  ];
  const heard: string[] = [];
  const results = await runChecks(
    checks,
    async () => api,
    ({ id }) => heard.push(id),
  );
  t.same(
    results.map(({ result }) => result),
    ['warning', 'success', 'error', 'error'],
  );
  t.same(heard, ['a', 'b', 'c', 'd']);
  t.match(results[0], { error: 'a is broken', hint: 'mend a' });
  t.match(results[1], { notes: ['a note'] });
  t.match(results[2], { hint: /account/ });
});

t.test('a cluster that cannot be found fails the first check and ends them', async (t) => {
  const connect = async () => {
    throw new Error('no KUBECONFIG');
  };
  t.match(await runChecks(PRE_INSTALL_CHECKS, connect, () => {}), [{ id: 'kubernetes-api', error: 'no KUBECONFIG' }]);
});

t.test('asks once for each kind and namespace whether it may be created', async (t) => {
  const { api, asked } = cluster({}, ({ resource }) => resource !== 'clusterroles');
  t.match(await resultOf(PRE_INSTALL_CHECKS, 'may-create', api), {
    result: 'error',
    error: 'you may not create clusterroles',
  });
  const kinds = asked.map(({ group, resource, namespace = '' }) => `${group}/${resource} ${namespace}`);
  t.equal(new Set(kinds).size, kinds.length);
  for (const kind of [
    '/namespaces ',
    'apps/deployments weft',
    '/services weft',
    'policy/poddisruptionbudgets weft',
    'rbac.authorization.k8s.io/clusterrolebindings ',
    'admissionregistration.k8s.io/mutatingwebhookconfigurations ',
    'apiextensions.k8s.io/customresourcedefinitions ',
  ])
    t.ok(kinds.includes(kind), kind);
});

t.test('warns of what an earlier installation left behind', async (t) => {
  const collections = {
    '/api/v1/namespaces': EMPTY,
    '/apis/rbac.authorization.k8s.io/v1/clusterroles': {
      items: [{ metadata: { name: 'weft-identity', labels: { 'app.kubernetes.io/version': '0.0.9' } } }],
    },
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings': EMPTY,
    [INJECTORS]: { items: [{ metadata: { name: 'weft-injector' } }] },
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations': EMPTY,
    '/api/v1/configmaps': EMPTY,
  };
  t.match(await resultOf(PRE_INSTALL_CHECKS, 'leftovers', cluster(collections).api), {
    result: 'warning',
    error: 'MutatingWebhookConfiguration weft-injector (of an unknown version), ClusterRole weft-identity (0.0.9)',
  });
});

t.test('leaves definitions of others alone and says whether they fit', async (t) => {
  const crds = (answers: Record<string, Json>) => resultOf(PRE_INSTALL_CHECKS, 'crds', cluster(answers).api);
  const served = (name: string) => ({ [CRD_PATH]: { spec: { versions: [{ name, served: true }] } } });
  t.match(await crds({}), { result: 'success', notes: [/is absent/] });
  t.match(await crds(served('v1alpha2')), { result: 'success', notes: [/left as it is/] });
  t.match(await crds(served('v1alpha1')), { result: 'error', error: /does not serve v1alpha2/ });
});

t.test('warns where another mesh injects, and says how to install beside it', async (t) => {
  const meshes = (...names: string[]) =>
    resultOf(
      PRE_INSTALL_CHECKS,
      'other-meshes',
      cluster({ [INJECTORS]: { items: names.map((name) => ({ metadata: { name } })) } }).api,
    );
  t.match(await meshes('weft-injector', 'cert-manager-webhook'), { result: 'success' });
  t.match(await meshes('istio-sidecar-injector'), {
    result: 'warning',
    error: 'istio injects pods in this cluster: weft install --label-families weft,linkerd',
  });
  t.match(await meshes('istio-revision-tag-default', 'linkerd-proxy-injector-webhook-config'), {
    result: 'warning',
    error: /^istio and linkerd .* --label-families weft$/,
  });
});

t.test('predicts from the level of Pod Security whether the init container is admitted', async (t) => {
  const at = (level?: string) =>
    predictCapture({
      name: 'shop',
      labels: level ? { 'pod-security.kubernetes.io/enforce': level } : {},
      annotations: {},
    });
  t.match(at(), { level: 'privileged', admitsInit: true, forbidden: { length: 0 } });
  t.match(at('privileged'), { admitsInit: true });
  t.match(at('baseline'), { admitsInit: false, forbidden: ['NET_ADMIN', 'NET_RAW'] });
  t.match(at('restricted'), { admitsInit: false, forbidden: ['NET_ADMIN', 'NET_RAW', 'user 0'] });
});

t.test('says of each namespace that asks for injection how its traffic is captured', async (t) => {
  const namespace = (name: string, labels: object, annotations: object = {}) => ({
    metadata: { name, labels, annotations },
  });
  const baseline = { 'pod-security.kubernetes.io/enforce': 'baseline' };
  const answers = {
    [INJECTORS]: { items: [{ metadata: { name: 'istio-sidecar-injector' } }] },
    '/api/v1/namespaces': {
      items: [
        namespace('plain', {}),
        namespace('open', { 'weft.dev/inject': 'enabled' }),
        namespace('theirs', { 'istio-injection': 'enabled', ...baseline }),
        namespace('told', { 'weft.dev/inject': 'enabled', ...baseline }, { 'weft.dev/capture': 'none' }),
        namespace('older', baseline, { 'linkerd.io/inject': 'enabled' }),
      ],
    },
  };
  t.match(await resultOf(PRE_INSTALL_CHECKS, 'capture', cluster(answers).api), {
    result: 'warning',
    notes: [
      'open: privileged, capture init',
      'told: baseline, capture none',
      'older: baseline, capture none',
      // not theirs: another mesh injects there
    ],
    error: 'older is baseline, which forbids NET_ADMIN, NET_RAW: it needs capture none',
  });
});

t.test('reports applications that run as the user of the proxy', async (t) => {
  const pod = (name: string, spec: object) => ({ metadata: { name, namespace: 'shop' }, spec });
  const container = (name: string, runAsUser?: number) => ({
    name,
    ...(runAsUser && { securityContext: { runAsUser } }),
  });
  const user = (items: Json[]) => resultOf(INSTALLED_CHECKS, 'proxy-user', cluster({ '/api/v1/pods': { items } }).api);
  const proxy = container('weft-proxy', PROXY_UID);
  t.match(await user([pod('a', { containers: [proxy, container('app', 1000)] })]), { result: 'success' });
  t.match(
    await user([
      pod('a', { containers: [proxy, container('app', PROXY_UID)] }),
      pod('b', { securityContext: { runAsUser: PROXY_UID }, containers: [container('web'), proxy] }),
      pod('c', { securityContext: { runAsUser: PROXY_UID }, containers: [container('web', 1), proxy] }),
      pod('d', { containers: [proxy], ephemeralContainers: [container('debug', PROXY_UID)] }),
    ]),
    { result: 'error', error: 'shop/a container app, shop/b container web, shop/d container debug' },
  );
});

t.test('names pods that bear the proxies of two meshes', async (t) => {
  const pod = (name: string, ...names: string[]) => ({
    metadata: { namespace: 'shop', name },
    spec: { containers: names.map((each) => ({ name: each })) },
  });
  const run = (...items: Json[]) =>
    resultOf(INSTALLED_CHECKS, 'two-proxies', cluster({ '/api/v1/pods': { items } }).api);
  t.match(await run(pod('a', 'weft-proxy', 'app')), { result: 'success' });
  t.match(await run(pod('a', 'weft-proxy', 'app'), pod('b', 'app', 'linkerd-proxy', 'weft-proxy')), {
    result: 'error',
    error: 'shop/b linkerd-proxy',
  });
});

t.test('says which namespaces and pods ask two meshes for a proxy', async (t) => {
  const named = (name: string, metadata: object = {}) => ({ metadata: { name, ...metadata } });
  const both = { 'weft.dev/inject': 'enabled', 'istio-injection': 'enabled' };
  const istio = { items: [named('istio-sidecar-injector')] };
  const namespaces = {
    items: [named('shop', { labels: both }), named('theirs', { labels: { 'istio-injection': 'enabled' } })],
  };
  const annotations = { 'sidecar.istio.io/inject': 'true' };
  const pods = { items: [named('web-1', { namespace: 'theirs', annotations })] };
  const run = (registered: object, more: object = {}) =>
    resultOf(
      INSTALLED_CHECKS,
      'two-injectors',
      cluster({ [INJECTORS]: registered, '/api/v1/namespaces': namespaces, '/api/v1/pods': EMPTY, ...more }).api,
    );
  t.match(await run(EMPTY), { result: 'success' });
  const found = await run(istio);
  t.match(found, {
    result: 'warning',
    error: /^shop: the injector of Istio.*istio-injection of the namespace/,
  });
  t.notMatch(found.error, /theirs/);
  t.match(await run(istio, { '/api/v1/namespaces': { items: [named('theirs')] }, '/api/v1/pods': pods }), {
    error: /^theirs\/web-1: the injector of Istio/,
  });
});
