import { errorMessage } from '../../core/errors/weft-error.ts';
import { readYaml } from '../../core/yaml/documents.ts';
import type { Fields } from './json.ts';
import { KINDS, type Kind } from './kinds.ts';
import type { ObjectRef } from './object-ref.ts';
import type { Report } from './reports.ts';

/** An object that a file holds. */
export interface Manifest {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** With its namespace filled in. */
  readonly raw: Fields;
  /** `path:line` of its first line. */
  readonly place: string;
}

/** An object of a kind that decides nothing here. */
export interface OtherManifest {
  /** API group, empty for the core group. */
  readonly group: string;
  readonly kind: string;
  /** As it is written. */
  readonly raw: Fields;
  /** `path:line` of its first line. */
  readonly place: string;
}

/** What a file holds: objects that decide, others, and what is wrong. */
export interface ParsedFile {
  readonly manifests: readonly Manifest[];
  readonly others: readonly OtherManifest[];
  /** Faults that keep a document from being read. Empty: `manifests` is all that the file means to hold. */
  readonly faults: readonly Report[];
}

/**
 * Reads the YAML or JSON documents of a file. A `List` stands for its items; an object without a namespace is in
 * `default`, as kubectl has it.
 *
 * @param path what reports call the file
 * @throws never
 */
export function parseManifestFile(path: string, text: string): ParsedFile {
  const found = { manifests: [] as Manifest[], others: [] as OtherManifest[] };
  const faults: Report[] = [];
  const fault = (line: number, message: string) =>
    faults.push({ object: null, place: `${path}:${line}`, path: '', message });
  for (const document of readYaml(text)) {
    const { line } = document;
    if (document.fault) {
      fault(document.fault.line, `is not YAML: ${document.fault.message}`);
      continue;
    }
    try {
      readDocument(document.toJson(), `${path}:${line}`, found, faults);
    } catch (error) {
      fault(line, `cannot be read: ${errorMessage(error)}`);
    }
  }
  return { ...found, faults };
}

interface Found {
  readonly manifests: Manifest[];
  readonly others: OtherManifest[];
}

function readDocument(value: unknown, place: string, found: Found, faults: Report[]): void {
  if (value === null || value === undefined) return;
  const fault = (message: string) => faults.push({ object: null, place, path: '', message });
  const raw = value as { apiVersion?: unknown; kind?: unknown; items?: unknown; metadata?: Record<string, unknown> };
  if (typeof raw !== 'object' || typeof raw.apiVersion !== 'string' || typeof raw.kind !== 'string') {
    fault('is not a Kubernetes object: apiVersion and kind are missing');
    return;
  }
  if (raw.kind.endsWith('List') && Array.isArray(raw.items)) {
    for (const item of raw.items) readDocument(item, place, found, faults);
    return;
  }
  const group = raw.apiVersion.includes('/') ? raw.apiVersion.slice(0, raw.apiVersion.lastIndexOf('/')) : '';
  const served = servedVersions(group, raw.kind);
  const kind = kindOf(group, raw.kind, raw.metadata?.name);
  if (kind === null && (served === null || served.includes(raw.apiVersion))) {
    found.others.push({ group, kind: raw.kind, raw: raw as Fields, place });
    return;
  }
  const { name, namespace } = raw.metadata ?? {};
  if (typeof name !== 'string' || name === '') {
    fault(`a ${raw.kind} has no metadata.name`);
    return;
  }
  const home = kind && !KINDS[kind].isNamespaced ? '' : (typeof namespace === 'string' && namespace) || 'default';
  if (kind === null || !served!.includes(raw.apiVersion)) {
    const message = `${raw.apiVersion} is served by no cluster; write ${EITHER.format(served!)}`;
    faults.push({ object: { kind: raw.kind, namespace: home, name }, place, path: 'apiVersion', message });
    return;
  }
  const metadata = { ...raw.metadata, namespace: home };
  found.manifests.push({ kind, namespace: home, name, raw: { ...raw, metadata }, place });
}

/**
 * What the apiVersion of a kind of that name may be; null: it is another's kind. An API group without a dot is Kubernetes'
 * own, so that a kind of this mesh in one is misspelt, or of a version that has gone.
 *
 * Source: https://kubernetes.io/docs/reference/using-api/#api-groups
 */
function servedVersions(group: string, name: string): string[] | null {
  if (!group.includes('.') && Object.hasOwn(WORKLOADS, name)) return [WORKLOADS[name]!];
  const named = Object.values(KINDS).filter((kind) => kind.name === name);
  const own = named.filter((kind) => kind.group === group);
  if (own.length === 0 && (named.length === 0 || group.includes('.'))) return null;
  return (own.length > 0 ? own : named).flatMap((kind) =>
    kind.versions.map((version) => (kind.group === '' ? version : `${kind.group}/${version}`)),
  );
}

/** Workloads that decide nothing here, and of which only what they ask of injection is looked at. */
const WORKLOADS: Readonly<Record<string, string>> = {
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
};

const EITHER = new Intl.ListFormat('en', { type: 'disjunction' });

/**
 * The kind that a document is of, whatever the version of its API; null for one that decides nothing here.
 *
 * @param object its name, by which alone some are of a kind
 */
export function kindOf(group: string, name: string, object?: unknown): Kind | null {
  const isOf = (kind: (typeof KINDS)[Kind]) =>
    kind.name === name && kind.group === group && (kind.only === undefined || kind.only === object);
  return (Object.keys(KINDS) as Kind[]).find((kind) => isOf(KINDS[kind])) ?? null;
}

/** An object of a kind that is not read, by its name as far as it has one. */
export function refOfOther({ kind, raw }: Pick<OtherManifest, 'kind' | 'raw'>): ObjectRef {
  const { namespace, name } = (raw.metadata ?? {}) as { namespace?: unknown; name?: unknown };
  return {
    kind,
    namespace: CLUSTER_KINDS.includes(kind) ? '' : String(namespace || 'default'),
    name: String(name ?? ''),
  };
}

/** Of what is not read, kinds that belong to no namespace and often stand beside routes and policies. */
const CLUSTER_KINDS: readonly string[] = [
  ...['GatewayClass', 'ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition', 'APIService', 'IngressClass'],
  ...['PersistentVolume', 'PriorityClass', 'StorageClass'],
  ...['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
];
