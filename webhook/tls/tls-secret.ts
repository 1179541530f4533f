import { WEBHOOK_TLS_SECRET } from '../../api/names.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { nullIfNotFound } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import type { SubjectAltNames } from '../../core/pki/extension.ts';
import { createMaterial, renewMaterial, type ServingMaterial } from './serving-material.ts';

/** What this file asks of the API server. */
export const TLS_SECRET_ACCESS: readonly Access[] = [
  { group: '', resource: 'secrets', isOwnNamespace: true, verbs: ['create'] },
  { group: '', resource: 'secrets', name: WEBHOOK_TLS_SECRET, isOwnNamespace: true, verbs: ['get', 'update'] },
];

/**
 * The Secret that all replicas of the webhook serve with. It is created by whichever comes first, and replaced only as
 * it was read (`resourceVersion`), so that of several replicas one wins and the others read what it wrote.
 */
export class TlsSecret {
  readonly #api: Pick<ApiClient, 'get' | 'create' | 'update'>;
  readonly #namespace: string;
  readonly #names: SubjectAltNames;

  constructor(api: Pick<ApiClient, 'get' | 'create' | 'update'>, namespace: string, names: SubjectAltNames) {
    this.#api = api;
    this.#namespace = namespace;
    this.#names = names;
  }

  /** The material in force at `now`, created or renewed where that is due. Throws ApiError. */
  async read(now: number): Promise<ServingMaterial> {
    const existing = await this.#get();
    if (!existing) {
      const created = createMaterial(this.#names, now);
      return (
        (await this.#write(() => this.#api.create(this.#collection, this.#object(created)))) ?? (await this.read(now))
      );
    }
    const material = decode(existing.data);
    const renewed = renewMaterial(material, this.#names, now);
    if (!renewed) return material;
    const { resourceVersion } = existing.metadata;
    const object = this.#object(renewed, resourceVersion);
    return (
      (await this.#write(() => this.#api.update(`${this.#collection}/${WEBHOOK_TLS_SECRET}`, object))) ??
      (await this.read(now))
    );
  }

  /** What was written, or null where another replica was faster. */
  async #write(write: () => Promise<Json>): Promise<ServingMaterial | null> {
    try {
      return decode((await write()).data);
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) return null;
      throw error;
    }
  }

  #get(): Promise<Json | null> {
    return this.#api.get(`${this.#collection}/${WEBHOOK_TLS_SECRET}`).catch(nullIfNotFound);
  }

  get #collection(): string {
    return apiPath`/api/v1/namespaces/${this.#namespace}/secrets`;
  }

  #object(material: ServingMaterial, resourceVersion?: string): Json {
    const data = Object.entries(material).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: {
        name: WEBHOOK_TLS_SECRET,
        namespace: this.#namespace,
        labels: { 'app.kubernetes.io/managed-by': 'weft-webhook', 'app.kubernetes.io/part-of': 'weft' },
        ...(resourceVersion && { resourceVersion }),
      },
      data: Object.fromEntries(data),
    };
  }
}

function decode(data: Readonly<Record<string, string>> | undefined): ServingMaterial {
  const text = (name: string) => Buffer.from(data?.[name] ?? '', 'base64').toString('utf8');
  return { 'tls.crt': text('tls.crt'), 'tls.key': text('tls.key'), 'ca.crt': text('ca.crt'), 'ca.key': text('ca.key') };
}
