import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';

import { ApiClient, type ApiError } from './api-client.ts';
import { ListWatch, type ObjectChange } from './list-watch.ts';

/** Registers tests of the API client against the API server of `KUBECONFIG`; skipped, saying so, where that is not set. */
export function clusterTests(t: Test): void {
  const skip = process.env.KUBECONFIG ? false : 'KUBECONFIG is not set: there is no API server';

  t.test('list-watch follows a real collection', { skip }, async (t) => {
    const { client, namespace } = await makeNamespace(t);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    for (const name of ['a', 'b', 'c']) await client.create(path, configMap(name, '1'));
    const seen: string[] = [];
    const problems: string[] = [];
    const watch = new ListWatch({
      client,
      paths: [path],
      pageSize: 2,
      onChanges: (changes) => seen.push(...changes.map(nameOf)),
      onProblem: (message) => problems.push(message),
    });
    t.teardown(() => watch.stop());
    watch.start();
    await watch.synced;
    t.same(
      seen.filter((line) => !line.includes('kube-root-ca')).sort(),
      ['put a=1', 'put b=1', 'put c=1'],
      'two pages',
    );
    seen.length = 0;
    await client.patch(`${path}/a`, { data: { key: '2' } }, 'application/merge-patch+json');
    await client.create(path, configMap('d', '1'));
    await client.delete(`${path}/b`);
    await eventually(t, () => seen.join() === 'put a=2,put d=1,gone b');
    t.same(problems, []);
    t.ok(watch.stalenessMs() < 5000);
  });

  t.test('list-watch sees metadata alone where it asks for that', { skip }, async (t) => {
    const { client, namespace } = await makeNamespace(t);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    await client.create(path, configMap('a', '1'));
    const objects: unknown[] = [];
    const watch = new ListWatch({
      client,
      paths: [path],
      metadataOnly: true,
      onChanges: (changes) => objects.push(...changes.map((change) => change.type === 'put' && change.object)),
      onProblem: (message) => t.fail(message),
    });
    t.teardown(() => watch.stop());
    watch.start();
    await watch.synced;
    await client.create(path, configMap('b', '1'));
    await eventually(t, () =>
      objects.some((object) => (object as { metadata: { name: string } }).metadata.name === 'b'),
    );
    t.notOk(objects.some((object) => 'data' in (object as object)));
  });

  t.test('the client says why a request is refused', { skip }, async (t) => {
    const { client, namespace } = await makeNamespace(t);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const made = await client.create(path, configMap('a', '1'));
    t.match(await failure(client.create(path, configMap('a', '1'))), { status: 409, reason: 'AlreadyExists' });
    t.match(await failure(client.get(`${path}/none`)), { status: 404, reason: 'NotFound' });
    await client.update(`${path}/a`, { ...made, data: { key: '2' } });
    t.match(await failure(client.update(`${path}/a`, { ...made, data: { key: '3' } })), {
      status: 409,
      reason: 'Conflict',
    });
    t.match(await failure(client.create(path, configMap('Not a name', '1'))), { status: 422, reason: 'Invalid' });
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

function configMap(name: string, value: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { key: value } };
}

function nameOf(change: ObjectChange): string {
  return change.type === 'put'
    ? `put ${change.object.metadata.name}=${change.object.data?.key}`
    : `gone ${change.name}`;
}

async function failure(promise: Promise<unknown>): Promise<ApiError | null> {
  return await promise.then(
    () => null,
    (error: ApiError) => error,
  );
}

async function eventually(t: Test, isTrue: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!isTrue() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(isTrue(), 'within 10 s');
}
