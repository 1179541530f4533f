import { isDnsSubdomain } from '../../../api/workload-identity.ts';
import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import { parseWeight } from '../weight.ts';

/** Shares the requests to a Service out among others of its namespace. */
export interface TrafficSplit extends Meta {
  /** Name of the Service that clients ask for, in the split's own namespace. */
  readonly service: string;
  readonly backends: readonly { readonly service: string; readonly weight: number }[];
  /** Names of HTTPRouteGroups: only what one of them matches is split; null: everything. */
  readonly groups: readonly string[] | null;
}

/**
 * Reads a TrafficSplit of any version: weights are whole numbers or, as in v1alpha1, quantities (`500m`); only their ratio
 * counts.
 *
 * A wrong backend makes the object unusable: its share would go to the others, which nobody asked for.
 *
 * @throws MalformedObject
 * @see https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-split/v1alpha4/traffic-split.md
 */
export function readTrafficSplit(raw: Fields, problems: Problem[]): TrafficSplit {
  const meta = readMeta(raw);
  const faults: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, faults);
  reader.allow(['service', 'backends', 'matches']);
  const service = serviceName(reader.text('service'), meta.namespace, 'spec.service', faults);
  const backends = reader.list('backends').flatMap((entry, at) => {
    const path = `spec.backends[${at}]`;
    const fields = FieldReader.of(entry, path, faults);
    fields?.allow(['service', 'weight']);
    const name = fields && serviceName(fields.text('service'), meta.namespace, `${path}.service`, faults);
    const weight = parseWeight(fields?.fields.weight);
    if (weight === null)
      faults.push({ path: `${path}.weight`, message: 'is no weight of at least 0, such as 90 or 500m' });
    return name && weight !== null ? [{ service: name, weight }] : [];
  });
  if (backends.length === 0) faults.push({ path: 'spec.backends', message: 'names no Service' });
  else if (backends.every(({ weight }) => weight === 0))
    faults.push({ path: 'spec.backends', message: 'has no weight above 0; its requests could go nowhere' });
  const groups = readMatches(reader, faults);
  refuseErrors(faults, problems);
  return { ...meta, service: service!, backends, groups };
}

function readMatches(reader: FieldReader, faults: Problem[]): string[] | null {
  const matches = reader.list('matches');
  if (matches.length === 0) return null;
  return matches.flatMap((entry, at) => {
    const path = `spec.matches[${at}]`;
    const fields = FieldReader.of(entry, path, faults);
    fields?.allow(['kind', 'name', 'apiGroup']);
    fields?.textOr('apiGroup', '');
    if (fields && fields.fields.kind !== 'HTTPRouteGroup')
      faults.push({ path: `${path}.kind`, message: 'is not HTTPRouteGroup, the only kind that a split can match' });
    return fields?.text('name') ?? [];
  });
}

/** `api` of `api` and `api.default.svc.cluster.local`: the specification knows Services of the split's namespace alone. */
function serviceName(text: string | null, namespace: string, path: string, faults: Problem[]): string | null {
  if (text === null) return null;
  const [name = '', home, svc] = text.toLowerCase().split('.');
  if (!isDnsSubdomain(name)) faults.push({ path, message: `"${text}" is no name of a Service` });
  else if (home !== undefined && (home !== namespace || (svc !== undefined && svc !== 'svc')))
    faults.push({ path, message: `"${text}" is no Service of namespace ${namespace}, where the split is` });
  return name;
}
