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
 * Reads the annotation of an object called `origin` (`Deployment/default/api`): a name, or YAML of a ServiceProfile's
 * `spec`. Faults of a part of it are noted.
 *
 * @returns null where the annotation is absent
 * @throws MalformedObject when it is wrong as a whole
 */
export function readRouteProfile(
  annotation: string | undefined,
  origin: string,
  problems: Problem[],
): RouteProfile | null {
  if (annotation === undefined) return null;
  const path = annotationPath(ROUTE_PROFILE_ANNOTATION);
  const text = annotation.trim();
  return isDnsSubdomain(text) ? { name: text } : { inline: readProfile(parseSpec(text, path), path, origin, problems) };
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
