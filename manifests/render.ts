import { stringify } from 'yaml';

import { controlPlane } from './control-plane.ts';
import { networkPolicies } from './network-policies.ts';
import { podMonitors } from './pod-monitors.ts';
import { rbac } from './rbac.ts';
import type { InstallSettings } from './settings.ts';
import { trustRootsPolicy } from './trust-roots-policy.ts';

/** Every object of an installation, in the order in which they can be applied. Deterministic; holds no key. */
export function installation(settings: InstallSettings, webhooks: readonly object[]): object[] {
  const [namespace, ...workloads] = controlPlane(settings);
  return [
    namespace!,
    ...rbac(settings),
    ...(settings.networkPolicies ? networkPolicies(settings) : []),
    ...(settings.trustRootsPolicy ? trustRootsPolicy(settings) : []),
    ...workloads,
    ...(settings.podMonitors ? podMonitors(settings) : []),
    ...webhooks,
  ];
}

/** Objects in a form that kubectl reads: a YAML stream, or a List in JSON. */
export function toText(objects: readonly unknown[], form: 'yaml' | 'json'): string {
  if (form === 'yaml') return toYaml(objects);
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`;
}

/** Text that YAML 1.1 readers would take for a boolean or a number is quoted. */
function toYaml(objects: readonly unknown[]): string {
  return objects
    .map(
      (object) =>
        `---\n${stringify(object, { compat: 'yaml-1.1', indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false })}`,
    )
    .join('');
}
