/**
 * A whole mesh in network namespaces: the real programs, the real redirect rules of both families. The runner starts
 * this in namespaces of its own (root is needed).
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { startMesh } from '../cli/run/mesh.ts';
import { openNamespaces } from '../cli/run/namespaces.ts';
import { readFolder } from '../cli/run/objects.ts';
import { Capture, tlsFault } from './support/capture.ts';

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weft-namespaces-'));
const fixtures = join(here, 'fixtures/namespaces');
writeFileSync(
  join(folder, 'mesh.yaml'),
  readFileSync(join(fixtures, 'mesh.yaml'), 'utf8').replaceAll('APPLICATION', join(fixtures, 'application.mjs')),
);

const mesh = await startMesh({
  folder,
  objects: readFolder(folder).objects,
  network: openNamespaces(),
  progress: (line) => t.comment(line),
  onOutput() {},
  certificateLifetime: '10s',
});
const indexOf = (deployment: string) => mesh.plan.pods.findIndex((pod) => pod.deployment === deployment);
const addressOf = (deployment: string) => mesh.plan.pods[indexOf(deployment)]!.ips;
const clusterIp = (name: string) => mesh.plan.services.find((service) => service.name === name)!.clusterIp;

/** Runs a program in a pod's network. */
function inPod(deployment: string, ...command: string[]): Promise<{ code: number; out: string; error: string }> {
  return new Promise((resolve) => {
    execFile('nsenter', [`--net=/run/netns/pod-${indexOf(deployment)}`, '--', ...command], (error, out, text) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, error: text });
    });
  });
}

/** A request with curl from a pod. @returns status, headers and body */
async function request(
  from: string,
  url: string,
  ...options: string[]
): Promise<{ status: number; headers: string; body: string }> {
  const { out, error, code } = await inPod(from, 'curl', '-gsS', '-i', '--max-time', '10', ...options, url);
  if (code !== 0) return { status: 0, headers: error, body: '' };
  const end = out.lastIndexOf('\r\n\r\n');
  const headers = out.slice(0, end);
  return { status: Number(/^HTTP\/\S+ (\d+)/.exec(headers)?.[1]), headers, body: out.slice(end + 4) };
}

function metrics(deployment: string): Promise<string> {
  return fetch(`http://${addressOf(deployment)[0]}:4191/metrics`).then((answer) => answer.text());
}

t.teardown(async () => {
  await mesh.end();
  rmSync(folder, { recursive: true });
});

t.test('a request to a Service reaches a pod over mutual TLS, through the rules of the init program', async (t) => {
  const { status, body } = await request('client', `http://${clusterIp('api')}/hello`);
  t.equal(status, 200);
  t.match(body, 'l5d-client-id');
  t.match(body, 'client.default.serviceaccount.identity.weft.cluster.local');
  t.match(await metrics('client'), /request_total\{direction="outbound".*tls="true".*dst_service="api"/);
});

t.test('both families are redirected: a pod is reached by its IPv6 address over mutual TLS', async (t) => {
  const { status, body } = await request('client', `http://[${addressOf('api')[1]}]:8080/six`);
  t.equal(status, 200);
  t.match(body, 'client.default.serviceaccount', 'the client was authenticated');
});

t.test('names are resolved as in a cluster', async (t) => {
  const { code, out } = await inPod(
    'client',
    'sh',
    '-c',
    `unshare --mount sh -c 'mount --bind ${mesh.state}/resolv-default.conf /etc/resolv.conf && getent hosts api && getent hosts api.default.svc.cluster.local'`,
  );
  t.equal(code, 0);
  t.match(out, clusterIp('api'));
});

t.test('what travels between two pods is nothing but TLS 1.3 records', async (t) => {
  if (!hasProgram('tcpdump')) return void t.pass('', { skip: 'tcpdump is not installed' });
  const capture = await Capture.start(
    'weft0',
    'tcp and not port 8443 and not port 8086 and not port 4191',
    join(folder, 'capture.pcap'),
  );
  for (let i = 0; i < 5; i++)
    await request(
      'client',
      `http://${clusterIp('guarded')}/secret-path`,
      '-H',
      'x-secret: secret-value',
      '-d',
      'secret-body',
    );
  await inPod('client', 'sh', '-c', `printf 'secret-word\\n' | timeout 2 nc -q 1 ${clusterIp('api')} 3306 || true`);
  const streams = await capture.stop();
  t.ok(streams.size >= 2, `${streams.size} directions were captured`);
  for (const [key, octets] of streams) {
    t.equal(tlsFault(octets), null, key);
    t.notMatch(octets.toString('latin1'), 'secret', key);
    const server = octets[0] === 22 && octets[5] === 2;
    if (server)
      t.ok(
        octets.subarray(0, 200).includes(Buffer.from([0x00, 0x2b, 0x00, 0x02, 0x03, 0x04])),
        `${key}: the server chose TLS 1.3`,
      );
  }
});

t.test('a client without a certificate is refused under all-authenticated, and learns the status alone', async (t) => {
  const pod = addressOf('guarded')[0];
  const { status, headers, body } = await request('stranger', `http://${pod}:8080/`);
  t.equal(status, 403);
  t.notMatch(headers, 'weft-proxy-error');
  t.equal(body, '');
  t.equal((await request('client', `http://${clusterIp('guarded')}/`)).status, 200, 'a meshed client is let in');
  t.match(await metrics('guarded'), /inbound_http_authz_deny_total\{.*authz_name="all-authenticated"/);
});

t.test('a protocol whose server speaks first passes on an opaque port', async (t) => {
  const script = `const s = require('net').connect(3306, '${clusterIp('api')}'); let text = ''; s.once('data', () => s.write('ping')); s.on('data', (c) => { text += c }); s.on('close', () => { console.log(text) });`;
  const { out } = await inPod('client', process.execPath, '-e', script);
  t.equal(out.trim(), 'hello from the server\nyou said ping');
});

t.test('a ServiceProfile that is written, edited and removed takes effect live', async (t) => {
  const profile = (timeout: string) => `apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: api.default.svc.cluster.local, namespace: default }
spec:
  routes:
    - { name: slow, condition: { pathRegex: /slow/.* }, timeout: ${timeout} }
`;
  const file = join(folder, 'profile.yaml');
  const status = async () => (await request('client', `http://${clusterIp('api')}/slow/400`)).status;
  t.equal(await status(), 200);
  writeFileSync(file, profile('100ms'));
  t.ok(await eventually(async () => (await status()) === 504), 'a timeout of 100 ms answers 504');
  writeFileSync(file, profile('2s'));
  t.ok(await eventually(async () => (await status()) === 200), 'a timeout of 2 s does not');
  writeFileSync(file, 'kind: ServiceProfile\n  broken: [');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.equal(await status(), 200, 'a broken file harms nothing');
  t.match(await metrics('client'), /route_response_total\{.*rt_route="slow",status_code="504"/);
});

t.test('a request to an address that nobody knows goes to the host outside the cluster that it names', async (t) => {
  const [endpoint] = addressOf('guarded');
  const file = join(folder, 'external.yaml');
  const at = (path: string, host: string) => request('client', `http://203.0.113.7:8080${path}`, '-H', `host: ${host}`);
  t.equal((await at('/', 'shop.example.com')).status, 0, 'nobody is at that address');
  writeFileSync(
    file,
    `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: shop, namespace: default }
spec:
  hosts: [shop.example.com]
  resolution: STATIC
  ports: [{ number: 8080, name: http, protocol: HTTP }]
  endpoints: [{ address: ${endpoint} }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop, namespace: default }
spec:
  hosts: [shop.example.com]
  http:
    - { match: [{ uri: { exact: /teapot } }], directResponse: { status: 418 } }
    - { route: [{ destination: { host: shop.example.com } }] }
`,
  );
  t.ok(await eventually(async () => (await at('/', 'shop.example.com')).status === 200), 'it is known live');
  t.match((await at('/', 'shop.example.com')).body, 'client.default.serviceaccount', 'over mutual TLS to a pod');
  t.equal((await at('/teapot', 'shop.example.com:8080')).status, 418, 'by the rules of that host');
  t.not((await at('/', 'other.example.com')).status, 200);
  t.match(await metrics('client'), /request_total\{direction="outbound".*dst_service="shop.example.com"/);
  rmSync(file);
  t.ok(await eventually(async () => (await at('/', 'shop.example.com')).status === 0), 'and forgotten');
});

t.test('the init program leaves the same rules when it runs again', async (t) => {
  const save = async () =>
    (await inPod('client', 'sh', '-c', 'iptables-nft-save -t nat; ip6tables-nft-save -t nat')).out
      .replace(/^#.*$/gm, '')
      .replace(/\[\d+:\d+\]/g, '');
  const before = await save();
  t.match(before, 'WEFT_INBOUND');
  const again = await inPod('client', '/run/weft/node', '/run/weft/init.js');
  t.equal(again.code, 0);
  t.match(again.out, 'IPv4 (nft)');
  t.match(again.out, 'IPv6 (nft)');
  t.equal(await save(), before);
});

t.test('the init program uses legacy tables where they are in use', async (t) => {
  if (!hasProgram('iptables-legacy')) return void t.pass('', { skip: 'iptables-legacy is not installed' });
  execFileSync('ip', ['netns', 'add', 'legacy']);
  const inside = (...command: string[]) =>
    execFileSync('nsenter', ['--net=/run/netns/legacy', '--', ...command], { encoding: 'utf8' });
  inside(
    'sh',
    '-c',
    'ip link set lo up; iptables-legacy -t nat -S > /dev/null; ip6tables-legacy -t nat -S > /dev/null',
  );
  t.match(
    inside(
      '/run/weft/node',
      '/run/weft/init.js',
      '--skip-subnets',
      '10.1.0.0/16,fd01::/64',
      '--skip-outbound-ports',
      '25,8000-8010',
    ),
    'IPv4 (legacy)',
  );
  t.match(inside('iptables-legacy-save', '-t', 'nat'), /-A WEFT_OUTBOUND -d 10.1.0.0\/16 -j RETURN/);
  t.match(inside('ip6tables-legacy-save', '-t', 'nat'), /-A WEFT_OUTBOUND -d fd01::\/64 -j RETURN/);
});

t.test('the init program says what it lacks without the capability', async (t) => {
  const { code, error } = await inPod(
    'stranger',
    'setpriv',
    '--bounding-set',
    '-net_admin',
    '--inh-caps',
    '-net_admin',
    '--',
    '/run/weft/node',
    '/run/weft/init.js',
  );
  t.equal(code, 77);
  t.match(error, 'NET_ADMIN and NET_RAW');
});

/** Seconds that a program stays away in the fault tests; 60 in a release's. */
const AWAY_SECONDS = Number(process.env.WEFT_TEST_AWAY_SECONDS ?? 8);

for (const name of ['identity', 'destination'] as const) {
  for (const how of ['killed', 'frozen'] as const) {
    t.test(
      `no request is lost while ${name} is ${how}, and a change made meanwhile is live within 10 s of its return`,
      async (t) => {
        const urls = ['api', 'guarded', 'other'].map((service) => `http://${clusterIp(service)}/`);
        const load = inPod(
          'client',
          process.execPath,
          join(fixtures, 'load.mjs'),
          '500',
          String(AWAY_SECONDS + 4),
          ...urls,
        );
        await new Promise((resolve) => setTimeout(resolve, 2000));
        const second = mesh.plan.pods.find((pod) => pod.name === 'api-1')!;
        mesh.control.process(name).kill(how === 'killed' ? 'SIGKILL' : 'SIGSTOP');
        await new Promise((resolve) => setTimeout(resolve, (AWAY_SECONDS * 1000) / 2));
        mesh.setReady(second, false);
        await new Promise((resolve) => setTimeout(resolve, (AWAY_SECONDS * 1000) / 2));
        if (how === 'killed') await mesh.control.restart(name);
        else mesh.control.process(name).kill('SIGCONT');
        const returned = Date.now();
        const isGone = async () => {
          const { out } = await inPod('client', 'curl', '-s', 'http://127.0.0.1:4191/state');
          const { targets } = JSON.parse(out) as {
            targets: Record<string, { target: { backends: Record<string, { endpoints: { uid: string }[] }> } | null }>;
          };
          return targets[`${clusterIp('api')}:80`]!.target!.backends['']!.endpoints.every(
            ({ uid }) => uid !== second.uid,
          );
        };
        t.ok(await eventually(isGone, 10_000), `the endpoint was gone ${Date.now() - returned} ms after the return`);
        const tally = JSON.parse((await load).out) as {
          sent: number;
          answered: number;
          statuses: Record<string, number>;
        };
        t.comment(JSON.stringify(tally));
        t.equal(tally.answered, tally.sent);
        t.same(tally.statuses, { 200: tally.sent });
        mesh.setReady(second, true);
      },
    );
  }
}

t.test('certificates are renewed live, without a failed request', async (t) => {
  const before = await metrics('client');
  const renewals = (text: string) =>
    Number(/control_identity_cert_refreshes_total\{result="ok"\} (\d+)/.exec(text)?.[1]);
  let failed = 0;
  const renewed = await eventually(async () => {
    if ((await request('client', `http://${clusterIp('api')}/`)).status !== 200) failed++;
    return renewals(await metrics('client')) > renewals(before);
  }, 70_000);
  t.ok(renewed, 'a certificate of 10 s, and 60 s of clock skew, was renewed');
  t.equal(failed, 0);
});

function hasProgram(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`]);
    return true;
  } catch {
    return false;
  }
}

async function eventually(holds: () => Promise<boolean>, limitMs = 8000): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
