import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { MalformedObject, type Problem, refuseErrors } from '../problem.ts';

/** Lets service accounts call another one for some traffic. Source: SMI, Traffic Access Control. */
export interface TrafficTarget extends Meta {
  readonly destination: Account;
  /** Port of the pods; null: any. Only older versions have one. */
  readonly port: number | null;
  /** Any of them. */
  readonly sources: readonly Account[];
  readonly rules: readonly TrafficRule[];
}

/** A service account. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** Traffic that another object names. */
export interface TrafficRule {
  /** `spec.rules[0]`. */
  readonly path: string;
  readonly kind: 'HTTPRouteGroup' | 'TCPRoute';
  readonly name: string;
  /** Names of matches of the group; empty: all of them. */
  readonly matches: readonly string[];
}

/**
 * Reads a TrafficTarget. The oldest version has its fields beside `metadata`, and calls its rules `specs`.
 *
 * @throws MalformedObject
 * @see https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-access/v1alpha3/traffic-access.md
 */
export function readTrafficTarget(raw: Fields, problems: Problem[]): TrafficTarget {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const isInSpec = raw.spec !== undefined && raw.spec !== null;
  const reader = isInSpec ? FieldReader.ofSpec(raw, found) : new FieldReader(raw, '', found);
  if (isInSpec) reader.allow(['destination', 'sources', 'rules']);
  const destination = reader.nested('destination');
  if (!destination) reader.problem('destination', 'is missing');
  const sources = reader.nestedList('sources').map((entry) => readAccount(entry, meta.namespace, []));
  if (sources.length === 0) reader.problem('sources', 'names nobody');
  const rules = reader.nestedList(isInSpec ? 'rules' : 'specs').map(readRule);
  if (rules.length === 0)
    reader.warning(
      isInSpec ? 'rules' : 'specs',
      'names no traffic, and none is let in; write an HTTPRouteGroup or a TCPRoute',
    );
  const port = destination?.fields.port;
  const target: TrafficTarget = {
    ...meta,
    destination: destination ? readAccount(destination, meta.namespace, ['port']) : { namespace: '', name: '' },
    port: port === undefined || port === null ? null : readPort(destination!),
    sources,
    rules,
  };
  if (destination && target.destination.namespace !== meta.namespace)
    destination.problem('namespace', 'is not the namespace of the TrafficTarget');
  refuseErrors(found, problems);
  return target;
}

/** What stands for one that cannot be read: the account that it names is called by nobody. @throws where it names none */
export function nothingLetIn(raw: Fields): TrafficTarget {
  const { destination = raw.destination } = (raw.spec ?? {}) as Fields;
  const { name } = (destination ?? {}) as Fields;
  if (typeof name !== 'string' || name === '') throw new MalformedObject('spec.destination', 'names no account');
  const meta = readMeta(raw);
  return { ...meta, destination: { namespace: meta.namespace, name }, port: null, sources: [], rules: [] };
}

function readAccount(reader: FieldReader, home: string, others: readonly string[]): Account {
  reader.allow(['kind', 'name', 'namespace', ...others]);
  if (reader.text('kind') !== 'ServiceAccount') reader.problem('kind', 'is not ServiceAccount, the only kind there is');
  return { namespace: reader.optionalText('namespace') ?? home, name: reader.text('name') ?? '' };
}

/** The first version has a text there. */
function readPort(reader: FieldReader): number | null {
  const { port } = reader.fields;
  const number = typeof port === 'string' && /^\d{1,5}$/.test(port) ? Number(port) : port;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 65_535) return number;
  reader.problem('port', 'is no port (1 to 65535)');
  return null;
}

function readRule(reader: FieldReader): TrafficRule {
  reader.allow(['kind', 'name', 'matches']);
  const kind = reader.text('kind') ?? '';
  if (kind === 'UDPRoute') reader.problem('kind', 'UDPRoute is of UDP, which no proxy here carries');
  else if (kind !== '' && kind !== 'HTTPRouteGroup' && kind !== 'TCPRoute')
    reader.problem('kind', `"${kind}" is neither HTTPRouteGroup nor TCPRoute`);
  if (kind === 'TCPRoute' && reader.has('matches')) reader.problem('matches', 'belongs to an HTTPRouteGroup');
  return {
    path: reader.path,
    kind: kind as TrafficRule['kind'],
    name: reader.text('name') ?? '',
    matches: reader.texts('matches'),
  };
}
