import t from 'tap';

import { DEFAULT_IDENTITY_DOMAIN } from '../../api/workload-identity.ts';
import { ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { Issuer } from '../issue/issuer.ts';
import { secretSource } from '../issue/issuer-source.ts';
import { ensureAuthorities } from './authorities.ts';

const SECRET = '/api/v1/namespaces/weft/secrets/weft-identity-issuer';
const ROOTS = '/api/v1/namespaces/weft/configmaps/weft-trust-roots';
const NOW = Date.UTC(2026, 10, 23);
const settings = { domain: DEFAULT_IDENTITY_DOMAIN, lifetimeMs: 3_600_000, now: NOW };

/** An API server of one map: creates once, encodes `stringData` as the real one does. */
class FakeApi {
  readonly objects = new Map<string, Json>();

  async get(path: string): Promise<Json> {
    const found = this.objects.get(path);
    if (!found) throw new ApiError(404, 'NotFound', `${path} is not there`);
    return structuredClone(found);
  }

  async create(path: string, object: Json): Promise<Json> {
    const key = `${path}/${object.metadata.name}`;
    if (this.objects.has(key)) throw new ApiError(409, 'AlreadyExists', `${key} is there`);
    const { stringData, ...rest } = object;
    const encoded = Object.entries(stringData ?? {}).map(([name, text]) => [
      name,
      Buffer.from(text as string).toString('base64'),
    ]);
    this.objects.set(key, stringData ? { ...rest, data: Object.fromEntries(encoded) } : rest);
    return this.get(key);
  }
}

t.test('makes an issuer that leads to the roots it publishes', async (t) => {
  const api = new FakeApi();
  t.same(await ensureAuthorities({ ...settings, api }), { createdIssuer: true });
  const issuer = new Issuer(await secretSource(api, 'weft').read(), NOW);
  t.equal(issuer.trustBundle, api.objects.get(ROOTS).data['ca-bundle.pem']);
  t.same([...api.objects.keys()].sort(), [ROOTS, SECRET], 'and keeps the key of the root nowhere');
  const labels = { 'app.kubernetes.io/managed-by': 'weft-identity', 'app.kubernetes.io/part-of': 'weft' };
  const [secret, roots] = [api.objects.get(SECRET), api.objects.get(ROOTS)];
  t.same([secret.kind, secret.apiVersion, secret.type], ['Secret', 'v1', 'kubernetes.io/tls']);
  t.same([roots.kind, roots.apiVersion], ['ConfigMap', 'v1']);
  for (const { metadata } of [secret, roots]) t.same([metadata.namespace, metadata.labels], ['weft', labels]);
  t.same(
    [issuer.certificate.subject, issuer.root.subject],
    ['CN=issuer.weft.cluster.local', 'CN=root.weft.cluster.local'],
  );
  t.equal(issuer.notAfter, NOW + settings.lifetimeMs, 'for as long as was asked');
});

t.test('leaves alone what is there', async (t) => {
  const api = new FakeApi();
  await ensureAuthorities({ ...settings, api });
  const before = JSON.stringify([...api.objects]);
  t.same(await ensureAuthorities({ ...settings, api }), { createdIssuer: false });
  t.equal(JSON.stringify([...api.objects]), before);
});

t.test('lets one of several replicas win', async (t) => {
  const api = new FakeApi();
  await Promise.all([1, 2, 3].map(() => ensureAuthorities({ ...settings, api })));
  t.doesNotThrow(async () => new Issuer(await secretSource(api, 'weft').read(), NOW));
  const issuer = new Issuer(await secretSource(api, 'weft').read(), NOW);
  t.equal(issuer.trustBundle, api.objects.get(ROOTS).data['ca-bundle.pem']);
});

t.test('refuses to make an issuer beside roots that would not trust it', async (t) => {
  const api = new FakeApi();
  await ensureAuthorities({ ...settings, api });
  api.objects.delete(SECRET);
  await t.rejects(ensureAuthorities({ ...settings, api }), { code: 'issuer_certificate_missing' });
});

t.test('names of authorities are cut to the 64 characters that they may have', async (t) => {
  const api = new FakeApi();
  const domain = { controlNamespace: 'weft', trustDomain: 'd'.repeat(100) };
  await ensureAuthorities({ ...settings, domain, api });
  const issuer = new Issuer(await secretSource(api, 'weft').read(), NOW);
  t.equal(issuer.root.subject, `CN=${`root.weft.${'d'.repeat(100)}`.slice(0, 64)}`);
});

t.test('what the API server does not know is made, any other fault of it is told', async (t) => {
  for (const [method, error, code] of [
    ['get', new ApiError(403, 'Forbidden', 'no'), 403],
    ['get', new ApiError(0, 'Unreachable', 'no'), 0],
    ['create', new ApiError(403, 'Forbidden', 'no'), 403],
    ['create', new ApiError(409, 'Conflict', 'no'), 409],
  ] as const) {
    const api = new FakeApi();
    api[method] = async () => {
      throw error;
    };
    const status = await ensureAuthorities({ ...settings, api }).then(
      () => -1,
      (fault: ApiError) => fault.status,
    );
    t.equal(status, code, `${method} ${error.reason}`);
  }
});
