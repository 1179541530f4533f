/** A bound on the requests of a port, by the manifests of Linkerd. Clients are those of mesh.test.ts. */
import t from 'tap';

import { container, metrics, NAMESPACE, podIp, SERVER, weft, workload } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl } from '../support/kubectl.ts';

const NAME = 'limited';
const metadata = { name: NAME, namespace: NAMESPACE };
/** Requests that a client sends at once, and how many of them each client may send in a second. */
const SENT = 30;
const LIMIT = 5;
/** After this time without a request a client may send as many again. */
const FULL_MS = 1000;

const objects = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
  workload('Deployment', NAME, 1, {
    containers: [
      container(NAME, SERVER, {
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 2 },
      }),
    ],
  }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector: { app: NAME }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  },
];

const server = {
  apiVersion: 'policy.linkerd.io/v1beta3',
  kind: 'Server',
  metadata,
  spec: {
    podSelector: { matchLabels: { app: NAME } },
    port: 'http',
    proxyProtocol: 'HTTP/1',
    accessPolicy: 'all-unauthenticated',
  },
};

function policy(name: string, requestsPerSecond: number): object {
  return {
    apiVersion: 'policy.linkerd.io/v1alpha1',
    kind: 'HTTPLocalRateLimitPolicy',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: NAME },
      identity: { requestsPerSecond },
    },
  };
}

const applied = (...manifests: object[]) => apply(manifests.map((each) => `---\n${JSON.stringify(each)}\n`).join(''));

interface Answered {
  readonly status: number;
  readonly reason: string | null;
  readonly body: string;
}

/** Answers to {@link SENT} requests that the first pod of a Deployment sends at once. */
async function burst(from: string, url: string): Promise<Answered[]> {
  const one = `fetch(${JSON.stringify(url)}).then(async (r) => ({ status: r.status, reason: r.headers.get('weft-proxy-error'), body: await r.text() }))`;
  const script = `Promise.all(Array.from({ length: ${SENT} }, () => ${one})).then((all) => console.log(JSON.stringify(all)))`;
  return JSON.parse(
    await kubectl('-n', NAMESPACE, 'exec', `deploy/${from}`, '-c', from, '--', '/usr/bin/node', '-e', script),
  );
}

const withStatus = (answers: readonly Answered[], status: number) => answers.filter((each) => each.status === status);

/** `True Accepted`: what is made of an object, as its status says it. */
function verdict(resource: string, name = NAME): Promise<string> {
  const condition = '.status.conditions[?(@.type=="weft.dev/Accepted")]';
  const path = `jsonpath={${condition}.status} {${condition}.reason}`;
  return kubectl('-n', NAMESPACE, 'get', `${resource}.policy.linkerd.io`, name, '-o', path);
}

t.test('a rate limit on the cluster', async (t) => {
  t.teardown(async () => {
    for (const kind of ['httplocalratelimitpolicies.policy.linkerd.io', 'servers.policy.linkerd.io'])
      await kubectl('-n', NAMESPACE, 'delete', kind, '--all');
    for (const kind of ['deployment', 'service', 'serviceaccount'])
      await kubectl('-n', NAMESPACE, 'delete', '--ignore-not-found', kind, NAME);
  });
  await applied(...objects);
  await kubectl('-n', NAMESPACE, 'rollout', 'status', `deployment/${NAME}`, '--timeout=120s');
  const url = `http://${NAME}.${NAMESPACE}/`;
  const allPass = async () => withStatus(await burst('client', url), 200).length === SENT;
  t.ok(await eventually(allPass), 'without one, every request passes');

  await t.test('refuses what is beyond it, and says why to a meshed client', async (t) => {
    await applied(server, policy(NAME, LIMIT));
    const isRefused = async () => withStatus(await burst('client', url), 429).length > 0;
    t.ok(await eventually(isRefused), 'it takes effect live');
    await new Promise((resolve) => setTimeout(resolve, FULL_MS));
    const answers = await burst('client', url);
    const refused = withStatus(answers, 429);
    const passed = withStatus(answers, 200);
    t.equal(refused.length + passed.length, SENT, JSON.stringify(answers));
    // A burst takes less than 3 s, in each of which the bucket fills up once.
    t.ok(passed.length >= LIMIT && passed.length <= 4 * LIMIT, `${passed.length} passed`);
    t.match(refused[0], {
      reason: 'rate_limited',
      body: `HTTPLocalRateLimitPolicy/${NAMESPACE}/${NAME} lets ${LIMIT} requests a second of this client through`,
    });
    t.match(
      await metrics(NAME),
      new RegExp(
        `inbound_http_local_ratelimit_total\\{target_port="8080",.*ratelimit_name="${NAME}",ratelimit_scope="identity"\\} [1-9]`,
      ),
    );
  });

  await t.test('tells a stranger the status alone', async (t) => {
    const refused = withStatus(await burst('stranger', `http://${await podIp(NAME)}:8080/`), 429);
    t.ok(refused.length > 0);
    t.same(refused[0], { status: 429, reason: null, body: '' });
  });

  await t.test('says in the status of each object what is made of it', async (t) => {
    for (const resource of ['servers', 'httplocalratelimitpolicies'])
      t.ok(await eventually(async () => (await verdict(resource)) === 'True Accepted'), await verdict(resource));
    await applied(policy(`${NAME}-too`, 2 * LIMIT));
    const isTold = async () => (await verdict('httplocalratelimitpolicies', `${NAME}-too`)) === 'False Conflicted';
    t.ok(await eventually(isTold), 'of two policies of a Server the younger has no effect');
    const { out, code } = await weft('analyze', '-n', NAMESPACE);
    t.match(out, `HTTPLocalRateLimitPolicy/${NAMESPACE}/${NAME}-too: has no effect`);
    t.equal(code, 1);
  });

  await t.test('is checked when it is written', async (t) => {
    await t.rejects(applied(policy('none', 0)), /spec\.identity\.requestsPerSecond/);
  });

  await t.test('is over when its policy is gone', async (t) => {
    await kubectl('-n', NAMESPACE, 'delete', 'httplocalratelimitpolicies.policy.linkerd.io', '--all');
    t.ok(await eventually(allPass));
  });
});
