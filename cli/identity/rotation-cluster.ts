import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  CONTROL_NAMESPACE,
  CONTROL_NAMESPACE_LABEL,
  DESTINATION_SERVICE_ACCOUNT,
  ISSUER_SECRET,
  RENEW_ISSUED_BEFORE_KEY,
  SWITCHED_AT_ANNOTATION,
  TRUST_ROOTS_CONFIG_MAP,
  TRUST_ROOTS_KEY,
} from '../../api/names.ts';
import { CONTROL_ADMIN_PORT } from '../../api/ports.ts';
import { TRUST_PAGE, type TrustPage } from '../../api/trust-page.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import type { ApiClient, Json } from '../../core/kubernetes/api-client.ts';
import { nullIfNotFound } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { labelSelector, listPages } from '../../core/kubernetes/list-pages.ts';
import { getFromPod } from '../../core/kubernetes/port-forward.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { certificateText, secretFiles } from '../../core/pki/issuer-files.ts';
import { privateKeyPem } from '../../core/pki/key-pair.ts';
import { certificatesIn } from '../../core/pki/pem.ts';
import { type RotationFacts, renewalInstant } from './rotation.ts';

/** A root's certificate, and an issuer below it with its key: PEM, as `create-ca` writes them. */
export interface Authorities {
  readonly 'ca.crt': string;
  readonly 'tls.crt': string;
  readonly 'tls.key': string;
}

/** What a replacement of the root reads and writes: two Secrets, a ConfigMap, and what destination says of its proxies. */
export class RotationCluster {
  readonly #api: ApiClient;
  /** null: it was not read yet, or is not there. */
  #staged: Authorities | null = null;
  #bundle = '';

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** @throws WeftError `issuer_not_ours` where somebody else keeps the issuer; ApiError */
  async facts(): Promise<RotationFacts> {
    const [issuer, roots, staged] = await Promise.all([
      this.#api.get(ISSUER_PATH),
      this.#api.get(ROOTS_PATH),
      this.#api.get(STAGED_PATH).catch(nullIfNotFound),
    ]);
    refuseForeign(issuer);
    this.#bundle = roots.data?.[TRUST_ROOTS_KEY] ?? '';
    this.#staged = staged && (secretFiles(staged.data) as unknown as Authorities);
    return {
      roots: certificatesIn(this.#bundle).map(({ fingerprint256 }) => fingerprint256),
      issuer: fingerprintOf(certificateText(secretFiles(issuer.data))),
      next: this.#staged && {
        root: fingerprintOf(this.#staged['ca.crt']),
        issuer: fingerprintOf(this.#staged['tls.crt']),
        switchedAt: staged.metadata.annotations?.[SWITCHED_AT_ANNOTATION] ?? '',
      },
      renewIssuedBefore: roots.data?.[RENEW_ISSUED_BEFORE_KEY] ?? '',
      replicas: await this.#replicas(),
      pods: await this.#pods(),
    };
  }

  /** Keeps the authorities that are to take over. */
  async stage(authorities: Authorities): Promise<void> {
    await this.#api.create(SECRETS_PATH, {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: { name: STAGED_SECRET, namespace: CONTROL_NAMESPACE, labels: { 'app.kubernetes.io/part-of': 'weft' } },
      stringData: authorities,
    });
  }

  /** Adds the staged root to those that are trusted. */
  async trust(): Promise<void> {
    const bundle = this.#bundle.endsWith('\n') || this.#bundle === '' ? this.#bundle : `${this.#bundle}\n`;
    await this.#patchRoots({ [TRUST_ROOTS_KEY]: bundle + this.#staged!['ca.crt'] });
  }

  /** Has identity sign with the staged issuer. */
  async switch(): Promise<void> {
    const data = Object.fromEntries(Object.entries(this.#staged!).map(([name, text]) => [name, base64(text)]));
    await this.#api.patch(ISSUER_PATH, { data }, MERGE);
    const annotations = { [SWITCHED_AT_ANNOTATION]: new Date().toISOString() };
    await this.#api.patch(STAGED_PATH, { metadata: { annotations } }, MERGE);
  }

  /** Has everybody renew whose certificate was made before now, by whatever clock of the cluster. */
  async renew(): Promise<void> {
    await this.#patchRoots({ [RENEW_ISSUED_BEFORE_KEY]: renewalInstant(Date.now()) });
  }

  /** Trusts the staged root alone. */
  async drop(): Promise<void> {
    await this.#patchRoots({ [TRUST_ROOTS_KEY]: this.#staged!['ca.crt'] });
  }

  /** Forgets what was staged, which ends the replacement. */
  async finish(): Promise<void> {
    await this.#api.delete(STAGED_PATH);
  }

  async #replicas(): Promise<TrustPage[]> {
    const selector = labelSelector(`app.kubernetes.io/name=${DESTINATION_SERVICE_ACCOUNT}`);
    const pages: Promise<TrustPage>[] = [];
    for await (const { metadata, status } of listPages(this.#api, PODS_PATH, selector)) {
      if (status?.phase !== 'Running' || metadata.deletionTimestamp) continue;
      const pod = { namespace: CONTROL_NAMESPACE, name: metadata.name as string };
      pages.push(getFromPod(pod, CONTROL_ADMIN_PORT, TRUST_PAGE).then((text) => JSON.parse(text) as TrustPage));
    }
    if (pages.length === 0)
      throw new WeftError('destination_missing', 'no replica of destination runs', { hint: 'weft check' });
    return await Promise.all(pages);
  }

  async #pods(): Promise<string[]> {
    const selector = labelSelector(`${CONTROL_NAMESPACE_LABEL}=${CONTROL_NAMESPACE}`);
    const pods: string[] = [];
    for await (const { metadata, status } of listPages(this.#api, '/api/v1/pods', selector))
      if (status?.phase === 'Running' && !metadata.deletionTimestamp)
        pods.push(`${metadata.namespace}/${metadata.name}`);
    return pods;
  }

  #patchRoots(data: Readonly<Record<string, string>>): Promise<Json> {
    return this.#api.patch(ROOTS_PATH, { data }, MERGE);
  }
}

/** New authorities, whose root's key is thrown away. */
export function newAuthorities(lifetimeMs: number): Authorities {
  const root = createRoot({ commonName: `root.${CONTROL_NAMESPACE}`, lifetimeMs });
  const issuer = createIssuer({ commonName: `issuer.${CONTROL_NAMESPACE}`, lifetimeMs }, root);
  return { 'ca.crt': root.certificate, 'tls.crt': issuer.certificate, 'tls.key': privateKeyPem(issuer.keyPair) };
}

/** Authorities that `create-ca` has written. Throws as reading a file does. */
export function readAuthorities(directory: string): Authorities {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  return { 'ca.crt': read('ca.crt'), 'tls.crt': read('tls.crt'), 'tls.key': read('tls.key') };
}

function refuseForeign({ metadata }: Json): void {
  const keeper = Object.keys(metadata.annotations ?? {}).find((name) => name.startsWith('cert-manager.io/'));
  if (keeper === undefined) return;
  throw new WeftError('issuer_not_ours', `cert-manager keeps the Secret ${CONTROL_NAMESPACE}/${ISSUER_SECRET}`, {
    hint: 'it renews the issuer by itself; to replace its root see docs/rotating-a-root.md',
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function fingerprintOf(pem: string): string {
  return certificatesIn(pem)[0]?.fingerprint256 ?? '';
}

const STAGED_SECRET = 'weft-identity-next';
const SECRETS_PATH = apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/secrets`;
const ISSUER_PATH = apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/secrets/${ISSUER_SECRET}`;
const STAGED_PATH = apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/secrets/${STAGED_SECRET}`;
const ROOTS_PATH = apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/configmaps/${TRUST_ROOTS_CONFIG_MAP}`;
const PODS_PATH = apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/pods`;
const MERGE = 'application/merge-patch+json';
