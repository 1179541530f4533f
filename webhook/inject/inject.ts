import { type Decision, decide } from './decision.ts';
import { injectPod } from './inject-pod.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import { type PodTemplate, readPodTemplate } from './pod-template.ts';
import type { InjectSettings } from './settings.ts';

/** A decision, and the pod that it came to. */
export type Injection =
  | { readonly outcome: 'inject'; readonly pod: PodTemplate; readonly warnings: readonly string[] }
  | Exclude<Decision, { outcome: 'inject' }>
  | {
      readonly outcome: 'refuse';
      readonly reason: 'pod_malformed';
      readonly message: string;
      readonly warnings: readonly string[];
    };

/**
 * Injects a Pod or a pod template (`metadata` and `spec`) as it came, which the webhook and `weft inject` do alike.
 *
 * @param object raw JSON; it is not changed
 */
export function inject(object: unknown, namespace: NamespaceFacts, settings: InjectSettings): Injection {
  const pod = readPodTemplate(object);
  if (typeof pod === 'string') return { outcome: 'refuse', reason: 'pod_malformed', message: pod, warnings: [] };
  const decision = decide(pod, namespace, settings);
  if (decision.outcome !== 'inject') return decision;
  return { outcome: 'inject', pod: injectPod(pod, decision.options, settings), warnings: decision.warnings };
}
