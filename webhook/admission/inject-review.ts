import { inject } from '../inject/inject.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';
import { podPatch } from '../inject/pod-patch.ts';
import type { PodTemplate } from '../inject/pod-template.ts';
import type { InjectSettings } from '../inject/settings.ts';
import type { AdmissionRequest } from './admission-review.ts';
import type { ReviewOutcome } from './review-outcome.ts';

/** Where namespaces are looked up. Throws ReviewUnavailableError when that cannot be done at present. */
export interface NamespaceLookup {
  get(name: string): Promise<NamespaceFacts>;
}

/** Reviews the creation of a pod: injects it, lets it be, or refuses it. */
export async function reviewInjection(
  request: AdmissionRequest,
  namespaces: NamespaceLookup,
  settings: InjectSettings,
): Promise<ReviewOutcome> {
  if (request.kind !== 'Pod' || request.group !== '' || request.object === null) {
    return skipped('unsupported_kind', `a ${request.kind} is not injected`);
  }
  const result = inject(request.object, await namespaces.get(request.namespace), settings);
  const { warnings } = result;
  if (result.outcome === 'inject') {
    const patch = podPatch(request.object as PodTemplate, result.pod);
    const answer = { isAllowed: true, patch, warnings, audit: { outcome: 'injected' } };
    return { answer, outcome: 'injected', reason: '', message: '' };
  }
  if (result.outcome === 'skip') {
    const { reason, message, pod } = result;
    const outcome = skipped(reason, message, warnings);
    return pod
      ? { ...outcome, answer: { ...outcome.answer, patch: podPatch(request.object as PodTemplate, pod) } }
      : outcome;
  }
  const message = `weft cannot inject this pod: ${result.message}`;
  return {
    answer: { isAllowed: false, message, warnings, audit: { outcome: 'refused', reason: result.reason } },
    outcome: 'refused',
    reason: result.reason,
    message: result.message,
  };
}

function skipped(reason: string, message: string, warnings: readonly string[] = []): ReviewOutcome {
  const answer = { isAllowed: true, warnings, audit: { outcome: 'skipped', reason } };
  return { answer, outcome: 'skipped', reason, message };
}
