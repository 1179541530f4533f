import type { ObjectRef } from '../../destination/objects/object-ref.ts';

/** Something that is wrong with what was written, or not what its author may expect. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly check: FindingCheck;
  /** null: a file, or a collection of the cluster. */
  readonly object: ObjectRef | null;
  /** `path:line`; empty where the object came from an API server. */
  readonly place: string;
  /** Path of the field within the object; empty: the object as a whole. */
  readonly field: string;
  readonly message: string;
}

/**
 * What found it: reading one object, translating all of them together, a kind that is not read, what is asked of
 * injection, an object that nothing refers to, a retry that repeats more than it should, keys that the control plane cannot fetch.
 */
export type FindingCheck = 'read' | 'together' | 'not_read' | 'injection' | 'unused' | 'retry' | 'keys';

/** Findings once each, by place and object, errors of one object first. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const distinct = [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
  const keys = new Map(distinct.map((finding) => [finding, keyOf(finding)]));
  return distinct.sort((a, b) => compare(keys.get(a)!, keys.get(b)!));
}

/** `manifests/api.yaml:12: error: VirtualService/default/api: spec.http[0].route: message`. */
export function formatFinding({ severity, object, place, field, message }: Finding): string {
  const called = object && [object.kind, object.namespace, object.name].filter((part) => part !== '').join('/');
  return [place, severity, called, field, message].filter((part) => part !== null && part !== '').join(': ');
}

/** Numbers are padded, so that line 9 comes before line 12 and the second entry of a list before the tenth. */
function keyOf({ severity, object, place, field, message }: Finding): string {
  const called = object ? `${object.namespace}/${object.kind}/${object.name}` : '';
  return [place, called, severity, field, message].join('\0').replace(/\d+/g, (digits) => digits.padStart(9, '0'));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
