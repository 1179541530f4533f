/** The manifests of the user guide, unchanged, on the cluster: each alone, then all together. They are of `default`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { container, IDLE, weft } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { isLikely, routeCounts, TEN_REQUESTS } from '../support/user-guide.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/user');
const file = (name: string) => join(fixtures, `${name}.yaml`);

/** Answers its version; /slow/N after N milliseconds; 500 from SIGUSR2 until SIGHUP. */
const SERVER = [
  "const http = require('http'); let fails = false; process.on('SIGUSR2', () => { fails = true; });",
  "process.on('SIGHUP', () => { fails = false; }); process.on('SIGTERM', () => process.exit(0));",
  "http.createServer((q, r) => { q.resume(); const [, kind, value] = q.url.split('/'); const { VERSION: version, HOSTNAME: pod } = process.env;",
  "setTimeout(() => r.writeHead(fails ? 500 : 200).end(JSON.stringify({ version, pod })), kind === 'slow' ? +value : 0); }).listen(8080, '::');",
].join(' ');

/** Sends requests over 8 connections and counts what answered. */
const LOAD = (count: number, path: string, key: string) =>
  [
    `const http = require('http'); const agent = new http.Agent({ keepAlive: true, maxSockets: 8 }); let left = ${count}; const seen = {};`,
    'const note = (k) => { seen[k] = (seen[k] ?? 0) + 1; };',
    `const one = () => new Promise((done) => http.get({ agent, host: 'api-service.default', path: '${path}' }, (r) => { let b = ''; r.on('data', (c) => { b += c; });`,
    `r.on('end', () => { note(r.statusCode === 200 ? JSON.parse(b).${key} : r.statusCode); done(); }); }).on('error', (e) => { note(e.code); done(); }));`,
    'Promise.all(Array.from({ length: 8 }, async () => { while (left-- > 0) await one(); })).then(() => { console.log(JSON.stringify(seen)); process.exit(0); });',
  ].join(' ');

function version(name: string, label: string, replicas: number): object {
  const labels = { app: 'api-service', version: label };
  const server = container('api', SERVER, {
    env: [{ name: 'VERSION', value: label }],
    ports: [{ containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
  });
  return deployment(name, labels, replicas, server);
}

function deployment(name: string, labels: object, replicas: number, only: object): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 2, securityContext: { runAsUser: 1000 }, containers: [only] },
      },
    },
  };
}

function service(name: string, selector: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  };
}

const objects = [
  service('api-service', { app: 'api-service' }),
  service('api-service-stable', { app: 'api-service', version: 'v1' }),
  service('api-service-canary', { app: 'api-service', version: 'v2' }),
  version('stable', 'v1', 2),
  version('canary', 'v2', 1),
  deployment('load', { app: 'load' }, 1, container('load', IDLE)),
];
const text = objects.map((object) => `---\n${JSON.stringify(object)}\n`).join('');

async function inLoad(script: string): Promise<string> {
  return kubectl('-n', 'default', 'exec', 'deploy/load', '-c', 'load', '--', '/usr/bin/node', '-e', script);
}

async function sent(count: number, path = '/', key = 'version'): Promise<Record<string, number>> {
  return JSON.parse(await inLoad(LOAD(count, path, key)));
}

async function metrics(): Promise<string> {
  const ip = await kubectl('-n', 'default', 'get', 'pods', '-l', 'app=load', '-o', 'jsonpath={.items[0].status.podIP}');
  return (await fetch(`http://${ip}:4191/metrics`)).text();
}

const COUNT = 20_000;
const applyFiles = (...names: string[]) =>
  kubectl('-n', 'default', 'apply', ...names.flatMap((name) => ['-f', file(name)]));
const deleteFiles = (...names: string[]) =>
  kubectl('-n', 'default', 'delete', '--ignore-not-found', ...names.flatMap((name) => ['-f', file(name)]));

t.test('the manifests of the user guide on the cluster', async (t) => {
  await kubectl('label', 'namespace', 'default', 'weft.dev/inject=enabled', '--overwrite');
  t.teardown(async () => {
    await deleteFiles(
      'istio-virtual-service',
      'istio-destination-rule',
      'smi-traffic-split',
      'linkerd-service-profile',
    );
    for (const name of ['deployment/stable', 'deployment/canary', 'deployment/load'])
      await kubectl('-n', 'default', 'delete', '--ignore-not-found', name);
    for (const name of ['api-service', 'api-service-stable', 'api-service-canary'])
      await kubectl('-n', 'default', 'delete', '--ignore-not-found', `service/${name}`);
    await kubectl('label', 'namespace', 'default', 'weft.dev/inject-');
  });
  await apply(text);
  for (const name of ['stable', 'canary', 'load'])
    await kubectl('-n', 'default', 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
  t.ok(await eventually(async () => (await sent(20)).v1! > 0), 'requests arrive');

  await t.test('VirtualService and DestinationRule share requests out, and bound their time', async (t) => {
    await applyFiles('istio-virtual-service', 'istio-destination-rule');
    t.ok(await eventually(async () => /rt_route="api-service\[0\]"/.test((await sent(5)) && (await metrics()))));
    const seen = await sent(COUNT);
    t.ok(isLikely(seen.v2!, COUNT, 0.1), JSON.stringify(seen));
    t.equal(seen.v1! + seen.v2!, COUNT);
    const script =
      "const send = (path) => fetch('http://api-service.default' + path); send('/').then((r) => r.text()).then(() => { const start = performance.now(); return send('/slow/60000').then((r) => console.log(r.status, Math.round(performance.now() - start))); })";
    const [status, ms] = (await inLoad(script)).trim().split(' ').map(Number);
    t.equal(status, 504);
    t.ok(ms! > 9980 && ms! < 11_000, `${ms} ms`);
    t.comment(`${JSON.stringify(seen)}; total timeout after ${ms} ms`);
  });

  await t.test('a DestinationRule takes a failing endpoint out', async (t) => {
    await deleteFiles('istio-virtual-service');
    t.ok(await eventually(async () => !(await sent(300, '/', 'pod'))['404']));
    const pod = (await kubectl('-n', 'default', 'get', 'pods', '-l', 'version=v1', '-o', 'name')).split('\n')[0]!;
    const signal = (name: string) =>
      kubectl('-n', 'default', 'exec', pod, '-c', 'api', '--', '/usr/bin/node', '-e', `process.kill(1, '${name}')`);
    await signal('SIGUSR2');
    const first = await sent(400, '/', 'pod');
    t.ok(first['500']! >= 5 && first['500']! < 13, JSON.stringify(first));
    const after = await sent(400, '/', 'pod');
    t.equal(after['500'], undefined, JSON.stringify(after));
    t.equal(Object.keys(after).length, 2);
    await signal('SIGHUP');
    const isBack = async () => ((await sent(50, '/', 'pod'))[pod.replace('pod/', '')] ?? 0) > 0;
    t.ok(await eventually(isBack, 70_000), 'and back in');
    await deleteFiles('istio-destination-rule');
  });

  await t.test('a TrafficSplit shares requests out', async (t) => {
    await applyFiles('smi-traffic-split');
    t.ok(await eventually(async () => Math.abs((await sent(100)).v2! - 10) <= 2), 'instead of a third');
    const seen = await sent(COUNT);
    t.ok(isLikely(seen.v2!, COUNT, 0.1), JSON.stringify(seen));
    t.comment(JSON.stringify(seen));
    await deleteFiles('smi-traffic-split');
  });

  await t.test('a ServiceProfile names the routes in metrics', async (t) => {
    await applyFiles('linkerd-service-profile');
    const counts = async () =>
      (await sent(5, '/api/users')) && /route_request_total\{[^}]*rt_route="GET \/api\/users"/.test(await metrics());
    t.ok(await eventually(counts));
  });

  await t.test(
    'all together: one decides, and the loser says so in its status, an Event and weft analyze',
    async (t) => {
      await applyFiles('istio-virtual-service', 'istio-destination-rule', 'smi-traffic-split');
      const condition = () =>
        kubectl(
          '-n',
          'default',
          'get',
          'virtualservice',
          'api-service',
          '-o',
          'jsonpath={.status.conditions[0].reason}',
        );
      t.ok(await eventually(async () => (await condition()) === 'Conflicted'), await condition());
      const accepted = (kind: string, name: string) =>
        kubectl('-n', 'default', 'get', kind, name, '-o', 'jsonpath={.status.conditions[0].reason}');
      t.ok(await eventually(async () => (await accepted('trafficsplit', 'api-service-split')) === 'Accepted'));
      const before = await metrics();
      const seen = await sent(COUNT, '/api/users');
      t.ok(isLikely(seen.v2!, COUNT, 0.1), JSON.stringify(seen));
      const count = (text: string, route: string) =>
        Number(new RegExp(`route_request_total\\{[^}]*rt_route="${route}"[^}]*\\} (\\d+)`).exec(text)?.[1] ?? 0);
      const after = await metrics();
      t.equal(
        count(after, 'GET /api/users') - count(before, 'GET /api/users'),
        COUNT,
        'the ServiceProfile routes them',
      );
      const events = await kubectl(
        '-n',
        'default',
        'get',
        'events',
        '-o',
        'jsonpath={range .items[*]}{.message}{"\\n"}{end}',
      );
      t.match(events, /has no effect on requests to api-service\.default/);
      const { out, code } = await weft('analyze', '-n', 'default');
      t.match(out, /error: VirtualService\/default\/api-service: has no effect/);
      t.equal(code, 1);
    },
  );

  await t.test(
    'weft why says the same of ten requests on files and on the cluster, and the proxies do it',
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'weft-why-'));
      t.teardown(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, 'objects.yaml'), text);
      const names = ['istio-virtual-service', 'istio-destination-rule', 'smi-traffic-split', 'linkerd-service-profile'];
      const files = ['objects', ...names].flatMap((name) => ['-f', name === 'objects' ? folder : file(name)]);
      for (const { method, path, route } of TEN_REQUESTS) {
        const args = ['why', method, `http://api-service.default${path}`, '--from', 'deploy/load', '-o', 'json'];
        const [offline, live] = await Promise.all([weft(...args, ...files), weft(...args)]);
        const decision = ({ out }: { out: string }) => {
          const { route, unmatched, passedOver, retryBudget, split, complaints } = JSON.parse(out);
          const decided = route && { ...route, place: '' };
          const shares = split.map(({ backend, share }: { backend: string; share: number }) => ({ backend, share }));
          const names = passedOver.map(({ name, origin }: { name: string; origin: string }) => ({ name, origin }));
          return { route: decided, unmatched, passedOver: names, retryBudget, split: shares, complaints };
        };
        t.same(decision(live), decision(offline), `${method} ${path}`);
        t.equal(decision(live).route?.name ?? '', route);
        const before = routeCounts(await metrics(), 'api-service.default');
        await inLoad(`fetch('http://api-service.default${path}', { method: '${method}' }).then((r) => r.text())`);
        const after = routeCounts(await metrics(), 'api-service.default');
        t.equal((after.get(route) ?? 0) - (before.get(route) ?? 0), 1, 'and that is what the proxy did');
      }
    },
  );

  await t.test('a broken VirtualService is refused with its field', async (t) => {
    const broken = readFileSync(file('istio-virtual-service'), 'utf8').replace(
      'perTryTimeout: 3s',
      'perTryTimeout: soon',
    );
    await t.rejects(apply(broken), /spec\.http\[0\]\.retries\.perTryTimeout: "soon" is no duration/);
  });
});
