import type { FieldReader } from '../field-reader.ts';
import { isPort } from '../json.ts';
import { networkFault } from '../network-fault.ts';
import type { Attribute, AuthorizationRule, Demand } from './authorization-policy.ts';
import { pathTemplateFault } from './path-template.ts';

/** Reads one entry of `spec.rules`. Source: AuthorizationPolicy, "Rule". @param home namespace of the policy */
export function readAuthorizationRule(reader: FieldReader, home: string): AuthorizationRule {
  reader.allow(['from', 'to', 'when']);
  return {
    path: reader.path,
    from: readEntries(reader, 'from', 'source').map((source) => readSource(source, home)),
    to: readEntries(reader, 'to', 'operation').map(readOperation),
    when: reader.nestedList('when').flatMap((condition) => readCondition(condition, home) ?? []),
  };
}

/** The entries of `from` or `to`, each of which has an object of one name; an empty list is none that takes anything. */
function readEntries(reader: FieldReader, list: string, name: string): FieldReader[] {
  if (Array.isArray(reader.fields[list]) && reader.nestedList(list).length === 0)
    reader.problem(list, 'is an empty list; leave it out to mean any');
  return reader.nestedList(list).flatMap((entry) => {
    entry.allow([name]);
    const inner = entry.nested(name);
    if (!inner) entry.problem(name, 'is missing');
    return inner ?? [];
  });
}

function readSource(reader: FieldReader, home: string): Demand[] {
  const demands = readDemands(reader, SOURCE, home);
  const accounts = reader.has('serviceAccounts') || reader.has('notServiceAccounts');
  const others = SOURCE_NAMES.some((name) => reader.has(name) || reader.has(negated(name)));
  if (accounts && others)
    reader.problem('serviceAccounts', 'excludes principals and namespaces, which stand beside it');
  if (demands.length === 0) reader.problem('', 'says nothing; leave `from` out to mean anybody');
  return demands;
}

function readOperation(reader: FieldReader): Demand[] {
  const demands = readDemands(reader, OPERATION, '');
  if (demands.length === 0) reader.problem('', 'says nothing; leave `to` out to mean anything');
  return demands;
}

/** Reads each field of a table with its `not…`. */
function readDemands(reader: FieldReader, table: Readonly<Record<string, Attribute>>, home: string): Demand[] {
  const names = Object.keys(table);
  reader.allow([...names, ...names.map(negated)]);
  return names.flatMap((name): Demand[] => {
    const attribute = table[name]!;
    const values = readValues(reader, name, attribute, home);
    const notValues = readValues(reader, negated(name), attribute, home);
    return values.length + notValues.length === 0 ? [] : [{ attribute, names: [], values, notValues }];
  });
}

function readCondition(reader: FieldReader, home: string): Demand | null {
  reader.allow(['key', 'values', 'notValues']);
  const key = reader.text('key');
  if (key === null) return null;
  const named = /^(request\.headers|request\.auth\.claims)((?:\[[^[\]]+\])+)$/.exec(key);
  const attribute = (named?.[1] ?? key) as Attribute;
  const names = named ? named[2]!.slice(1, -1).split('][') : [];
  if (key.startsWith('experimental.envoy.'))
    reader.problem('key', `${key} looks at a filter of Envoy, and there is no Envoy here; write what it stands for`);
  else if (!CONDITIONS.includes(attribute) || (NAMED.includes(attribute) && names.length === 0))
    reader.problem(
      'key',
      `"${key}" is none of ${CONDITIONS.map((each) => (NAMED.includes(each) ? `${each}[…]` : each)).join(', ')}`,
    );
  else if (attribute === 'request.headers' && names.length > 1)
    reader.problem('key', `"${key}" names more than one header`);
  else if (attribute === 'request.headers' && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(names[0]!))
    reader.problem('key', `"${names[0]}" is no name of a header; hosts, methods and paths have fields of their own`);
  if (!reader.has('values') && !reader.has('notValues')) reader.problem('', 'has neither values nor notValues');
  const values = readValues(reader, 'values', attribute, home);
  return { attribute, names, values, notValues: readValues(reader, 'notValues', attribute, home) };
}

function readValues(reader: FieldReader, name: string, attribute: Attribute, home: string): string[] {
  if (Array.isArray(reader.fields[name]) && (reader.fields[name] as unknown[]).length === 0)
    reader.problem(name, 'is an empty list');
  const faultOf = FAULTS.get(attribute);
  const values = reader.texts(name, faultOf);
  return attribute === 'source.serviceAccount'
    ? values.map((value) => (value.includes('/') ? value : `${home}/${value}`))
    : values;
}

function negated(name: string): string {
  return `not${name[0]!.toUpperCase()}${name.slice(1)}`;
}

const portFault = (text: string) =>
  /^\d{1,5}$/.test(text) && isPort(Number(text)) ? null : `"${text}" is no port (1 to 65535)`;
const accountFault = (text: string) =>
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?\/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)
    ? null
    : `"${text}" is neither a service account nor namespace/service-account, which have no wildcards`;

/** What is wrong with a value of an attribute. */
const FAULTS: ReadonlyMap<Attribute, (text: string) => string | null> = new Map([
  ['source.ip', networkFault],
  ['remote.ip', networkFault],
  ['destination.ip', networkFault],
  ['destination.port', portFault],
  ['source.serviceAccount', accountFault],
  ['path', pathTemplateFault],
]);

const SOURCE: Readonly<Record<string, Attribute>> = {
  principals: 'source.principal',
  requestPrincipals: 'request.auth.principal',
  namespaces: 'source.namespace',
  serviceAccounts: 'source.serviceAccount',
  trustDomains: 'source.trustDomain',
  ipBlocks: 'source.ip',
  remoteIpBlocks: 'remote.ip',
};
const SOURCE_NAMES = ['principals', 'namespaces'];

const OPERATION: Readonly<Record<string, Attribute>> = {
  hosts: 'host',
  ports: 'destination.port',
  methods: 'method',
  paths: 'path',
};

const CONDITIONS: readonly Attribute[] = [
  'request.headers',
  'source.ip',
  'remote.ip',
  'source.namespace',
  'source.principal',
  'source.serviceAccount',
  'source.trustDomain',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'request.auth.claims',
  'destination.ip',
  'destination.port',
  'connection.sni',
];
const NAMED: readonly Attribute[] = ['request.headers', 'request.auth.claims'];
