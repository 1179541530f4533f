import { INJECTED_ANNOTATION } from '../../api/names.ts';
import { KINDS, type Kind } from '../../destination/objects/kinds.ts';
import type { Pod } from '../../destination/objects/kubernetes/pod.ts';
import { refOfOther } from '../../destination/objects/manifest-file.ts';
import { formatRef, type ObjectRef, refOf } from '../../destination/objects/object-ref.ts';
import { workloadOf } from '../../destination/translate/pod-endpoint.ts';
import { type Json, templatePath, valueAt } from '../../webhook/inject/workloads.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { podOfTemplate } from '../state/pod-of-template.ts';

/** An object as it was written. */
export interface Written {
  readonly object: ObjectRef;
  readonly raw: Json;
  readonly place: string;
}

/** What makes pods, or is one. */
export interface Workload extends Written {
  /** Fields that lead to the template; none: it is the pod. */
  readonly path: readonly string[];
}

/** What makes pods, and pods that nothing has made, but for those that have their proxy. */
export function workloadsOf(state: MeshState): Workload[] {
  const others = state.others.map(
    (other): Written => ({ object: refOfOther(other), raw: other.raw, place: other.place }),
  );
  return [...writtenOf(state, 'Deployment'), ...writtenOf(state, 'Pod'), ...others].flatMap((each) => {
    const path = templatePath({ object: each.raw, kind: each.object.kind, path: [] });
    const isMade =
      valueAt(each.raw, ['metadata', 'ownerReferences']) !== undefined ||
      valueAt(each.raw, ['metadata', 'annotations', INJECTED_ANNOTATION]) !== undefined;
    return path && !isMade ? [{ ...each, path }] : [];
  });
}

/** Objects of a kind as they were written. */
export function writtenOf(state: MeshState, kind: Kind): Written[] {
  return [...state.objects.list(kind)].flatMap((read) => {
    const object = { ...refOf(kind, read), kind: KINDS[kind].name };
    const found = state.written(object);
    return found ? [{ object, raw: found.raw, place: found.place }] : [];
  });
}

/** A pod of each workload that has none among the objects, as manifests without a cluster have none. */
export function expectedPods(state: MeshState): Pod[] {
  const owners = [...state.objects.list('Pod')].flatMap((pod) => {
    const owner = workloadOf(state.cluster, pod);
    return owner ? formatRef({ ...owner, namespace: pod.namespace }) : [];
  });
  const started = new Set(owners);
  return workloadsOf(state).flatMap(({ object, raw, path }) => {
    if (path.length === 0 || started.has(formatRef(object))) return [];
    return podOfTemplate(object, valueAt(raw, path))?.pod ?? [];
  });
}
