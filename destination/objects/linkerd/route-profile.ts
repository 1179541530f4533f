import { isDnsSubdomain } from '../../../api/workload-identity.ts';
import { parseYaml } from '../../../core/yaml/documents.ts';
import { MalformedObject, type Problem } from '../problem.ts';
import { type Profile, readProfile } from './service-profile.ts';

/** What `weft.dev/route-profile` asks for: a ServiceProfile of the same namespace by name, or a profile of its own. */
export type RouteProfile = { readonly name: string } | { readonly inline: Profile };

/**
 * Reads the annotation: a name, or YAML of a ServiceProfile's `spec`. Faults of a part of it are noted.
 *
 * @param place the object that has it (`Deployment/default/api`), and the path of the annotation in it
 * @returns null where the annotation is absent
 * @throws MalformedObject when it is wrong as a whole
 */
export function readRouteProfile(
  annotation: string | undefined,
  place: { readonly origin: string; readonly path: string },
  problems: Problem[],
): RouteProfile | null {
  if (annotation === undefined) return null;
  const text = annotation.trim();
  if (isDnsSubdomain(text)) return { name: text };
  return { inline: readProfile(parseSpec(text, place.path), place.path, place.origin, problems) };
}

function parseSpec(text: string, path: string): unknown {
  const read = parseYaml(text);
  if ('fault' in read)
    throw new MalformedObject(path, `is neither the name of a ServiceProfile nor YAML: ${read.fault}; ${ALLOWED}`);
  const spec = read.value;
  if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) return spec;
  if (typeof spec === 'string')
    throw new MalformedObject(path, `"${spec}" cannot be a ServiceProfile's name; ${ALLOWED}`);
  throw new MalformedObject(path, `is neither the name of a ServiceProfile nor YAML of its spec; ${ALLOWED}`);
}

const ALLOWED =
  'write the name of one in the same namespace (lower-case letters, digits, "-" and "."), or YAML of a spec, such as routes: [{ name: all, condition: { pathRegex: /.* } }]';
