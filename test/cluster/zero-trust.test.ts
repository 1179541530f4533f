/**
 * From PERMISSIVE to STRICT and from no policy to the narrowest on a running system, by what `weft audit` says beforehand; then
 * revocation and the replacement of the root. Two clients call a server all the time, one without a proxy.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';

import { container, IDLE, SERVER, weft, weftWithin } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl, run } from '../support/kubectl.ts';

const SPACE = 'zero-trust';
/** Asks every 50 ms, and says how often each status, or code, came, to whoever asks at port 9000. */
const CLIENT = [
  "const http = require('http'); const counts = {};",
  'const agent = new http.Agent({ keepAlive: true });',
  'const count = (what) => { counts[what] = (counts[what] || 0) + 1; };',
  `const ask = () => http.request({ host: 'api.${SPACE}', path: '/', agent, timeout: 5000 }, (r) => r.resume().on('end', () => count(r.statusCode)))`,
  ".on('error', (e) => count(e.code)).on('timeout', function () { this.destroy(); }).end();",
  "setInterval(ask, 50); http.createServer((_, r) => r.end(JSON.stringify(counts))).listen(9000, '::');",
  "process.on('SIGTERM', () => process.exit(0));",
].join(' ');

const deployment = (name: string, only: object, annotations: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: SPACE },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name }, annotations },
      spec: {
        serviceAccountName: name,
        terminationGracePeriodSeconds: 2,
        securityContext: { runAsUser: 1000 },
        containers: [only],
      },
    },
  },
});
const NAMES = ['api', 'web', 'legacy', 'stranger'];
const objects = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SPACE, labels: { 'weft.dev/inject': 'enabled' } } },
  ...NAMES.map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: SPACE } })),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'api', namespace: SPACE },
    spec: { selector: { app: 'api' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  deployment(
    'api',
    container('api', SERVER, {
      ports: [{ containerPort: 8080 }],
      readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
    }),
  ),
  deployment('web', container('web', CLIENT)),
  deployment('legacy', container('legacy', CLIENT), { 'weft.dev/inject': 'disabled' }),
  deployment('stranger', container('stranger', IDLE)),
];
const STRICT = JSON.stringify({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'api', namespace: SPACE },
  spec: { selector: { matchLabels: { app: 'api' } }, mtls: { mode: 'STRICT' } },
});

type Counts = Readonly<Record<string, number>>;

async function podOf(app: string, path: string): Promise<string> {
  return await kubectl('-n', SPACE, 'get', 'pods', '-l', `app=${app}`, '-o', `jsonpath={.items[0].${path}}`);
}

async function countsOf(app: string): Promise<Counts> {
  return (await fetch(`http://${await podOf(app, 'status.podIP')}:9000/`)).json() as Promise<Counts>;
}

/** What came to a client in between. */
async function during(app: string, deed: () => Promise<unknown>): Promise<Counts> {
  const before = await countsOf(app);
  await deed();
  const after = await countsOf(app);
  return Object.fromEntries(
    Object.entries(after)
      .map(([what, count]) => [what, count - (before[what] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}

const only200 = (counts: Counts) => Object.keys(counts).join() === '200';
const statusOfStranger = async () => {
  const script = `fetch('http://api.${SPACE}/').then((r) => console.log(r.status), (e) => console.log(e.cause?.code))`;
  const words = ['exec', 'deploy/stranger', '-c', 'stranger', '--', '/usr/bin/node', '-e', script];
  return (await kubectl('-n', SPACE, ...words)).trim();
};

t.test('a running system is closed step by step, and nobody breaks who was not named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-zero-trust-'));
  t.teardown(async () => {
    rmSync(folder, { recursive: true });
    await run('kubectl', ['delete', 'namespace', SPACE, '--ignore-not-found', '--wait=false']);
    await run('kubectl', ['-n', 'weft', 'delete', 'configmap', 'weft-revocations', '--ignore-not-found']);
  });
  await apply(objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(''));
  for (const name of NAMES) await kubectl('-n', SPACE, 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
  for (const name of ['web', 'legacy'])
    t.ok(await eventually(async () => ((await countsOf(name))['200'] ?? 0) > 20), `${name} is served`);

  await t.test('who would be cut off by STRICT is named, and nobody else is cut off', async (t) => {
    const { code, out, error } = await weft('audit', 'mtls', '--strict', `${SPACE}/deployment/api`, '-o', 'json');
    t.equal(code, 1, error);
    const { callers, withoutProxy } = JSON.parse(out) as Record<string, Record<string, string>[]>;
    const legacy = `${SPACE}/deployment/legacy`;
    t.same(
      callers!.map(({ client, server }) => [client, server]),
      [[legacy, `${SPACE}/deployment/api`]],
    );
    t.match(withoutProxy, [{ workload: legacy, why: /disabled/ }]);
    t.equal(withoutProxy!.length, 1);
    const web = await during('web', async () => {
      await apply(STRICT);
      t.ok(
        await eventually(async () => {
          const counts = await during('legacy', () => wait(1000));
          return counts['200'] === undefined && Object.keys(counts).length > 0;
        }, 60_000),
        'the one that was named is cut off',
      );
    });
    t.ok(only200(web), JSON.stringify(web));
  });

  await t.test('back to PERMISSIVE, nothing is lost', async (t) => {
    const web = await during('web', async () => {
      await kubectl('-n', SPACE, 'delete', 'peerauthentication', 'api');
      t.ok(await eventually(async () => only200(await during('legacy', () => wait(1000))), 60_000));
    });
    t.ok(only200(web), JSON.stringify(web));
  });

  await t.test('the policies that are written from what was seen refuse nothing of it, and a stranger', async (t) => {
    t.equal(await statusOfStranger(), '200', 'so far anybody may ask');
    const asked = await weft('audit', 'callers', '-n', SPACE);
    t.equal(asked.code, 0, asked.error);
    const seen = (JSON.parse(asked.out) as { page: { callers: { spiffe: string }[] } }[]).map((pod) => ({
      ...pod,
      page: { ...pod.page, callers: pod.page.callers.filter(({ spiffe }) => !spiffe.endsWith('/stranger')) },
    }));
    writeFileSync(join(folder, 'callers.json'), JSON.stringify(seen));
    const callers = ['--callers', join(folder, 'callers.json')];
    const { code, out, error } = await weft('audit', 'authz', '--generate', 'istio', '-n', SPACE, ...callers);
    t.equal(code, 0, error);
    const file = join(folder, 'policies.yaml');
    writeFileSync(file, out);
    const judged = await weft('audit', 'authz', '-f', file, '-n', SPACE, ...callers);
    t.equal(judged.code, 0, judged.out + judged.error);
    const counts = await during('web', async () => {
      await kubectl('apply', '-f', file);
      t.ok(await eventually(async () => (await statusOfStranger()) === '403', 60_000), 'a stranger is refused');
      t.ok(only200(await during('legacy', () => wait(2000))), 'who came in the clear still does');
    });
    t.ok(only200(counts), JSON.stringify(counts));
    await kubectl('delete', '-f', file);
  });

  await t.test('a pod shows its certificate, and how its keys were exchanged', async (t) => {
    const { code, out, error } = await weft('identity', await podOf('web', 'metadata.name'), '-n', SPACE, '-o', 'json');
    t.equal(code, 0, error);
    t.match(JSON.parse(out), {
      spiffe: `spiffe://cluster.local/ns/${SPACE}/sa/web`,
      certificate: { serial: /^[0-9A-F]+$/ },
      keyExchanges: { X25519MLKEM768: Number },
    });
  });

  await t.test('who is revoked is refused until it is revoked no more', async (t) => {
    const identity = ['--identity', `spiffe://cluster.local/ns/${SPACE}/sa/web`];
    t.equal((await weft('identity', 'revoke', ...identity)).code, 0);
    await wait(1000);
    const refused = await during('web', () => wait(2000));
    t.equal(refused['200'], undefined, JSON.stringify(refused));
    t.equal((await weft('identity', 'revoke', ...identity, '--undo')).code, 0);
    t.ok(await eventually(async () => only200(await during('web', () => wait(1000)))));
  });

  await t.test('the root is replaced, and nobody notices', async (t) => {
    const before = JSON.parse(
      (await weft('identity', await podOf('web', 'metadata.name'), '-n', SPACE, '-o', 'json')).out,
    );
    const web = await during('web', async () => {
      const child = await weftWithin(720_000, 'identity', 'rotate', '--timeout', '10m');
      t.equal(child.code, 0, child.out + child.error);
      t.match(child.out, /done: the new root alone is trusted/);
    });
    t.ok(only200(web), JSON.stringify(web));
    const after = JSON.parse(
      (await weft('identity', await podOf('web', 'metadata.name'), '-n', SPACE, '-o', 'json')).out,
    );
    t.equal(after.roots.length, 1);
    t.not(after.roots[0].sha256, before.roots[0].sha256);
    t.match(await weft('identity', 'rotate', '--status'), { out: /next: making a new root/ });
  });
});
