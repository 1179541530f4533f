import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ApiError } from '../core/kubernetes/api-client.ts';
import type { Logger } from '../core/log/log.ts';
import { createIssuer, createRoot } from '../core/pki/authority.ts';
import { createCsr } from '../core/pki/certificate-request.ts';
import { generateKeyPair, privateKeyPem } from '../core/pki/key-pair.ts';
import type { RunningProgram } from '../core/program/run-program.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import { readConfig } from './config.ts';
import { startIdentity } from './identity.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';

const ROOTS = '/api/v1/namespaces/weft/configmaps/weft-trust-roots';
const SECRET = '/api/v1/namespaces/weft/secrets/weft-identity-issuer';
const IDENTITY_NAME = 'weft-identity.weft.serviceaccount.identity.weft.cluster.local';
const CSR = createCsr({
  keyPair: generateKeyPair(),
  sans: {
    dns: ['web.shop.serviceaccount.identity.weft.cluster.local'],
    uris: ['spiffe://cluster.local/ns/shop/sa/web'],
  },
});
const WEB = {
  authenticated: true,
  audiences: ['identity.weft.dev'],
  user: {
    username: 'system:serviceaccount:shop:web',
    extra: { 'authentication.kubernetes.io/pod-name': ['web-1'], 'authentication.kubernetes.io/pod-uid': ['a1b2'] },
  },
};

/** An API server that is this process's cluster while the test runs. */
async function clusterOf(t: Test): Promise<FakeApiServer> {
  const api = new FakeApiServer();
  const server = await api.listen();
  const folder = mkdtempSync(join(tmpdir(), 'weft-identity-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const text = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: {} }],
  };
  writeFileSync(kubeconfig, JSON.stringify(text));
  const before = process.env.KUBECONFIG;
  process.env.KUBECONFIG = kubeconfig;
  t.teardown(() => {
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
    rmSync(folder, { recursive: true });
    api.close();
  });
  return api;
}

async function start(t: Test, clock = systemClock): Promise<{ identity: RunningProgram; said: string[] }> {
  const said: string[] = [];
  const say = (...texts: unknown[]) => void said.push(String(texts.at(-1)));
  const log = { debug() {}, info: say, warn: say, error: say } as unknown as Logger;
  const config = readConfig({
    WEFT_IDENTITY_LISTEN: '127.0.0.1:0',
    WEFT_IDENTITY_ADMIN_LISTEN: '127.0.0.1:0',
    WEFT_IDENTITY_SHUTDOWN_GRACE: '200ms',
  });
  const identity = await startIdentity(config, log, clock);
  t.teardown(() => identity.close());
  return { identity, said };
}

function connect(identity: RunningProgram, api: FakeApiServer) {
  const ca = api.objects.get(ROOTS).data['ca-bundle.pem'];
  return connectHttp2(`https://${identity.address}`, { ca, servername: IDENTITY_NAME });
}

/** The status of an answer to a request for a certificate; 0: there was none. */
async function ask(
  session: ReturnType<typeof connect>,
  body = JSON.stringify({ token: 'x', csr: CSR }),
): Promise<number> {
  const stream = session.request({ ':method': 'POST', ':path': '/v1/certify', 'content-type': 'application/json' });
  stream.end(body);
  const [headers] = await new Promise<[Record<string, unknown>]>((resolve, reject) => {
    stream.on('response', (...args) => resolve(args as never)).on('error', reject);
    stream.on('close', () => resolve([{ ':status': 0 }]));
  });
  stream.resume();
  return headers[':status'] as number;
}

async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(holds(), what);
}

t.test('in a cluster it makes its authorities, asks whose tokens are, and publishes the roots', async (t) => {
  const api = await clusterOf(t);
  api.review = ({ token }) => (token === 'x' ? WEB : { authenticated: false });
  api.put('/api/v1/namespaces/shop', { metadata: { name: 'shop', labels: { 'weft.dev/inject': 'enabled' } } });
  const { identity, said } = await start(t);
  t.ok(said.includes('no issuer was there: a root and an issuer were created'));
  const session = connect(identity, api);
  t.equal(await ask(session), 200);
  t.equal(await ask(session, JSON.stringify({ token: 'other', csr: CSR })), 401);
  session.close();
  const bundle = api.objects.get(ROOTS).data['ca-bundle.pem'];
  const published = () => api.objects.get(ROOTS.replace('/weft/', '/shop/'))?.data['ca-bundle.pem'];
  await until(t, 'the roots are in the namespace', () => published() === bundle);
});

t.test('takes the authorities that are there', async (t) => {
  const api = await clusterOf(t);
  await start(t);
  const before = JSON.stringify([...api.objects]);
  const { said } = await start(t);
  t.equal(JSON.stringify([...api.objects]), before);
  t.notOk(said.some((text) => text.includes('were created')));
});

t.test('a new issuer is taken while it runs, serves, and has its roots published', async (t) => {
  const api = await clusterOf(t);
  api.put('/api/v1/namespaces/shop', { metadata: { name: 'shop', labels: { 'weft.dev/inject': 'enabled' } } });
  // The source is looked at each five seconds, which are twenty milliseconds here.
  const after: Clock['after'] = (ms, task) => systemClock.after(ms === 5000 ? 20 : ms, task);
  const { identity } = await start(t, { ...systemClock, after });
  const published = () => api.objects.get(ROOTS.replace('/weft/', '/shop/'))?.data['ca-bundle.pem'];
  const first = api.objects.get(ROOTS).data['ca-bundle.pem'];
  await until(t, 'the first roots', () => published() === first);

  const root = createRoot({ commonName: 'second', lifetimeMs: 3_600_000 });
  const issuer = createIssuer({ commonName: 'second', lifetimeMs: 3_600_000 }, root);
  const files = { 'tls.crt': issuer.certificate, 'tls.key': privateKeyPem(issuer.keyPair) };
  const data = Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
  api.put(SECRET, { ...api.objects.get(SECRET), data: Object.fromEntries(data) });
  api.put(ROOTS, { ...api.objects.get(ROOTS), data: { 'ca-bundle.pem': root.certificate } });
  await until(t, 'the second roots', () => published() === root.certificate);
  const session = connect(identity, api);
  t.equal(await ask(session), 401, 'whoever trusts the second root is answered');
  session.close();
});

t.test('waits for an API server that is away or overloaded, and for no other fault', async (t) => {
  for (const [status, waits] of [
    [503, true],
    [500, true],
    [429, true],
    [403, false],
    [499, false],
  ] as const) {
    const api = await clusterOf(t);
    api.failures.push({ method: 'GET', status, reason: 'Test' });
    if (waits) {
      const { said } = await start(t);
      t.ok(
        said.some((text) => text.includes('trying again')),
        `${status}`,
      );
    } else await t.rejects(start(t), ApiError);
  }
});

t.test('ends without waiting for connections that have no request under way', async (t) => {
  const api = await clusterOf(t);
  const { identity } = await start(t);
  const session = connect(identity, api);
  await ask(session);
  const closed = new Promise((resolve) => session.on('close', resolve));
  const startedAt = performance.now();
  await identity.close();
  await closed;
  t.ok(performance.now() - startedAt < 190, 'within the grace');
});

t.test('lets a request under way end within the grace, and cuts off what lasts longer', async (t) => {
  for (const lasts of [50, 5000]) {
    const api = await clusterOf(t);
    let answer = (_status: object): void => {};
    const { identity } = await start(t);
    const session = connect(identity, api);
    session.on('error', () => {});
    await ask(session);
    api.review = () => new Promise((resolve) => (answer = resolve));
    const status = ask(session).catch(() => 0);
    await until(
      t,
      'it has been asked',
      () => api.requests.filter((each) => each.includes('tokenreviews')).length === 2,
    );
    const timer = setTimeout(() => answer(WEB), lasts);
    const startedAt = performance.now();
    await identity.close();
    t.ok(performance.now() - startedAt < 2000);
    t.equal(await status, lasts === 50 ? 200 : 0);
    clearTimeout(timer);
    answer(WEB);
  }
});
