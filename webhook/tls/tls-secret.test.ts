import { X509Certificate } from 'node:crypto';
import t from 'tap';

import { ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { registerAuthority } from './registration.ts';
import { ANNOUNCE_MS, createMaterial, leafOf, renewMaterial, type ServingMaterial } from './serving-material.ts';
import { TlsSecret } from './tls-secret.ts';

const NAMES = { dns: ['weft-webhook.weft.svc'], uris: [], ips: ['10.99.0.1'] };
const NOW = Date.UTC(2026, 10, 23);
const DAY_MS = 86_400_000;

/** An API server of one Secret. */
class FakeApi {
  secret: Json | null = null;
  #version = 0;

  async get(): Promise<Json> {
    if (!this.secret) throw new ApiError(404, 'NotFound', 'no secret');
    return structuredClone(this.secret);
  }

  async create(_path: string, object: Json): Promise<Json> {
    if (this.secret) throw new ApiError(409, 'AlreadyExists', 'there is one');
    return this.#keep(object);
  }

  async update(_path: string, object: Json): Promise<Json> {
    const { resourceVersion } = this.secret.metadata;
    if (object.metadata.resourceVersion !== resourceVersion) throw new ApiError(409, 'Conflict', 'changed meanwhile');
    return this.#keep(object);
  }

  #keep(object: Json): Json {
    this.secret = structuredClone(object);
    this.secret.metadata.resourceVersion = String(++this.#version);
    return structuredClone(this.secret);
  }
}

function authoritiesOf(material: ServingMaterial): X509Certificate[] {
  return material['ca.crt']
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter(Boolean)
    .map((pem) => new X509Certificate(pem));
}

t.test('makes a certificate for its names, signed by the authority beside it', async (t) => {
  const material = createMaterial(NAMES, NOW);
  const leaf = leafOf(material);
  t.ok(leaf.checkHost('weft-webhook.weft.svc'));
  t.ok(leaf.checkIP('10.99.0.1'));
  t.ok(leaf.verify(authoritiesOf(material)[0]!.publicKey));
  t.equal(renewMaterial(material, NAMES, NOW), null, 'and leaves it alone while it is good');
});

t.test('renews the leaf under the same authority when a third of its life is left', async (t) => {
  const material = createMaterial(NAMES, NOW);
  t.equal(renewMaterial(material, NAMES, NOW + 59 * DAY_MS), null);
  const renewed = renewMaterial(material, NAMES, NOW + 61 * DAY_MS)!;
  t.equal(renewed['ca.crt'], material['ca.crt']);
  t.equal(leafOf(renewed).validToDate.getTime(), NOW + (61 + 90) * DAY_MS);
});

t.test('renews the leaf when other names are wanted', async (t) => {
  const material = createMaterial(NAMES, NOW);
  const renewed = renewMaterial(material, { ...NAMES, dns: [...NAMES.dns, 'other'] }, NOW)!;
  t.ok(leafOf(renewed).checkHost('other'));
});

t.test('announces a new authority before leaves of it are used', async (t) => {
  const material = createMaterial(NAMES, NOW);
  const late = NOW + 3286 * DAY_MS;
  const fresh = renewMaterial(material, NAMES, late - 6 * DAY_MS)!;
  const announced = renewMaterial(fresh, NAMES, late)!;
  t.equal(authoritiesOf(announced).length, 2);
  t.equal(announced['tls.crt'], fresh['tls.crt'], 'the leaf stays');
  t.equal(renewMaterial(announced, NAMES, late + 60_000), null);
  const followed = renewMaterial(announced, NAMES, late + ANNOUNCE_MS + 60_001)!;
  t.ok(leafOf(followed).verify(authoritiesOf(announced)[0]!.publicKey), 'then a leaf of the new one follows');
  t.equal(renewMaterial(followed, NAMES, late + ANNOUNCE_MS + 60_002), null);
});

t.test('replaces material that is no good', async (t) => {
  const good = createMaterial(NAMES, NOW);
  const other = createMaterial(NAMES, NOW);
  for (const [what, change] of [
    ['no key', { 'tls.key': '' }],
    ['the key of another', { 'tls.key': other['tls.key'] }],
    ['an authority of another', { 'ca.crt': other['ca.crt'] }],
    ["an authority's key of another", { 'ca.key': other['ca.key'] }],
    ['half a certificate', { 'tls.crt': good['tls.crt'].slice(0, 99) }],
  ] as const) {
    const renewed = renewMaterial({ ...good, ...change }, NAMES, NOW)!;
    t.ok(leafOf(renewed).verify(authoritiesOf(renewed)[0]!.publicKey), what);
  }
});

t.test('shares one Secret among replicas', async (t) => {
  const api = new FakeApi();
  const replicas = [1, 2, 3].map(() => new TlsSecret(api, 'weft', NAMES));
  const first = await Promise.all(replicas.map((replica) => replica.read(NOW)));
  t.same(first[1], first[0]);
  t.same(first[2], first[0]);
  const renewed = await Promise.all(replicas.map((replica) => replica.read(NOW + 61 * DAY_MS)));
  t.not(renewed[0]!['tls.crt'], first[0]!['tls.crt']);
  t.same(renewed[1], renewed[0], 'a renewal too');
  t.same(renewed[2], renewed[0]);
});

t.test('writes the authority into every entry that lacks it, and nowhere else', async (t) => {
  const patches: Json[] = [];
  const caBundle = Buffer.from('PEM').toString('base64');
  const api = {
    async get(path: string) {
      if (path.includes('validating')) throw new ApiError(404, 'NotFound', 'not installed');
      return {
        webhooks: [
          { name: 'a', clientConfig: { caBundle } },
          { name: 'b', clientConfig: {} },
        ],
      };
    },
    async patch(_path: string, patch: Json) {
      patches.push(patch);
    },
  };
  t.same(await registerAuthority(api, 'PEM'), { 'weft-injector': 'patched', 'weft-validator': 'absent' });
  t.same(patches, [
    [
      { op: 'test', path: '/webhooks/1/name', value: 'b' },
      { op: 'add', path: '/webhooks/1/clientConfig/caBundle', value: caBundle },
    ],
  ]);
});
