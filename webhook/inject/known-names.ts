import {
  API_GROUP,
  CONTROL_NAMESPACE_LABEL,
  INJECT,
  INJECTED_ANNOTATION,
  RESTARTED_ANNOTATION,
  ROUTE_PROFILE_ANNOTATION,
} from '../../api/names.ts';
import { POD_ANNOTATIONS } from '../../api/pod-annotations.ts';
import { nearestName } from '../../core/text/nearest-name.ts';
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
 * That names do not exist, each with the one that was probably meant; of those after the first {@link MOST_NAMED} only how
 * many they are.
 *
 * @param kind `label` or `annotation`
 */
export function doNotExist(kind: string, names: readonly string[], known: readonly string[]): string[] {
  const sentences = names.slice(0, MOST_NAMED).map((name) => {
    const nearest = nearestName(name, known);
    return `the ${kind} ${name} does not exist and is ignored${nearest ? `; did you mean ${nearest}?` : ''}`;
  });
  const left = names.length - sentences.length;
  return left > 0 ? [...sentences, `${left} more ${kind}s do not exist and are ignored`] : sentences;
}

/** A look-up takes a millisecond, and strangers may write 60,000 names. */
const MOST_NAMED = 32;

const LABELS = [INJECT, CONTROL_NAMESPACE_LABEL];
const ANNOTATIONS = [
  INJECT,
  INJECTED_ANNOTATION,
  RESTARTED_ANNOTATION,
  ROUTE_PROFILE_ANNOTATION,
  ...Object.values(POD_ANNOTATIONS).map(({ weft }) => weft),
];
