import jsonPatch, { type Operation } from 'fast-json-patch';

import type { PodTemplate } from './pod-template.ts';

/**
 * JSON Patch (RFC 6902) from one pod to another.
 *
 * Containers and volumes are aligned by name: comparing by position would rewrite every container behind one that was
 * inserted. Both pods must be plain JSON, without `undefined`.
 */
export function podPatch(before: PodTemplate, after: PodTemplate): Operation[] {
  const operations: Operation[] = [];
  const restBefore = structuredClone(before) as Record<'spec', Record<string, unknown>>;
  const restAfter = structuredClone(after) as Record<'spec', Record<string, unknown>>;
  for (const list of LISTS) {
    const aligned = alignLists(before.spec[list], after.spec[list], `/spec/${list}`);
    if (!aligned) continue;
    operations.push(...aligned);
    delete restBefore.spec[list];
    delete restAfter.spec[list];
  }
  return [...jsonPatch.compare(restBefore, restAfter), ...operations];
}

/** Operations from one list to another, or null where their entries have no names of their own or change their order. */
function alignLists(before: unknown, after: unknown, path: string): Operation[] | null {
  if (!isNamed(before) || !isNamed(after)) return null;
  const namesAfter = after.map(({ name }) => name);
  const kept = before.filter(({ name }) => namesAfter.includes(name));
  const keptAfter = namesAfter.filter((name) => kept.some((entry) => entry.name === name));
  if (kept.some(({ name }, at) => name !== keptAfter[at])) return null;

  const operations: Operation[] = [];
  for (let at = before.length - 1; at >= 0; at--) {
    if (!namesAfter.includes(before[at]!.name)) operations.push({ op: 'remove', path: `${path}/${at}` });
  }
  for (const [at, entry] of after.entries()) {
    const old = kept.find(({ name }) => name === entry.name);
    if (!old) operations.push({ op: 'add', path: `${path}/${at}`, value: entry });
    else {
      for (const inner of jsonPatch.compare(old, entry)) {
        operations.push({ ...inner, path: `${path}/${at}${inner.path}` });
      }
    }
  }
  return operations;
}

function isNamed(list: unknown): list is readonly { readonly name: string }[] {
  if (!Array.isArray(list)) return false;
  const names = list.map((entry) => entry?.name);
  return names.every((name) => typeof name === 'string') && new Set(names).size === names.length;
}

const LISTS = ['initContainers', 'containers', 'volumes'] as const;
