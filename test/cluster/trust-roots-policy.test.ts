/** `weft install --trust-roots-policy` on the cluster: who writes the roots that pods of a namespace trust. */
import t from 'tap';

import { TRUST_ROOTS_CONFIG_MAP } from '../../api/names.ts';
import { DEFAULT_INSTALL_SETTINGS } from '../../manifests/settings.ts';
import { trustRootsPolicy } from '../../manifests/trust-roots-policy.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl, run } from '../support/kubectl.ts';

const NAMESPACE = 'guarded';
const EDITOR = `system:serviceaccount:${NAMESPACE}:editor`;
const IDENTITY = 'system:serviceaccount:weft:weft-identity';
const policy = trustRootsPolicy(DEFAULT_INSTALL_SETTINGS);

const list = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
/** Changes the roots of the namespace as somebody. @returns what kubectl said, empty where it was done */
async function write(user: string, name = TRUST_ROOTS_CONFIG_MAP): Promise<string> {
  const patch = `{"data":{"test":"${performance.now()}"}}`;
  const { code, error } = await run('kubectl', [
    'patch',
    'configmap',
    name,
    '-n',
    NAMESPACE,
    '--as',
    user,
    '-p',
    patch,
  ]);
  return code === 0 ? '' : error;
}

t.test('who may write ConfigMaps of a namespace may not write its trust roots', async (t) => {
  t.teardown(async () => {
    await run('kubectl', ['delete', '-f', '-', '--ignore-not-found'], list(policy));
    await run('kubectl', ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']);
  });
  await apply(
    list([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'editor', namespace: NAMESPACE } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'editor', namespace: NAMESPACE },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
        subjects: [{ kind: 'ServiceAccount', name: 'editor', namespace: NAMESPACE }],
      },
      ...[TRUST_ROOTS_CONFIG_MAP, 'other'].map((name) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: NAMESPACE },
      })),
    ]),
  );
  t.equal(await write(EDITOR), '', 'before the policy');
  await apply(list(policy));
  t.ok(await eventually(async () => (await write(EDITOR)) !== '', 30_000), 'the policy is in force soon');
  t.match(await write(EDITOR), `${EDITOR} may not update ${TRUST_ROOTS_CONFIG_MAP}, by which pods trust`);
  const deletion = ['delete', 'configmap', TRUST_ROOTS_CONFIG_MAP, '-n', NAMESPACE];
  t.match((await run('kubectl', [...deletion, '--as', EDITOR])).error, /may not delete/);
  t.equal(await write(EDITOR, 'other'), '', 'any other ConfigMap is his');
  t.equal(await write(IDENTITY), '', 'identity writes them');
  await kubectl(...deletion);
  t.pass('and so does an administrator of the cluster');
});
