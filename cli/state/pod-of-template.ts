import { fieldsOf } from '../../destination/objects/checked-fields.ts';
import type { Fields } from '../../destination/objects/json.ts';
import { type Pod, readPod } from '../../destination/objects/kubernetes/pod.ts';
import type { ObjectRef } from '../../destination/objects/object-ref.ts';
import { MalformedObject } from '../../destination/objects/problem.ts';

/**
 * A pod as a workload's template makes it, under the workload's name.
 *
 * @param template `metadata` and `spec`
 * @returns what is read of it, and the pod as it would be written; null: it makes none
 */
export function podOfTemplate(
  { kind, namespace, name }: ObjectRef,
  template: unknown,
): { readonly pod: Pod; readonly raw: Fields } | null {
  try {
    const fields = fieldsOf(template, 'template');
    const ownerReferences = [{ kind, name, controller: true }];
    const metadata = { ...fieldsOf(fields.metadata, 'template.metadata'), namespace, name, ownerReferences };
    const raw = { metadata, spec: fields.spec };
    return { pod: readPod(raw, []), raw };
  } catch (error) {
    if (error instanceof MalformedObject) return null;
    throw error;
  }
}
