import { parseDocument } from 'yaml';

import { ROUTE_PROFILE_ANNOTATION } from '../../api/names.ts';
import { isDnsSubdomain } from '../../api/workload-identity.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import { annotationPath } from './kinds/settings.ts';
import { MalformedObject, type Problem } from './problem.ts';
import { type Profile, readProfile } from './service-profile.ts';

/** What `weft.dev/route-profile` asks for: a ServiceProfile of the same namespace by name, or a profile of its own. */
export type RouteProfile = { readonly name: string } | { readonly inline: Profile };

/**
 * Reads the annotation: a name, or YAML of a ServiceProfile's `spec`.
 *
 * @returns null where the annotation is absent, or wrong as a whole (which is noted)
 */
export function readRouteProfile(
  annotation: string | undefined,
  owner: { readonly namespace: string; readonly name: string },
  kind: string,
  problems: Problem[],
): RouteProfile | null {
  if (annotation === undefined) return null;
  const path = annotationPath(ROUTE_PROFILE_ANNOTATION);
  const text = annotation.trim();
  if (isDnsSubdomain(text)) return { name: text };
  try {
    return { inline: readProfile(parseSpec(text, path), path, `${kind}/${owner.namespace}/${owner.name}`, problems) };
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    problems.push(error.problem);
    return null;
  }
}

function parseSpec(text: string, path: string): unknown {
  const document = parseDocument(text, { logLevel: 'silent' });
  const fault = document.errors[0];
  if (fault)
    throw new MalformedObject(path, `is neither the name of a ServiceProfile nor YAML: ${firstLine(fault.message)}`);
  let spec: unknown;
  try {
    spec = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new MalformedObject(path, `is no usable YAML: ${errorMessage(error)}`);
  }
  if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) return spec;
  throw new MalformedObject(path, 'is neither the name of a ServiceProfile nor YAML of its spec');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
