import type { EventSubject, Notice } from '../../core/kubernetes/event-writer.ts';
import type { AdmissionRequest } from '../admission/admission-review.ts';
import type { ReviewOutcome } from '../admission/review-outcome.ts';

/**
 * What the owner of a pod that was skipped should hear, or null: nothing was asked for, or nothing may be written.
 *
 * A pod does not exist while it is admitted, so the Event stands on the object that creates it where there is one.
 */
export function skipNotice(request: AdmissionRequest, { outcome, reason, message }: ReviewOutcome): Notice | null {
  if (outcome !== 'skipped' || request.isDryRun || !SURPRISING_REASONS.includes(reason)) return null;
  return {
    subject: ownerOf(request),
    reason: 'InjectionSkipped',
    action: 'Inject',
    note: `no proxy was added: ${message} (${reason})`,
  };
}

/** Reasons that whoever asked for the mesh does not expect; the others are what somebody chose. */
const SURPRISING_REASONS = ['host_network_enabled', 'sidecar_already_exists', 'invalid_inject_value', 'windows_pod'];

function ownerOf({ object, namespace, name }: AdmissionRequest): EventSubject {
  const { ownerReferences, generateName } = (object as { metadata?: Metadata }).metadata ?? {};
  const owner = Array.isArray(ownerReferences) ? ownerReferences.find(isOwner) : undefined;
  if (owner) {
    return { apiVersion: owner.apiVersion, kind: owner.kind, namespace, name: owner.name, uid: owner.uid };
  }
  const podName = name || (typeof generateName === 'string' ? generateName.replace(/[-.]+$/, '') : '') || 'pod';
  return { apiVersion: 'v1', kind: 'Pod', namespace, name: podName };
}

interface Metadata {
  readonly ownerReferences?: unknown;
  readonly generateName?: unknown;
}

interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

function isOwner(value: unknown): value is Owner {
  const { apiVersion, kind, name, uid, controller } = (value ?? {}) as Record<string, unknown>;
  return [apiVersion, kind, name, uid].every((field) => typeof field === 'string') && controller === true;
}
