/**
 * The manifests of the user guide that say who may call whom, unchanged, on the cluster: every request of every client, expected
 * against seen. They are of `default`.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { container, IDLE, SERVER } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl } from '../support/kubectl.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/user');
const file = (name: string) => join(fixtures, `${name}.yaml`);
const PEER = 'istio-peer-authentication';
const POLICY = 'istio-authorization-policy';

const CLIENTS = ['frontend', 'worker', 'outsider', 'unmeshed'];
const METHODS = ['GET', 'HEAD', 'POST', 'DELETE'];
const PATHS = ['/api/items', '/api/internal/jobs', '/api', '/', '/other', '/x/..%2Fapi/items'];

function deployment(name: string, labels: object, account: string, only: object, annotations: object = {}): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: {
          serviceAccountName: account,
          terminationGracePeriodSeconds: 2,
          securityContext: { runAsUser: 1000 },
          containers: [only],
        },
      },
    },
  };
}

const objects = [
  ...['api', 'frontend', 'worker', 'outsider'].map((name) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: 'default' },
  })),
  deployment(
    'guarded-api',
    { app: 'api-service' },
    'api',
    container('api', SERVER, {
      ports: [{ containerPort: 8080 }],
      readinessProbe: { httpGet: { path: '/healthz?probe', port: 8080 }, periodSeconds: 1 },
      livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 2 },
    }),
  ),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'guarded-api', namespace: 'default' },
    spec: { selector: { app: 'api-service' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  ...['frontend', 'worker', 'outsider'].map((name) => deployment(name, { app: name }, name, container(name, IDLE))),
  deployment('unmeshed', { app: 'unmeshed' }, 'default', container('unmeshed', IDLE), {
    'weft.dev/inject': 'disabled',
  }),
];

/** Every method and path of a client: the status, or how the connection ended. */
async function seenBy(client: string): Promise<Record<string, number | string>> {
  const script = `
    const http = require('http');
    const ask = (method, path) => new Promise((done) => http.request({ method, path, host: 'guarded-api.default', agent: false, timeout: 5000 },
      (r) => r.resume().on('end', () => done(r.statusCode))).on('error', (e) => done(e.code)).on('timeout', () => done('timeout')).end());
    (async () => { const seen = {};
      for (const method of ${JSON.stringify(METHODS)}) for (const path of ${JSON.stringify(PATHS)}) seen[method + ' ' + path] = await ask(method, path);
      console.log(JSON.stringify(seen)); })();`;
  return JSON.parse(
    await kubectl('-n', 'default', 'exec', `deploy/${client}`, '-c', client, '--', '/usr/bin/node', '-e', script),
  );
}

/** What the guide's AuthorizationPolicy says, in a sentence of code. */
function mayAsk(client: string, method: string, path: string): boolean {
  if (client === 'frontend') return ['GET', 'POST'].includes(method) && path.startsWith('/api/');
  if (client === 'worker') return method === 'POST' && path.startsWith('/api/internal/');
  return false;
}

/** Compares every request of every client with what is expected of it. @returns how many differ */
async function differences(expected: (client: string, method: string, path: string) => number | string) {
  const wrong: string[] = [];
  for (const client of CLIENTS) {
    const seen = await seenBy(client);
    for (const method of METHODS)
      for (const path of PATHS) {
        const [is, wanted] = [seen[`${method} ${path}`], expected(client, method, path)];
        if (is !== wanted) wrong.push(`${client} ${method} ${path}: ${is}, expected ${wanted}`);
      }
  }
  return wrong;
}

t.test('who may call whom, by the manifests of the user guide', async (t) => {
  await kubectl('label', 'namespace', 'default', 'weft.dev/inject=enabled', '--overwrite');
  t.teardown(async () => {
    for (const name of [PEER, POLICY]) await kubectl('delete', '--ignore-not-found', '-f', file(name));
    for (const name of ['guarded-api', ...CLIENTS])
      await kubectl('-n', 'default', 'delete', '--ignore-not-found', `deployment/${name}`);
    await kubectl('-n', 'default', 'delete', '--ignore-not-found', 'service/guarded-api');
    for (const name of ['api', 'frontend', 'worker', 'outsider'])
      await kubectl('-n', 'default', 'delete', '--ignore-not-found', `serviceaccount/${name}`);
    await kubectl('label', 'namespace', 'default', 'weft.dev/inject-');
  });
  await apply(objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(''));
  for (const name of ['guarded-api', ...CLIENTS])
    await kubectl('-n', 'default', 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
  const restarts = () =>
    kubectl(
      '-n',
      'default',
      'get',
      'pods',
      '-l',
      'app=api-service',
      '-o',
      'jsonpath={.items[*].status.containerStatuses[*].restartCount}',
    );
  const before = await restarts();
  const isAsExpected = (expected: (client: string, method: string, path: string) => number | string) =>
    eventually(async () => (await differences(expected)).length === 0, 60_000);
  t.ok(await isAsExpected(() => 200), 'without one, every request passes');

  await t.test('a PeerAuthentication cuts off who has no identity, and nobody else', async (t) => {
    await kubectl('apply', '-f', file(PEER));
    const expected = (client: string) => (client === 'unmeshed' ? 'ECONNRESET' : 200);
    t.ok(await isAsExpected(expected));
    t.same(await differences(expected), []);
  });

  await t.test('an AuthorizationPolicy beside it lets in whom it names for what it names', async (t) => {
    await kubectl('apply', '-f', file(POLICY));
    const expected = (client: string, method: string, path: string) =>
      client === 'unmeshed' ? 'ECONNRESET' : mayAsk(client, method, path) ? 200 : 403;
    t.ok(await isAsExpected(expected));
    t.same(await differences(expected), []);
  });

  await t.test('the AuthorizationPolicy alone answers who has no identity, too', async (t) => {
    await kubectl('delete', '-f', file(PEER));
    const expected = (client: string, method: string, path: string) => (mayAsk(client, method, path) ? 200 : 403);
    t.ok(await isAsExpected(expected));
    t.same(await differences(expected), []);
  });

  await t.test('the kubelet has reached its probes throughout', async (t) => {
    t.equal(await restarts(), before);
    t.match(
      await kubectl('-n', 'default', 'get', 'deployment', 'guarded-api', '-o', 'jsonpath={.status.readyReplicas}'),
      '1',
    );
  });

  await t.test('a policy that cannot be read is refused with its field', async (t) => {
    const broken = readFileSync(file(POLICY), 'utf8').replace('methods:', 'verbs:');
    await t.rejects(apply(broken), /spec\.rules\[0\]\.to\[0\]\.operation\.verbs: is unknown/);
  });

  await t.test('without them every request passes again', async (t) => {
    await kubectl('delete', '-f', file(POLICY));
    t.ok(await isAsExpected(() => 200));
  });
});
