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
    ...doNotExist('label', unknown(metadata?.labels, LABELS), LABELS),
    ...doNotExist('annotation', unknown(metadata?.annotations, ANNOTATIONS), ANNOTATIONS),
  ];
}

function unknown(texts: ObjectMetadata['labels'], known: readonly string[]): string[] {
  return Object.keys(texts ?? {}).filter((name) => name.startsWith(`${API_GROUP}/`) && !known.includes(name));
}

/**
 * That names do not exist, each with the one that was probably meant, which is looked for of the first {@link MOST_LOOKED_UP}.
 *
 * @param kind `label` or `annotation`
 */
export function doNotExist(kind: string, names: readonly string[], known: readonly string[]): string[] {
  return names.map((name, at) => {
    const nearest = at < MOST_LOOKED_UP ? nearestName(name, known) : null;
    return `the ${kind} ${name} does not exist and is ignored${nearest ? `; did you mean ${nearest}?` : ''}`;
  });
}

/** A look-up takes a millisecond, and strangers may write 60,000 names. */
const MOST_LOOKED_UP = 32;

const LABELS = [INJECT, CONTROL_NAMESPACE_LABEL];
const ANNOTATIONS = [
  INJECT,
  INJECTED_ANNOTATION,
  RESTARTED_ANNOTATION,
  ROUTE_PROFILE_ANNOTATION,
  ...Object.values(POD_ANNOTATIONS).map(({ weft }) => weft),
];
