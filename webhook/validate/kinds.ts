import { POLICY_KINDS } from '../../destination/objects/kinds.ts';
import { serviceProfileProblems } from '../../destination/objects/linkerd/service-profile.ts';
import { bySeverity, NO_FINDINGS } from './findings.ts';
import { policyKind } from './policy-kind.ts';
import { routeProfileFindings } from './route-profile-annotation.ts';
import type { ValidatedKind } from './validated-kind.ts';

/** Every kind that Weft checks. The registration of the webhook lists the same. */
export const VALIDATED_KINDS: readonly ValidatedKind[] = [
  {
    group: 'linkerd.io',
    versions: ['v1alpha1', 'v1alpha2'],
    kind: 'ServiceProfile',
    resource: 'serviceprofiles',
    isShared: false,
    findings: (object) => ({ ...NO_FINDINGS, ...bySeverity(serviceProfileProblems(object)) }),
  },
  ...POLICY_KINDS.filter((kind) => kind !== 'ServiceProfile').map(policyKind),
  annotatedKind('apps', 'Deployment', 'deployments'),
  annotatedKind('apps', 'StatefulSet', 'statefulsets'),
  annotatedKind('apps', 'DaemonSet', 'daemonsets'),
  annotatedKind('', 'Pod', 'pods'),
  // Of these only the pods are looked at, that they make or lead to.
  { group: '', versions: ['v1'], kind: 'Service', resource: 'services', isShared: false, findings: () => NO_FINDINGS },
  { group: 'batch', versions: ['v1'], kind: 'Job', resource: 'jobs', isShared: false, findings: () => NO_FINDINGS },
  {
    group: 'batch',
    versions: ['v1'],
    kind: 'CronJob',
    resource: 'cronjobs',
    isShared: false,
    findings: () => NO_FINDINGS,
  },
];

/** The checks of a kind, or null where Weft has none. */
export function validatedKind(group: string, kind: string): ValidatedKind | null {
  return VALIDATED_KINDS.find((candidate) => candidate.group === group && candidate.kind === kind) ?? null;
}

/** A kind that can have a route profile as an annotation. */
function annotatedKind(group: string, kind: string, resource: string): ValidatedKind {
  const findings = (object: unknown, before: unknown) => routeProfileFindings(kind, object, before);
  return { group, versions: ['v1'], kind, resource, isShared: false, findings };
}
