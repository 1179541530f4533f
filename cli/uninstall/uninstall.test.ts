import t from 'tap';

import type { Json } from '../../core/kubernetes/api-client.ts';
import { ApiError } from '../../core/kubernetes/api-error.ts';
import { obstacleTo } from '../commands/uninstall.ts';
import { findInstallation, type Installation } from './installation.ts';

const named = (...names: string[]) => ({
  items: names.map((name) => {
    const [own, namespace] = name.split('/').reverse();
    return { metadata: { name: own, ...(namespace && { namespace }) } };
  }),
});
/** Answers by path and label selector; what is not listed is empty. */
const cluster = (answers: Record<string, Json>) => ({
  get: async (path: string): Promise<Json> => {
    const url = new URL(path, 'http://cluster');
    return answers[`${url.pathname} ${url.searchParams.get('labelSelector')}`] ?? { items: [] };
  },
});
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const OURS = 'app.kubernetes.io/part-of=weft';
const INSTALLED = {
  [`/api/v1/namespaces ${OURS}`]: named('weft'),
  [`/api/v1/configmaps ${OURS}`]: named('weft/weft-trust-roots', 'shop/weft-trust-roots'),
  [`${RBAC}/clusterroles ${OURS}`]: named('weft-identity', 'weft-of-an-old-version'),
  [`${RBAC}/clusterrolebindings ${OURS}`]: named('weft-identity'),
  [`${ADMISSION}/mutatingwebhookconfigurations ${OURS}`]: named('weft-injector'),
  [`${ADMISSION}/validatingwebhookconfigurations ${OURS}`]: named('weft-validator'),
  [`${ADMISSION}/validatingadmissionpolicybindings ${OURS}`]: named('weft-trust-roots'),
  [`${ADMISSION}/validatingadmissionpolicies ${OURS}`]: named('weft-trust-roots'),
};
const lines = ({ objects }: Installation) =>
  objects.map(({ kind, metadata }) => [kind, metadata.namespace, metadata.name].filter(Boolean).join(' '));

t.test('finds nothing where nothing is installed, and says so', async (t) => {
  const found = await findInstallation(cluster({}));
  t.same(found, { objects: [], injected: [], strangers: [], labelled: [] });
  t.match(obstacleTo(found), { code: 'not_installed', hint: /current-context/ });
});

t.test('names registrations first, rights before what they are for, and the namespace last', async (t) => {
  t.same(lines(await findInstallation(cluster(INSTALLED))), [
    'MutatingWebhookConfiguration weft-injector',
    'ValidatingWebhookConfiguration weft-validator',
    'ValidatingAdmissionPolicyBinding weft-trust-roots',
    'ValidatingAdmissionPolicy weft-trust-roots',
    'ClusterRoleBinding weft-identity',
    'ClusterRole weft-identity',
    'ClusterRole weft-of-an-old-version',
    'ConfigMap shop weft-trust-roots',
    'Namespace weft',
  ]);
});

t.test('a cluster without policies of admission has none to take away; what may not be listed is said', async (t) => {
  const answering = (status: number) => ({
    get: (path: string) =>
      path.includes('/validatingadmissionpolicies')
        ? Promise.reject(new ApiError(status, 'no', path))
        : cluster(INSTALLED).get(path),
  });
  t.notMatch(lines(await findInstallation(answering(404))).join(), 'ValidatingAdmissionPolicy weft');
  await t.rejects(findInstallation(answering(403)), { name: 'ApiError', message: /validatingadmissionpolicies/ });
});

t.test('leaves what somebody else has given the same label', async (t) => {
  const answers = {
    [`/api/v1/namespaces ${OURS}`]: named('weftware', 'shop'),
    [`/api/v1/configmaps ${OURS}`]: named('shop/dashboards'),
    [`${RBAC}/clusterroles ${OURS}`]: named('readers', 'weftware'),
  };
  t.same(lines(await findInstallation(cluster(answers))), []);
});

t.test('finds what half a deletion has left', async (t) => {
  const answers = { [`${ADMISSION}/mutatingwebhookconfigurations ${OURS}`]: named('weft-injector') };
  const found = await findInstallation(cluster(answers));
  t.same(lines(found), ['MutatingWebhookConfiguration weft-injector']);
  t.equal(obstacleTo(found), null);
});

t.test('stops while pods run with a proxy, and names them and what to do', async (t) => {
  const pods = Array.from({ length: 12 }, (_, i) => `shop/web-${i}`);
  const answers = { ...INSTALLED, '/api/v1/pods weft.dev/control-plane-namespace=weft': named(...pods) };
  t.match(obstacleTo(await findInstallation(cluster(answers))), {
    code: 'still_injected',
    message: /^12 pods still run with a proxy: shop\/web-0, .*shop\/web-9 and 2 more$/,
    hint: /kubectl label namespace .*rollout restart.*--force/,
  });
});

t.test('does not wait for pods that have ended', async (t) => {
  const items = ['Succeeded', 'Failed'].map((phase, i) => ({
    metadata: { name: `job-${i}`, namespace: 'shop' },
    status: { phase },
  }));
  const answers = { ...INSTALLED, '/api/v1/pods weft.dev/control-plane-namespace=weft': { items } };
  t.equal(obstacleTo(await findInstallation(cluster(answers))), null);
});

t.test('stops while others run in the namespace that would go', async (t) => {
  const answers = {
    ...INSTALLED,
    '/api/v1/namespaces/weft/pods app.kubernetes.io/part-of!=weft': named('weft/grafana'),
  };
  t.match(obstacleTo(await findInstallation(cluster(answers))), {
    code: 'others_in_namespace',
    message: /weft\/grafana/,
  });
});
