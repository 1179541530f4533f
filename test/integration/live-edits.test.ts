/** What `weft run` says of edits in its folder: each is applied, wrong in a place that is named, or wants a restart. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';

import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { LocalMesh, unprivilegedObstacle } from '../support/local-mesh.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-live-'));
chmodSync(folder, 0o755);
t.teardown(() => rmSync(folder, { recursive: true }));

const port = await freePort();
const program = `require('node:http').createServer((q, r) => r.end()).listen(${port}, process.env.HOST)`;
const deployment = (name: string, replicas: number, kind = 'Deployment') => `apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: [{ name: main, command: [node, -e, "${program}"], ports: [{ containerPort: ${port} }] }]
---
`;
const service = `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: ${port} }] }
---
`;
const profile = (route: string) => `apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: web.default.svc.cluster.local, namespace: default }
spec:
  routes:
    - { name: all, condition: { pathRegex: /.* }${route} }
`;
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
write('web.yaml', deployment('web', 1) + service);

t.test('a mesh whose folder is edited', { skip: unprivilegedObstacle() || false }, async (t) => {
  const mesh = new LocalMesh('--network', 'loopback', folder);
  t.teardown(() => mesh.process.kill('SIGKILL'));
  await mesh.up();

  /** Makes an edit. @returns what is said within a few seconds, from the first line that matches on */
  const says = async (edit: () => void, pattern: RegExp): Promise<string> => {
    const from = mesh.output.length;
    edit();
    await eventually(() => pattern.test(mesh.output.slice(from)), 10_000);
    return mesh.output.slice(from);
  };
  const expectLine = async (t: Test, edit: () => void, pattern: RegExp) => t.match(await says(edit, pattern), pattern);

  await t.test('a profile that is added is applied', (t) =>
    expectLine(
      t,
      () => write('profile.yaml', profile('')),
      /^applied: ServiceProfile\/default\/web\.default\.svc\.cluster\.local added \(.*profile\.yaml:1\)$/m,
    ),
  );

  await t.test('a profile that is edited is applied', (t) =>
    expectLine(
      t,
      () => write('profile.yaml', profile(', timeout: 5s')),
      /^applied: ServiceProfile\/default\/web\.\S+ changed \(.*profile\.yaml:1\)$/m,
    ),
  );

  await t.test('an unknown field is named with its file and object, and the rest is applied', async (t) => {
    const edit = () => write('profile.yaml', profile(', timeout: 6s, retryable: true'));
    const said = await says(edit, /^applied:/m);
    t.match(said, /^! .*profile\.yaml:1: ServiceProfile\/default\/web\.\S+: spec\.routes\[0\]\.retryable: /m);
    t.match(said, /^applied: ServiceProfile\/default\/web\.\S+ changed/m);
  });

  await t.test('broken YAML is named with its line, and once more while it stays broken', async (t) => {
    const broken = `${profile('')}  broken: [\n`;
    await expectLine(t, () => write('profile.yaml', broken), /^! .*profile\.yaml:\d+: is not YAML: /m);
    await expectLine(t, () => write('profile.yaml', `${broken}\n`), /^! .*profile\.yaml:\d+: is not YAML: /m);
  });

  await t.test('a profile that is deleted is applied', (t) =>
    expectLine(
      t,
      () => rmSync(join(folder, 'profile.yaml')),
      /^applied: ServiceProfile\/default\/web\.\S+ removed \(.*profile\.yaml:1\)$/m,
    ),
  );

  await t.test('other replicas want a restart', (t) =>
    expectLine(
      t,
      () => write('web.yaml', deployment('web', 2) + service),
      /^restart to apply: Deployment\/default\/web: spec\.replicas has changed \(.*web\.yaml:1\)$/m,
    ),
  );

  await t.test('what is put back needs no restart any more', (t) =>
    expectLine(
      t,
      () => write('web.yaml', deployment('web', 1) + service),
      /^as it runs: Deployment\/default\/web \(.*web\.yaml:1\)$/m,
    ),
  );

  await t.test('a new Deployment wants a restart', (t) =>
    expectLine(
      t,
      () => write('second.yaml', deployment('second', 1)),
      /^restart to apply: Deployment\/default\/second added \(.*second\.yaml:1\)$/m,
    ),
  );

  await t.test('a Service with other ports wants a restart', (t) =>
    expectLine(
      t,
      () => write('web.yaml', deployment('web', 1) + service.replace('port: 80', 'port: 81')),
      /^restart to apply: Service\/default\/web: spec\.ports has changed \(.*web\.yaml:\d+\)$/m,
    ),
  );

  await t.test('a StatefulSet is not run, and that is said', (t) =>
    expectLine(
      t,
      () => write('second.yaml', deployment('store', 1, 'StatefulSet')),
      /^! .*second\.yaml:1: StatefulSet\/default\/store: is not run: weft run runs Deployments/m,
    ),
  );

  await t.test('an edit that changes nothing says so', (t) =>
    expectLine(
      t,
      () => write('second.yaml', `# a comment\n${deployment('store', 1, 'StatefulSet')}`),
      /^nothing to apply: .*second\.yaml$/m,
    ),
  );

  mesh.process.kill('SIGTERM');
  t.equal(await mesh.ended, 0);
});
