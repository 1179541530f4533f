import type { FieldReader } from '../field-reader.ts';

/** Labels that a workload has to have, all of them; empty: every workload. */
export type WorkloadSelector = Readonly<Record<string, string>>;

/** Reads `selector`; null: it is absent. Source: WorkloadSelector of istio.io/api/type. */
export function readWorkloadSelector(reader: FieldReader): WorkloadSelector | null {
  const selector = reader.nested('selector');
  selector?.allow(['matchLabels']);
  const labels = selector?.textMap('matchLabels') ?? null;
  for (const key of Object.keys(labels ?? {}))
    if (key === '' || key.includes('*') || labels![key]!.includes('*'))
      selector!.problem('matchLabels', `"${key}" has no wildcards, and is not empty`);
  return labels;
}

/** Whether a workload has all the labels. @param selector null: every workload */
export function selectsWorkload(selector: WorkloadSelector | null, labels: Readonly<Record<string, string>>): boolean {
  if (!selector) return true;
  for (const key of Object.keys(selector)) if (labels[key] !== selector[key]) return false;
  return true;
}
