import { ISSUER_SECRET, TRUST_ROOTS_CONFIG_MAP, TRUST_ROOTS_KEY } from '../../api/names.ts';
import type { IdentityDomain } from '../../api/workload-identity.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { nullIfNotFound } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { secretFiles } from '../../core/pki/issuer-files.ts';
import { privateKeyPem } from '../../core/pki/key-pair.ts';
import { IssuerError, readMaterial } from '../issue/issuer-material.ts';

/** What this file asks of the API server. */
export const AUTHORITIES_ACCESS: readonly Access[] = [
  { group: '', resource: 'secrets', isOwnNamespace: true, verbs: ['create'] },
  { group: '', resource: 'secrets', name: ISSUER_SECRET, isOwnNamespace: true, verbs: ['get'] },
  { group: '', resource: 'configmaps', isOwnNamespace: true, verbs: ['create'] },
  { group: '', resource: 'configmaps', name: TRUST_ROOTS_CONFIG_MAP, isOwnNamespace: true, verbs: ['get'] },
];

/**
 * Where {@link ensureAuthorities} looks and what it makes: authorities that are valid for `lifetimeMs` from `now` on,
 * milliseconds since the epoch.
 */
export interface BootstrapSettings {
  readonly api: Pick<ApiClient, 'get' | 'create'>;
  readonly domain: IdentityDomain;
  readonly lifetimeMs: number;
  readonly now: number;
}

/**
 * Makes sure that an issuer and trust roots exist in Weft's namespace, and says what it made.
 *
 * Objects are only ever created, so that of several replicas that start together one wins and the others take what it
 * wrote. The root's key is thrown away once it has signed the issuer: what does not exist cannot be stolen. Rotation
 * brings a new root beside the old one.
 *
 * @throws IssuerError when there are trust roots but no issuer (a new one would be trusted by nobody), and ApiError
 */
export async function ensureAuthorities(settings: BootstrapSettings): Promise<{ readonly createdIssuer: boolean }> {
  const { api, domain } = settings;
  const namespace = domain.controlNamespace;
  const secrets = apiPath`/api/v1/namespaces/${namespace}/secrets`;
  const configMaps = apiPath`/api/v1/namespaces/${namespace}/configmaps`;

  let secret = await api.get(`${secrets}/${ISSUER_SECRET}`).catch(nullIfNotFound);
  const roots = await api.get(`${configMaps}/${TRUST_ROOTS_CONFIG_MAP}`).catch(nullIfNotFound);
  const createsIssuer = secret === null;
  if (createsIssuer) {
    // Another replica may have made both between the two reads; only roots that still lack an issuer are a fault.
    if (roots !== null && (await api.get(`${secrets}/${ISSUER_SECRET}`).catch(nullIfNotFound)) === null)
      throw issuerMissing(namespace);
    secret = await createOrGet(api, secrets, newIssuerSecret(settings));
  }
  if (roots === null) {
    const bundle = readMaterial({ files: secretFiles(secret.data), roots: null }).roots;
    await createOrGet(api, configMaps, trustRootsConfigMap(namespace, bundle.map(String).join('')));
  }
  return { createdIssuer: createsIssuer };
}

/** The ConfigMap of trust roots as it must be in a namespace. */
export function trustRootsConfigMap(namespace: string, bundle: string): Json {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: TRUST_ROOTS_CONFIG_MAP, namespace, labels: MANAGED_BY },
    data: { [TRUST_ROOTS_KEY]: bundle },
  };
}

function newIssuerSecret({ domain, lifetimeMs, now }: BootstrapSettings): Json {
  const root = createRoot({ commonName: commonName('root', domain), lifetimeMs, now });
  const issuer = createIssuer({ commonName: commonName('issuer', domain), lifetimeMs, now }, root);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: ISSUER_SECRET, namespace: domain.controlNamespace, labels: MANAGED_BY },
    stringData: {
      'tls.crt': issuer.certificate,
      'tls.key': privateKeyPem(issuer.keyPair),
      'ca.crt': root.certificate,
    },
  };
}

/** At most 64 characters (RFC 5280 appendix A). */
function commonName(role: string, { controlNamespace, trustDomain }: IdentityDomain): string {
  return `${role}.${controlNamespace}.${trustDomain}`.slice(0, 64);
}

function issuerMissing(namespace: string): IssuerError {
  return new IssuerError(
    'issuer_certificate_missing',
    `there are trust roots in the ConfigMap ${namespace}/${TRUST_ROOTS_CONFIG_MAP} but no Secret ${ISSUER_SECRET}`,
    'restore the Secret; or delete the ConfigMap too, which makes a new root that running proxies do not trust',
  );
}

async function createOrGet(api: BootstrapSettings['api'], collection: string, object: Json): Promise<Json> {
  try {
    return await api.create(collection, object);
  } catch (error) {
    if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    return await api.get(`${collection}/${object.metadata.name}`);
  }
}

const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'weft-identity', 'app.kubernetes.io/part-of': 'weft' };
