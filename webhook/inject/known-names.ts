import {
  API_GROUP,
  CONTROL_NAMESPACE_LABEL,
  INJECT,
  INJECTED_ANNOTATION,
  RESTARTED_ANNOTATION,
  ROUTE_PROFILE_ANNOTATION,
} from '../../api/names.ts';
import { POD_ANNOTATIONS } from '../../api/pod-annotations.ts';
import { nearestName } from './nearest-name.ts';
import type { ObjectMetadata } from './pod-template.ts';

/** A sentence for each `weft.dev/` label or annotation that does not exist, with the one that was probably meant. */
export function faultsOfNames(metadata: ObjectMetadata | null | undefined): string[] {
  return [
    ...unknown(metadata?.labels, LABELS).map((name) => doesNotExist('label', name, LABELS)),
    ...unknown(metadata?.annotations, ANNOTATIONS).map((name) => doesNotExist('annotation', name, ANNOTATIONS)),
  ];
}

function unknown(texts: ObjectMetadata['labels'], known: readonly string[]): string[] {
  return Object.keys(texts ?? {}).filter((name) => name.startsWith(`${API_GROUP}/`) && !known.includes(name));
}

/** That a name does not exist, with the one that was probably meant. @param kind `label` or `annotation` */
export function doesNotExist(kind: string, name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return `the ${kind} ${name} does not exist and is ignored${nearest ? `; did you mean ${nearest}?` : ''}`;
}

const LABELS = [INJECT, CONTROL_NAMESPACE_LABEL];
const ANNOTATIONS = [
  INJECT,
  INJECTED_ANNOTATION,
  RESTARTED_ANNOTATION,
  ROUTE_PROFILE_ANNOTATION,
  ...Object.values(POD_ANNOTATIONS).map(({ weft }) => weft),
];
