import { stringify } from 'yaml';

import { controlPlane } from './control-plane.ts';
import { rbac } from './rbac.ts';
import type { InstallSettings } from './settings.ts';

/** Every object of an installation, in the order in which they can be applied. Deterministic; holds no key. */
export function installation(settings: InstallSettings, webhooks: readonly object[]): object[] {
  const [namespace, ...workloads] = controlPlane(settings);
  return [namespace!, ...rbac(settings), ...workloads, ...webhooks];
}

/** Objects as a YAML stream. Text that YAML 1.1 readers would take for a boolean or a number is quoted. */
export function toYaml(objects: readonly unknown[]): string {
  return objects
    .map(
      (object) =>
        `---\n${stringify(object, { compat: 'yaml-1.1', indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false })}`,
    )
    .join('');
}
