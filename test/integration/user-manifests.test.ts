/**
 * The manifests of the user guide, unchanged, on `weft run`: each alone does what it says, and together the documented one
 * decides (docs/reference/precedence.md).
 */
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

import { MeshState } from '../../cli/state/mesh-state.ts';
import { readPaths } from '../../cli/state/read-paths.ts';
import { explain } from '../../cli/why/explain.ts';
import { parseQuestion } from '../../cli/why/question.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { LocalMesh, unprivilegedObstacle } from '../support/local-mesh.ts';
import { isLikely, routeCounts, TEN_REQUESTS } from '../support/user-guide.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures');
const folder = mkdtempSync(join(tmpdir(), 'weft-user-'));
chmodSync(folder, 0o755);
const failures = join(folder, 'failures');
t.teardown(() => rmSync(folder, { recursive: true }));

interface Answer {
  readonly status: number;
  readonly pod: string;
  readonly version: string;
  readonly error: string;
  readonly ms: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });
t.teardown(() => agent.destroy());

/** Sends a request as the frontend would, by its proxy. */
function ask(proxy: string, path: string, method = 'GET', service = 'api-service'): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    request(
      {
        agent,
        host: proxy,
        port: 4140,
        method,
        path: `http://${service}.default${path}`,
        headers: { host: `${service}.default` },
      },
      async (answer) => {
        const body = (await answer.toArray()).join('');
        const said = answer.statusCode === 200 && body !== '' ? JSON.parse(body) : {};
        resolve({
          status: answer.statusCode!,
          pod: said.pod ?? '',
          version: said.version ?? '',
          error: String(answer.headers['weft-proxy-error'] ?? ''),
          ms: performance.now() - start,
        });
      },
    )
      .on('error', reject)
      .end();
  });
}

async function many(count: number, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let left = count;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (left-- > 0) answers.push(await send());
    }),
  );
  return answers;
}

class UserMesh {
  readonly place: string;
  readonly mesh: LocalMesh;

  private constructor(place: string) {
    this.place = place;
    this.mesh = new LocalMesh(place);
  }

  /** A mesh with the manifests of these names. */
  static async start(t: Test, ...names: readonly string[]): Promise<UserMesh> {
    const place = mkdtempSync(join(folder, 'mesh-'));
    chmodSync(place, 0o755);
    const text = readFileSync(join(fixtures, 'user-mesh/mesh.yaml'), 'utf8')
      .replaceAll('APPLICATION', join(fixtures, 'user-mesh/application.mjs'))
      .replaceAll('18080', String(applicationPort))
      .replaceAll('FAILURES', failures);
    writeFileSync(join(place, 'mesh.yaml'), text);
    for (const name of names) copyFileSync(join(fixtures, `user/${name}.yaml`), join(place, `${name}.yaml`));
    const mesh = new UserMesh(place);
    t.teardown(async () => {
      mesh.mesh.process.kill('SIGTERM');
      await mesh.mesh.ended;
    });
    await mesh.mesh.up();
    // The mesh is up when its pods are; destination reads a little later which of them are ready. Requests to these
    // Services wait for an endpoint, where those by subset would get 503 until then.
    for (const service of ['api-service-stable', 'api-service-canary'])
      t.equal((await ask(mesh.proxy, '/', 'GET', service)).status, 200, `${service} has an endpoint`);
    return mesh;
  }

  get proxy(): string {
    return this.mesh.ip('frontend-0');
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://${this.proxy}:4191/metrics`)).text();
  }

  /** After how long requests to a path were given up, as the applications saw it. */
  async aborted(path: string): Promise<number[]> {
    const pods = ['stable-0', 'stable-1', 'canary-0'].map((pod) => this.mesh.ip(pod));
    const lists = await Promise.all(
      pods.map(
        async (ip) =>
          (await fetch(`http://${ip}:${applicationPort}/aborted`)).json() as Promise<
            { path: string; afterMs: number }[]
          >,
      ),
    );
    return lists
      .flat()
      .filter((each) => each.path === path)
      .map(({ afterMs }) => afterMs);
  }
}

/** Of every pod, each on its own address. */
const applicationPort = await freePort();
const COUNT = 20_000;
const options = { skip: unprivilegedObstacle() || false, timeout: 120_000 };

t.test('VirtualService and DestinationRule', options, async (t) => {
  const mesh = await UserMesh.start(t, 'istio-virtual-service', 'istio-destination-rule');

  await t.test('share requests out 90 to 10', async (t) => {
    const answers = await many(COUNT, () => ask(mesh.proxy, '/'));
    const canary = answers.filter(({ version }) => version === 'v2').length;
    const failed = answers.flatMap(({ status, error, ms }, at) => (status === 200 ? [] : [{ at, status, error, ms }]));
    t.same(failed, []);
    t.ok(isLikely(canary, COUNT, 0.1), `${canary} of ${COUNT}`);
    t.comment(`canary: ${canary} of ${COUNT}`);
  });

  await t.test('end an attempt after 3 s and the request after 10 s', async (t) => {
    const path = '/slow/60000';
    const { status, error, ms } = await ask(mesh.proxy, path);
    t.same([status, error], [504, 'request_timeout']);
    t.ok(ms > 9980 && ms < 11_000, `${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const attempts = (await mesh.aborted(path)).sort((a, b) => a - b);
    t.equal(attempts.length, 4);
    for (const attempt of attempts.slice(1)) t.ok(attempt > 2980 && attempt < 4000, `${attempt} ms`);
    t.comment(`total ${ms.toFixed(1)} ms, attempts ${attempts.map((each) => each.toFixed(1)).join(', ')} ms`);
  });

  await t.test('try a failed request again, also a POST, as the rule says', async (t) => {
    writeFileSync(failures, 'stable-0');
    const answers = await many(60, () => ask(mesh.proxy, '/', 'POST'));
    rmSync(failures);
    t.equal(answers.filter(({ status }) => status !== 200).length, 0, 'another endpoint answered');
    t.match(await mesh.metrics(), /route_retry[^\n]*rt_route="api-service\[0\]"[^\n]* [1-9]/);
  });
});

t.test('DestinationRule alone takes a failing endpoint out, and back', options, async (t) => {
  const mesh = await UserMesh.start(t, 'istio-destination-rule');
  writeFileSync(failures, 'stable-1');
  const first = await many(400, () => ask(mesh.proxy, '/'));
  const failed = first.filter(({ status }) => status === 500).length;
  t.ok(failed >= 5 && failed < 5 + 16, `${failed} requests failed: five in a row, and those under way`);
  const after = await many(400, () => ask(mesh.proxy, '/'));
  t.same([...new Set(after.map(({ pod }) => pod))].sort(), ['canary-0', 'stable-0']);
  rmSync(failures);
  const start = performance.now();
  const isBack = async () => (await many(16, () => ask(mesh.proxy, '/'))).some(({ pod }) => pod === 'stable-1');
  t.ok(await eventually(isBack, 70_000), 'it is back after its 30 s, at the next of the looks every 30 s');
  t.ok(performance.now() - start > 25_000);
  t.comment(`${failed} failed; back after ${((performance.now() - start) / 1000).toFixed(1)} s`);
});

t.test('TrafficSplit alone shares requests out 900 to 100', options, async (t) => {
  const mesh = await UserMesh.start(t, 'smi-traffic-split');
  const answers = await many(COUNT, () => ask(mesh.proxy, '/'));
  const canary = answers.filter(({ version }) => version === 'v2').length;
  t.ok(isLikely(canary, COUNT, 0.1), `${canary} of ${COUNT}`);
  t.match(await mesh.metrics(), /request_total\{[^}]*dst_service="api-service-canary"|backend="api-service-canary/);
  t.comment(`canary: ${canary} of ${COUNT}`);
});

t.test('ServiceProfile alone: routes in metrics, timeouts, retries of the route that may', options, async (t) => {
  const mesh = await UserMesh.start(t, 'linkerd-service-profile');
  writeFileSync(failures, 'stable-0');
  const users = await many(60, () => ask(mesh.proxy, '/api/users'));
  const orders = await many(60, () => ask(mesh.proxy, '/api/orders', 'POST'));
  rmSync(failures);
  t.equal(users.filter(({ status }) => status !== 200).length, 0, 'GET /api/users is tried again');
  t.ok(
    orders.some(({ status }) => status === 500),
    'POST /api/orders is not',
  );
  const metrics = await mesh.metrics();
  t.match(metrics, /route_request_total\{[^}]*rt_route="GET \/api\/users"/);
  t.match(metrics, /route_request_total\{[^}]*rt_route="POST \/api\/orders"/);
});

t.test(
  'all together: the ServiceProfile decides with the TrafficSplit, the VirtualService is told so',
  options,
  async (t) => {
    const mesh = await UserMesh.start(
      t,
      'istio-virtual-service',
      'istio-destination-rule',
      'smi-traffic-split',
      'linkerd-service-profile',
    );
    const answers = await many(COUNT, () => ask(mesh.proxy, '/api/users'));
    const canary = answers.filter(({ version }) => version === 'v2').length;
    t.ok(isLikely(canary, COUNT, 0.1), `${canary} of ${COUNT}`);
    const metrics = await mesh.metrics();
    t.match(metrics, /route_request_total\{[^}]*rt_route="GET \/api\/users"/);
    t.notMatch(metrics, /rt_route="api-service\[0\]"/, 'the VirtualService routes nothing');
    for (const { method, path, route } of TEN_REQUESTS) {
      const explanation = explain(
        new MeshState(readPaths([mesh.place])),
        parseQuestion(method, `http://api-service.default${path}`, [], 'deploy/frontend', 'default'),
      );
      t.equal(explanation.route?.name ?? '', route, `weft why: ${method} ${path}`);
      const before = routeCounts(await mesh.metrics(), 'api-service.default');
      await ask(mesh.proxy, path, method);
      const after = routeCounts(await mesh.metrics(), 'api-service.default');
      t.equal((after.get(route) ?? 0) - (before.get(route) ?? 0), 1, 'and that is what the proxy did');
    }
    const { state } = mesh.mesh;
    t.match(mesh.mesh.output + logsOf(state), /VirtualService\/default\/api-service.*has no effect/);
    t.comment(`canary: ${canary} of ${COUNT}`);
  },
);

function logsOf(state: string): string {
  try {
    return readFileSync(join(state, 'logs/destination.log'), 'utf8');
  } catch {
    return '';
  }
}
