/** `weft run` in the loopback mode: a real mesh of a user without privileges. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { LocalMesh, unprivilegedObstacle } from '../support/local-mesh.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures');
const folder = mkdtempSync(join(tmpdir(), 'weft-loopback-'));
chmodSync(folder, 0o755);
t.teardown(() => rmSync(folder, { recursive: true }));

/** What the frontend of the fixtures answers. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly arguments: readonly string[];
}

/** Writes manifests into a folder of their own. @returns the folder */
function manifests(name: string, text: string): string {
  const place = mkdtempSync(join(folder, `${name}-`));
  chmodSync(place, 0o755);
  writeFileSync(join(place, 'mesh.yaml'), text);
  return place;
}

t.test('a mesh without privileges', { skip: unprivilegedObstacle() || false }, async (t) => {
  const port = await freePort();
  const databasePort = await freePort();
  const text = readFileSync(join(fixtures, 'loopback/mesh.yaml'), 'utf8')
    .replaceAll('18080', String(port))
    .replaceAll('13306', String(databasePort))
    .replaceAll('APPLICATION', join(fixtures, 'namespaces/application.mjs'))
    .replaceAll('FRONTEND', join(fixtures, 'loopback/frontend.mjs'));
  const place = manifests('mesh', text);
  const mesh = new LocalMesh(place);
  t.teardown(() => mesh.process.kill('SIGKILL'));
  await mesh.up();
  const frontend = mesh.ip('frontend-0');
  const ask = async (what: string) => (await fetch(`http://${frontend}:${port}/${what}`)).json() as Promise<Answer>;
  const metrics = async (pod: string) => (await fetch(`http://${mesh.ip(pod)}:4191/metrics`)).text();

  await t.test('says which network the pods got, and why', async (t) => {
    t.match(mesh.output, /^mode: loopback \(network namespaces and redirect rules need root\)$/m);
  });

  await t.test('a request by the name of a Service reaches a pod over mutual TLS', async (t) => {
    for (const name of ['api', 'api.default', 'api.default.svc', 'api.default.svc.cluster.local']) {
      const { status, body } = await ask(`http?http://${name}/hello`);
      t.equal(status, 200, name);
      t.match(body, 'frontend.default.serviceaccount.identity.weft.cluster.local');
    }
    t.match(await metrics('frontend-0'), /request_total\{direction="outbound".*tls="true".*dst_service="api".*\} \d/);
    t.notMatch(await metrics('frontend-0'), /request_total\{direction="outbound".*tls="no_identity"/);
    const inbound = (await metrics('api-0')) + (await metrics('api-1'));
    t.match(inbound, /request_total\{direction="inbound".*tls="true",client_id="frontend\.default\./);
  });

  await t.test('fetch, which asks the proxy for a tunnel, is routed by the ServiceProfile too', async (t) => {
    const count = async () =>
      Number(/route_request_total\{.*rt_route="GET \/hello".*\} (\d+)/.exec(await metrics('frontend-0'))![1]);
    const before = await count();
    const { status, body } = await ask('fetch?http://api/hello');
    t.equal(status, 200);
    t.match(body, 'frontend.default.serviceaccount');
    t.equal(await count(), before + 1);
  });

  await t.test('a tunnel carries a protocol whose server speaks first', async (t) => {
    const heard = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(4140, frontend, () => socket.write('CONNECT api:3306 HTTP/1.1\r\nHost: api:3306\r\n\r\n'));
      socket.on('data', (chunk) => {
        text += chunk;
        if (text.endsWith('hello from the server\n')) socket.write('good day');
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
    t.match(heard, /^HTTP\/1\.1 200 .*hello from the server\nyou said good day$/s);
    const opened = new RegExp(`tcp_open_total\\{direction="outbound".*target_port="${databasePort}".*tls="true"`);
    t.match(await metrics('frontend-0'), opened);
  });

  await t.test('inbound policy holds although every peer comes from loopback', async (t) => {
    const { status, headers } = await ask('http?http://guarded.other/');
    t.equal(status, 403);
    t.equal(headers['weft-proxy-error'], 'policy_denied');
    const edited = text.replace('inbound-policy: deny', 'inbound-policy: cluster-authenticated');
    writeFileSync(join(place, 'mesh.yaml'), edited);
    const isLetIn = async () => (await ask('http?http://guarded.other/')).status === 200;
    t.ok(await eventually(isLetIn), 'an edit of the policy is live, and a meshed client is let in');
  });

  await t.test('a program learns its address, as its manifest asks and by HOST', async (t) => {
    const about = await ask('about');
    t.match(about.environment, { HOST: frontend, POD_IP: frontend, ADDRESS: frontend, POD_NAME: 'frontend-0' });
    t.same(about.arguments, ['--address', frontend]);
  });

  await t.test('an edit of a file is live', async (t) => {
    t.equal((await ask('http?http://api/slow/400')).status, 200);
    const route = '    - { name: slow, timeout: 100ms, condition: { method: GET, pathRegex: "/slow/.*" } }\n';
    writeFileSync(join(place, 'mesh.yaml'), text + route);
    t.ok(await eventually(async () => (await ask('http?http://api/slow/400')).status === 504));
    t.match(await metrics('frontend-0'), /route_response_total\{.*rt_route="slow".*status_code="504"/);
  });

  await t.test('two meshes have addresses of their own', async (t) => {
    const second = new LocalMesh('--quiet', place);
    await second.up();
    t.not(second.ip('frontend-0'), frontend);
    second.process.kill('SIGTERM');
    t.equal(await second.ended, 0);
  });

  await t.test('nothing is left when it ends', async (t) => {
    const { state } = mesh;
    t.ok(LocalMesh.processesOf(state).length > 8, 'control plane, proxies, containers, and one in the background');
    mesh.process.kill('SIGTERM');
    t.equal(await mesh.ended, 0);
    t.same(LocalMesh.processesOf(state), []);
    t.notOk(existsSync(state));
  });

  await t.test('nothing is left when it is killed', async (t) => {
    const killed = new LocalMesh('--quiet', place);
    await killed.up();
    const { state } = killed;
    killed.process.kill('SIGKILL');
    t.ok(await eventually(() => LocalMesh.processesOf(state).length === 0), 'the processes are gone');
    t.ok(await eventually(() => !existsSync(state)), 'the folder is gone');
  });
});

/** A Deployment whose program listens on every address. */
function careless(name: string, port: number): string {
  const program = `require('node:net').createServer().listen(${port}, '0.0.0.0')`;
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      template: { spec: { containers: [{ command: ['node', '-e', program], ports: [{ containerPort: port }] }] } },
    },
  });
}

t.test('a pod that listens on every address is reported', { skip: unprivilegedObstacle() || false }, async (t) => {
  await t.test('as a warning while no other pod wants the port', async (t) => {
    const port = await freePort();
    const mesh = new LocalMesh('--network', 'loopback', manifests('alone', careless('a', port)));
    await mesh.up();
    t.match(mesh.output, new RegExp(`^! default/a-0 listens on every address at port ${port}: .*\\$HOST`, 'm'));
    mesh.process.kill('SIGTERM');
    t.equal(await mesh.ended, 0);
  });

  await t.test('as the reason why another one cannot run', async (t) => {
    const port = await freePort();
    const both = `${careless('a', port)}\n---\n${careless('b', port)}\n`;
    const mesh = new LocalMesh('--network', 'loopback', manifests('clash', both));
    t.equal(await mesh.ended, 1);
    t.match(mesh.output, /^! default\.[ab]-0\.container-0 ended with 1: its port is taken .*EADDRINUSE.*\$HOST/m);
    const reason = `before it listened on port ${port}: default/[ab]-0 listens on every address`;
    t.match(mesh.output, new RegExp(`^weft: .*${reason}`, 'm'));
    t.match(mesh.output, /^hint: .*\$HOST/m);
  });

  await t.test('and so is another program that has the port', async (t) => {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '0.0.0.0', resolve));
    const mesh = new LocalMesh('--network', 'loopback', manifests('taken', careless('a', port)));
    t.equal(await mesh.ended, 1);
    const pattern = `port ${port} of default/a-0 \\(127\\.\\d+\\.0\\.10:${port}\\) cannot be bound: another program`;
    t.match(mesh.output, new RegExp(pattern));
    server.close();
  });
});

t.test('refuses namespaces where they are impossible', { skip: unprivilegedObstacle() || false }, async (t) => {
  const mesh = new LocalMesh('--network', 'namespaces', manifests('refused', careless('a', await freePort())));
  t.equal(await mesh.ended, 1);
  t.match(mesh.output, 'the pods cannot have network namespaces: network namespaces and redirect rules need root');
});
