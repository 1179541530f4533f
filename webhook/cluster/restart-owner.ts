import { RESTART_UNINJECTED_ANNOTATION, RESTARTED_ANNOTATION } from '../../api/names.ts';
import type { Json } from '../../core/kubernetes/api-client.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';
import { isProtected } from '../inject/protected-namespaces.ts';

/** An object that keeps pods running. */
export interface OwnerReference {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** Kinds whose pods are made anew when their template changes, with their resource. */
export const RESTARTABLE: Readonly<Record<string, string>> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
};

/** Whether workloads of a namespace may be restarted: somebody asked for it, and it is nobody's namespace to touch. */
export function mayRestart({ name, annotations }: NamespaceFacts, controlNamespace: string): boolean {
  if (isProtected(name, controlNamespace)) return false;
  return annotations[RESTART_UNINJECTED_ANNOTATION] === 'enabled';
}

/** The object that controls another and belongs to the group `apps`, or null. */
export function appsOwnerOf({ metadata }: Json): OwnerReference | null {
  const references: Json[] = Array.isArray(metadata?.ownerReferences) ? metadata.ownerReferences : [];
  const owner = references.find(({ apiVersion, controller }) => controller === true && /^apps\//.test(apiVersion));
  return owner ? { kind: owner.kind, name: owner.name, uid: owner.uid } : null;
}

/**
 * What restarts a workload, as `kubectl rollout restart` does it, or why it is left alone. A template that was restarted
 * before is never restarted again: what did not help once would go on and on.
 *
 * @returns a JSON merge patch that fails where somebody has changed the workload meanwhile
 */
export function restartPatch({ metadata, spec }: Json, uid: string, now: Date): { patch: Json } | { reason: string } {
  if (metadata.uid !== uid) return { reason: 'it is another object of that name' };
  if (metadata.deletionTimestamp) return { reason: 'it is being deleted' };
  if (spec.paused === true) return { reason: 'its rollout is paused' };
  if (spec.updateStrategy?.type === 'OnDelete') return { reason: 'its pods change only when somebody deletes them' };
  const restartedAt = spec.template?.metadata?.annotations?.[RESTARTED_ANNOTATION];
  if (restartedAt !== undefined) return { reason: `it was restarted at ${restartedAt}` };
  const annotations = { [RESTARTED_ANNOTATION]: now.toISOString() };
  return {
    patch: {
      metadata: { resourceVersion: metadata.resourceVersion },
      spec: { template: { metadata: { annotations } } },
    },
  };
}
