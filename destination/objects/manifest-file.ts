import { errorMessage } from '../../core/errors/weft-error.ts';
import { readYaml } from '../../core/yaml/documents.ts';
import type { Fields } from './json.ts';
import { KINDS, type Kind } from './kinds.ts';
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
      readDocument(document.toJson(), `${path}:${line}`, found, (message) => fault(line, message));
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

function readDocument(value: unknown, place: string, found: Found, fault: (message: string) => void): void {
  if (value === null || value === undefined) return;
  const raw = value as { apiVersion?: unknown; kind?: unknown; items?: unknown; metadata?: Record<string, unknown> };
  if (typeof raw !== 'object' || typeof raw.apiVersion !== 'string' || typeof raw.kind !== 'string') {
    fault('is not a Kubernetes object: apiVersion and kind are missing');
    return;
  }
  if (raw.kind.endsWith('List') && Array.isArray(raw.items)) {
    for (const item of raw.items) readDocument(item, place, found, fault);
    return;
  }
  const group = raw.apiVersion.includes('/') ? raw.apiVersion.slice(0, raw.apiVersion.lastIndexOf('/')) : '';
  const kind = kindOf(group, raw.kind);
  if (kind === null) {
    found.others.push({ group, kind: raw.kind, raw: raw as Fields, place });
    return;
  }
  const { name, namespace } = raw.metadata ?? {};
  if (typeof name !== 'string' || name === '') {
    fault(`a ${kind} has no metadata.name`);
    return;
  }
  const home = KINDS[kind].isNamespaced ? (typeof namespace === 'string' && namespace) || 'default' : '';
  const metadata = { ...raw.metadata, namespace: home };
  found.manifests.push({ kind, namespace: home, name, raw: { ...raw, metadata }, place });
}

/** The kind that a document is of, whatever the version of its API; null for one that decides nothing here. */
export function kindOf(group: string, name: string): Kind | null {
  return (
    (Object.keys(KINDS) as Kind[]).find((kind) => KINDS[kind].name === name && KINDS[kind].group === group) ?? null
  );
}
