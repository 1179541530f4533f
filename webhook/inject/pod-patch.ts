import jsonPatch, { type Operation } from 'fast-json-patch';

import type { PodTemplate } from './pod-template.ts';

/**
 * JSON Patch (RFC 6902) from one pod to another, in time that is linear in both.
 *
 * Containers and volumes are aligned by name: comparing by position would rewrite every container behind one that was
 * inserted. Both pods must be plain JSON, without `undefined`; neither is changed.
 */
export function podPatch(before: PodTemplate, after: PodTemplate): Operation[] {
  const operations: Operation[] = [];
  const restBefore: Record<string, unknown> = { ...before.spec };
  const restAfter: Record<string, unknown> = { ...after.spec };
  for (const list of LISTS) {
    const aligned = alignLists(before.spec[list], after.spec[list], `/spec/${list}`);
    if (!aligned) continue;
    operations.push(...aligned);
    delete restBefore[list];
    delete restAfter[list];
  }
  return [...jsonPatch.compare({ ...before, spec: restBefore }, { ...after, spec: restAfter }), ...operations];
}

/** Operations from one list to another, or null where their entries have no names of their own or change their order. */
function alignLists(before: unknown, after: unknown, path: string): Operation[] | null {
  if (!isNamed(before) || !isNamed(after)) return null;
  const namesAfter = new Set(after.map(({ name }) => name));
  const kept = new Map(before.filter(({ name }) => namesAfter.has(name)).map((entry) => [entry.name, entry]));
  const order = kept.keys();
  if (after.some(({ name }) => kept.has(name) && order.next().value !== name)) return null;

  const operations: Operation[] = [];
  for (let at = before.length - 1; at >= 0; at--) {
    if (!namesAfter.has(before[at]!.name)) operations.push({ op: 'remove', path: `${path}/${at}` });
  }
  for (const [at, entry] of after.entries()) {
    const old = kept.get(entry.name);
    if (!old) operations.push({ op: 'add', path: `${path}/${at}`, value: entry });
    else if (old !== entry) {
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
