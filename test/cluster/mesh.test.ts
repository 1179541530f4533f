import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

import { container, IDLE, metrics, NAMESPACE, podIp, request, SERVER, workload } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl, run } from '../support/kubectl.ts';

const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 2 };
/** Time for the endpoint to leave, as rollouts want it: SIGTERM and the news of it go different ways. */
const lifecycle = { preStop: { sleep: { seconds: 3 } } };
const ports = [{ containerPort: 8080 }, { containerPort: 3306 }];
const objects = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: { 'weft.dev/inject': 'enabled' } } },
  ...['api', 'db', 'client', 'guarded', 'task'].map((name) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: NAMESPACE },
  })),
  workload('Deployment', 'api', 2, {
    containers: [
      container('api', SERVER, {
        ports,
        lifecycle,
        readinessProbe: probe,
        livenessProbe: { ...probe, httpGet: { path: '/', port: 8080 } },
      }),
    ],
  }),
  workload('StatefulSet', 'db', 1, {
    containers: [container('db', SERVER, { ports, lifecycle, readinessProbe: probe })],
  }),
  workload(
    'Deployment',
    'guarded',
    1,
    { containers: [container('guarded', SERVER, { ports, lifecycle, readinessProbe: probe })] },
    { 'weft.dev/default-inbound-policy': 'all-authenticated' },
  ),
  workload('Deployment', 'client', 1, { containers: [container('client', IDLE)] }),
  workload(
    'Deployment',
    'stranger',
    1,
    { serviceAccountName: 'default', containers: [container('stranger', IDLE)] },
    { 'weft.dev/inject': 'disabled' },
  ),
  ...['api', 'db', 'guarded'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      selector: { app: name },
      ...(name === 'db' ? { clusterIP: 'None' } : {}),
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'db', port: 3306 },
      ],
    },
  })),
  {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'task', namespace: NAMESPACE },
    spec: {
      template: {
        spec: {
          restartPolicy: 'Never',
          serviceAccountName: 'task',
          containers: [container('task', `fetch('http://api.${NAMESPACE}').then((r) => process.exit(r.ok ? 0 : 1))`)],
        },
      },
    },
  },
];

t.test('a Deployment, a StatefulSet and a Job of a labelled namespace come up with a proxy', async (t) => {
  await apply(objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(''));
  for (const name of [
    'deployment/api',
    'statefulset/db',
    'deployment/guarded',
    'deployment/client',
    'deployment/stranger',
  ]) {
    await kubectl('-n', NAMESPACE, 'rollout', 'status', name, '--timeout=120s');
  }
  const pods = JSON.parse(await kubectl('-n', NAMESPACE, 'get', 'pods', '-o', 'json')) as {
    items: { metadata: { labels: Record<string, string> }; spec: { initContainers?: { name: string }[] } }[];
  };
  for (const { metadata, spec } of pods.items) {
    const names = (spec.initContainers ?? []).map(({ name }) => name);
    t.same(names, metadata.labels.app === 'stranger' ? [] : ['weft-init', 'weft-proxy'], metadata.labels.app ?? 'job');
  }
  t.ok(
    await eventually(
      async () => (await kubectl('-n', NAMESPACE, 'get', 'job', 'task', '-o', 'jsonpath={.status.succeeded}')) === '1',
      60_000,
    ),
    'the Job completes beside its proxy',
  );
});

t.test('requests between pods travel over mutual TLS', async (t) => {
  const { status, body } = await request('client', `http://api.${NAMESPACE}.svc.cluster.local/`);
  t.equal(status, 200);
  t.match(body, `client.${NAMESPACE}.serviceaccount.identity.weft.cluster.local`);
  t.match(await metrics('client'), /request_total\{direction="outbound".*tls="true".*dst_deployment="api"/);
});

t.test('a StatefulSet is reached by the name of its pod', async (t) => {
  const { status, body } = await request('client', `http://db-0.db.${NAMESPACE}.svc.cluster.local:8080/`);
  t.equal(status, 200);
  t.match(body, `client.${NAMESPACE}.serviceaccount`);
});

t.test('kubelet probes pass under all-authenticated, and a stranger is refused', async (t) => {
  t.equal((await request('client', `http://guarded.${NAMESPACE}/`)).status, 200);
  const { status, headers, body } = await request('stranger', `http://${await podIp('guarded')}:8080/`);
  t.equal(status, 403);
  t.notOk(headers['weft-proxy-error']);
  t.equal(body, '');
});

t.test('a ServiceProfile that is written and edited takes effect live', async (t) => {
  const profile = (timeout: string) =>
    apply(
      JSON.stringify({
        apiVersion: 'linkerd.io/v1alpha2',
        kind: 'ServiceProfile',
        metadata: { name: `api.${NAMESPACE}.svc.cluster.local`, namespace: NAMESPACE },
        spec: { routes: [{ name: 'slow', condition: { pathRegex: '/slow/.*' }, timeout }] },
      }),
    );
  const status = async () => (await request('client', `http://api.${NAMESPACE}/slow/500`)).status;
  t.equal(await status(), 200);
  await profile('100ms');
  t.ok(await eventually(async () => (await status()) === 504), 'a timeout of 100 ms answers 504');
  await profile('5s');
  t.ok(await eventually(async () => (await status()) === 200), 'a timeout of 5 s does not');
});

t.test('a route profile that a Deployment is annotated with takes effect without a restart', async (t) => {
  await apply(
    JSON.stringify({
      apiVersion: 'linkerd.io/v1alpha2',
      kind: 'ServiceProfile',
      metadata: { name: 'guarded-routes', namespace: NAMESPACE },
      spec: { routes: [{ name: 'guarded slow', condition: { pathRegex: '/slow/.*' }, timeout: '100ms' }] },
    }),
  );
  const pod = await kubectl('-n', NAMESPACE, 'get', 'pods', '-l', 'app=guarded', '-o', 'name');
  const status = async () => (await request('client', `http://guarded.${NAMESPACE}/slow/500`)).status;
  t.equal(await status(), 200);
  await kubectl('-n', NAMESPACE, 'annotate', 'deployment', 'guarded', 'weft.dev/route-profile=guarded-routes');
  t.ok(await eventually(async () => (await status()) === 504), 'its timeout answers 504');
  t.equal(await kubectl('-n', NAMESPACE, 'get', 'pods', '-l', 'app=guarded', '-o', 'name'), pod, 'the pod is the same');
});

t.test('an invalid ServiceProfile is refused at admission with the field', async (t) => {
  const { code, error } = await run(
    'kubectl',
    ['apply', '-f', '-'],
    JSON.stringify({
      apiVersion: 'linkerd.io/v1alpha2',
      kind: 'ServiceProfile',
      metadata: { name: `db.${NAMESPACE}.svc.cluster.local`, namespace: NAMESPACE },
      spec: { routes: [{ name: 'broken', condition: { pathRegex: '/a(' } }] },
    }),
  );
  t.not(code, 0);
  t.match(error, 'pathRegex');
});

t.test('a protocol whose server speaks first passes on an opaque port', async (t) => {
  const script = `const s = require('net').connect(3306, 'api.${NAMESPACE}'); let text = ''; s.once('data', () => s.write('ping')); s.on('data', (c) => { text += c }); s.on('close', () => console.log(text));`;
  const out = await kubectl(
    '-n',
    NAMESPACE,
    'exec',
    'deploy/client',
    '-c',
    'client',
    '--',
    '/usr/bin/node',
    '-e',
    script,
  );
  t.equal(out.trim(), 'hello\nyou said ping');
  t.match(await metrics('client'), /tcp_open_total\{direction="outbound".*target_port="3306".*tls="true"/);
});

t.test('Prometheus scrapes the routes of the pods', async (t) => {
  if ((await run('sh', ['-c', 'command -v prometheus'])).code !== 0)
    return void t.pass('', { skip: 'prometheus is not installed' });
  const folder = mkdtempSync(join(tmpdir(), 'weft-prometheus-'));
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: weft-proxy\n    static_configs: [{ targets: ["${await podIp('client')}:4191"], labels: { pod: client } }]\n`,
  );
  const child = spawn(
    'prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:19090',
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  );
  t.teardown(() => child.kill());
  const query = encodeURIComponent('sum by (rt_route) (route_response_total{direction="outbound",rt_route="slow"})');
  const found = await eventually(async () => {
    const answer = (await (await fetch(`http://127.0.0.1:19090/api/v1/query?query=${query}`)).json()) as {
      data: { result: { value: [number, string] }[] };
    };
    return Number(answer.data.result[0]?.value[1]) > 0;
  });
  t.ok(found, 'route_response_total of the route "slow" is there');
});

t.test('certificates are renewed live', async (t) => {
  const renewals = async () =>
    Number(/control_identity_cert_refreshes_total\{result="ok"\} (\d+)/.exec(await metrics('client'))?.[1]);
  t.ok(
    await eventually(async () => (await renewals()) >= 2, 90_000),
    'a certificate of 20 s (and 60 s of clock skew) was renewed',
  );
  t.equal((await request('client', `http://api.${NAMESPACE}/`)).status, 200);
});
