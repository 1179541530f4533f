import { isDnsSubdomain } from '../../api/workload-identity.ts';
import { fieldsOf, listOf, textOf, textsOf } from './checked-fields.ts';
import type { Fields } from './json.ts';
import { MalformedObject } from './problem.ts';

/** What is kept of every object's metadata. */
export interface Meta {
  /** Empty for kinds without a namespace. */
  readonly namespace: string;
  readonly name: string;
  /** Empty where a manifest has none. */
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339; empty where a manifest has none. */
  readonly createdAt: string;
  /** Whether the object is being deleted. */
  readonly isTerminating: boolean;
}

/** The object that controls another, from its owner references. */
export interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** Reads `metadata`. @throws MalformedObject when the name or a map of texts is none */
export function readMeta(raw: Fields): Meta {
  const metadata = fieldsOf(raw.metadata, 'metadata');
  const name = textOf(metadata.name, 'metadata.name');
  const namespace = textOf(metadata.namespace, 'metadata.namespace');
  if (!isDnsSubdomain(name)) throw new MalformedObject('metadata.name', `"${name}" is no DNS name`);
  if (namespace !== '' && !isDnsSubdomain(namespace)) {
    throw new MalformedObject('metadata.namespace', `"${namespace}" is no DNS name`);
  }
  return {
    namespace,
    name,
    uid: textOf(metadata.uid, 'metadata.uid'),
    labels: textsOf(metadata.labels, 'metadata.labels'),
    createdAt: timeOf(metadata.creationTimestamp),
    isTerminating: typeof metadata.deletionTimestamp === 'string',
  };
}

/** Reads `metadata` of what is a label of a host. @throws MalformedObject as {@link readMeta}, and where the name is longer than one */
export function readHostMeta(raw: Fields): Meta {
  const meta = readMeta(raw);
  if (meta.name.length > 63)
    throw new MalformedObject(
      'metadata.name',
      `"${meta.name}" is longer than 63 characters, which a label of a host may have`,
    );
  return meta;
}

/** Reads `metadata.annotations`; absent, they are empty. @throws MalformedObject when they are no map of texts */
export function readAnnotations(raw: Fields): Readonly<Record<string, string>> {
  return textsOf(fieldsOf(raw.metadata, 'metadata').annotations, 'metadata.annotations');
}

/** The controlling owner reference, or null. */
export function readOwner(raw: Fields): Owner | null {
  const metadata = fieldsOf(raw.metadata, 'metadata');
  const references = listOf(metadata.ownerReferences, 'metadata.ownerReferences').map((reference, at) =>
    fieldsOf(reference, `metadata.ownerReferences[${at}]`),
  );
  const owner = references.find((reference) => reference.controller === true);
  return owner ? { kind: textOf(owner.kind, 'owner.kind'), name: textOf(owner.name, 'owner.name') } : null;
}

/** Whether `labels` has every entry of `selector`. An empty selector selects nothing, as for a Service. */
export function isSelected(
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

/** Older first; then by name, so that the order never depends on arrival. */
export function byAge(a: Meta, b: Meta): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

/** Orders by code unit, which no locale changes. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** YAML parsers may have made a date of it. */
function timeOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : textOf(value, 'metadata.creationTimestamp');
}
