import { ROUTE_PROFILE_ANNOTATION } from '../../api/names.ts';
import { annotationPath } from '../../destination/objects/kubernetes/settings.ts';
import { readRouteProfile } from '../../destination/objects/linkerd/route-profile.ts';
import { MalformedObject, type Problem } from '../../destination/objects/problem.ts';
import { bySeverity, type Findings, type NamedProfile } from './findings.ts';

/**
 * Checks `weft.dev/route-profile` of a Deployment, StatefulSet, DaemonSet or Pod and of its pod template. Never throws.
 *
 * What was wrong before is said again and does not refuse: a controller that counts a Deployment's revisions, or somebody
 * who mends another field, must not be stopped by it. Nor must a controller that makes the pods of a template.
 *
 * @param before the object that is replaced; null where it is new
 */
export function routeProfileFindings(kind: string, object: unknown, before: unknown): Findings {
  const problems: string[] = [];
  const warnings: string[] = [];
  const named: NamedProfile[] = [];
  for (const metadata of PLACES) {
    const text = annotationAt(object, metadata);
    if (text === undefined) continue;
    const path = annotationPath(ROUTE_PROFILE_ANNOTATION, metadata);
    if (metadata === 'metadata' && ON_TEMPLATE_ALONE.includes(kind)) {
      const right = annotationPath(ROUTE_PROFILE_ANNOTATION, 'spec.template.metadata');
      warnings.push(`${path}: has no effect on a ${kind}; write it as ${right}`);
      continue;
    }
    const { faults, name } = read(text, kind, path);
    const isNew = annotationAt(before, metadata) !== text && !isControlled(object);
    const found = bySeverity(faults);
    (isNew ? problems : warnings).push(...found.problems);
    warnings.push(...found.warnings);
    if (name !== null) named.push({ path, name });
  }
  return { problems, warnings, named };
}

function read(text: unknown, kind: string, path: string): { faults: Problem[]; name: string | null } {
  const found: Problem[] = [];
  let name: string | null = null;
  try {
    if (typeof text !== 'string') throw new MalformedObject(path, 'is no text');
    const profile = readRouteProfile(text, { origin: kind, path }, found);
    if (profile && 'name' in profile) name = profile.name;
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    found.push(error.problem);
  }
  return { faults: found, name };
}

function annotationAt(object: unknown, metadata: string): unknown {
  const path = [...metadata.split('.'), 'annotations', ROUTE_PROFILE_ANNOTATION];
  return path.reduce((value, name) => fieldOf(value, name), object);
}

function isControlled(object: unknown): boolean {
  const owners = fieldOf(fieldOf(object, 'metadata'), 'ownerReferences');
  return Array.isArray(owners) && owners.some((owner) => fieldOf(owner, 'controller') === true);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

const PLACES = ['metadata', 'spec.template.metadata'] as const;
/** Of these kinds nobody reads the annotation anywhere else; a Deployment's own metadata counts too. */
const ON_TEMPLATE_ALONE: readonly string[] = ['StatefulSet', 'DaemonSet'];
