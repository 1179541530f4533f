import { type Decision, decide, isInjected, type Skip } from './decision.ts';
import { injectPod, withdrawPod } from './inject-pod.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import { type PodTemplate, readPodTemplate } from './pod-template.ts';
import type { InjectSettings } from './settings.ts';

/** A decision, and the pod that it came to. */
export type Injection =
  | { readonly outcome: 'inject'; readonly pod: PodTemplate; readonly warnings: readonly string[] }
  /** `pod`: without the proxy that it had from Weft; absent: it stays as it is. */
  | (Skip & { readonly pod?: PodTemplate })
  | Exclude<Decision, { outcome: 'inject' | 'skip' }>
  | {
      readonly outcome: 'refuse';
      readonly reason: 'pod_malformed';
      readonly message: string;
      readonly warnings: readonly string[];
    };

/**
 * Injects a Pod or a pod template (`metadata` and `spec`) as it came, which the webhook and `weft inject` do alike.
 *
 * A pod bears one proxy, and the same one whichever injector comes first: to one that has another mesh's Weft adds none, so
 * from one that another mesh has added its own to meanwhile Weft's is taken out.
 *
 * @param object raw JSON; it is not changed
 */
export function inject(object: unknown, namespace: NamespaceFacts, settings: InjectSettings): Injection {
  const pod = readPodTemplate(object);
  if (typeof pod === 'string') return { outcome: 'refuse', reason: 'pod_malformed', message: pod, warnings: [] };
  const decision = decide(pod, namespace, settings);
  if (decision.outcome === 'skip' && decision.reason === 'sidecar_already_exists' && isInjected(pod)) {
    const message = `${decision.message}, and a pod bears one: Weft’s is taken out`;
    return { ...decision, message, pod: withdrawPod(pod), warnings: [...decision.warnings, message] };
  }
  if (decision.outcome !== 'inject') return decision;
  return { outcome: 'inject', pod: injectPod(pod, decision.options, settings), warnings: decision.warnings };
}
