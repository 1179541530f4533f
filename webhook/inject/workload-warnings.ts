import { inject } from './inject.ts';
import { misplacedWarnings } from './misplaced-annotations.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { InjectSettings } from './settings.ts';
import { templatePath, valueAt } from './workloads.ts';

/**
 * What will be said of the pods of a workload, or behind a Service, while somebody listens: their own reviews are heard by a controller alone.
 * It refuses nothing: a workload whose pods are refused may be mended by its next edit. Empty for a pod, and for what makes
 * none. Never throws.
 */
export function workloadWarnings(
  kind: string,
  object: unknown,
  namespace: NamespaceFacts,
  settings: InjectSettings,
): string[] {
  const misplaced = misplacedWarnings(kind, objectOf(valueAt(object, ['metadata', 'annotations'])));
  if (kind === 'Service') return misplaced;
  const path = templatePath({ object: objectOf(object), kind, path: [] });
  if (path === null || path.length === 0) return [];
  const field = path.join('.');
  const found = inject(valueAt(object, path), namespace, settings);
  return [
    ...(found.outcome === 'refuse' ? [`${field}: its pods will be refused: ${found.message}`] : []),
    ...found.warnings.map((message) => `${field}: ${message}`),
    ...(found.outcome === 'skip' ? [] : misplaced),
  ];
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
