import { FieldReader } from '../field-reader.ts';
import { type Fields, firstPlaces } from '../json.ts';
import { readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import type { DestinationRule, PolicyByPort, Subset, TrafficPolicy } from './destination-rule.ts';
import { canonicalHost, isHost } from './host.ts';
import { readConnectionPool } from './read-connection-pool.ts';
import { readLoadBalancer } from './read-load-balancer.ts';
import { readOutlierDetection } from './read-outlier-detection.ts';
import { readRetryBudget } from './read-retry-budget.ts';
import { readTls } from './read-tls.ts';
import { readExportTo } from './visibility.ts';

/**
 * Reads a DestinationRule of any version. One error makes it unusable as a whole.
 *
 * @throws MalformedObject
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */
export function readDestinationRule(raw: Fields, problems: Problem[]): DestinationRule {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['host', 'trafficPolicy', 'subsets', 'exportTo', 'workloadSelector']);
  const host = canonicalHost(reader.text('host') ?? '');
  if (host !== '' && !isHost(host)) reader.problem('host', `"${host}" is no host`);
  const exportTo = readExportTo(reader);
  const selector = reader.nested('workloadSelector');
  selector?.allow(['matchLabels']);
  if (selector && reader.has('exportTo') && exportTo.some((name) => name !== '.' && name !== meta.namespace))
    reader.problem('exportTo', 'goes beyond the namespace, to which workloadSelector confines the rule');
  const rule: DestinationRule = {
    ...meta,
    host,
    exportTo: selector ? ['.'] : exportTo,
    workloadSelector: selector?.textMap('matchLabels') ?? null,
    policy: readPolicy(reader.nested('trafficPolicy')),
    subsets: readSubsets(reader),
  };
  refuseErrors(found, problems);
  return rule;
}

function readSubsets(reader: FieldReader): Subset[] {
  const subsets = reader.nestedList('subsets').map((entry): Subset => {
    entry.allow(['name', 'labels', 'trafficPolicy']);
    const name = entry.text('name') ?? '';
    if (name !== '' && !/^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/.test(name))
      entry.problem('name', `"${name}" is no DNS label`);
    const policy = readPolicy(entry.nested('trafficPolicy'));
    return { name, path: entry.path, labels: entry.textMap('labels'), policy };
  });
  const places = firstPlaces(subsets.map(({ name }) => name));
  for (const [at, { name }] of subsets.entries())
    if (places.get(name)! < at) reader.problem(`subsets[${at}].name`, `"${name}" stands twice`);
  return subsets;
}

function readPolicy(reader: FieldReader | null): PolicyByPort | null {
  if (!reader) return null;
  reader.allow([...BLOCKS, 'portLevelSettings', 'retryBudget', 'tunnel', 'proxyProtocol']);
  if (Object.keys(reader.fields).length === 0) reader.problem('', 'says nothing');
  for (const name of ['tunnel', 'proxyProtocol'])
    if (reader.has(name)) reader.warning(name, 'is not supported; connections are made as without it');
  if (reader.has('tunnel') && reader.has('proxyProtocol'))
    reader.problem('proxyProtocol', 'excludes tunnel, which stands beside it');
  const budget = reader.nested('retryBudget');
  const ports = new Map<number, TrafficPolicy>();
  for (const entry of reader.nestedList('portLevelSettings')) {
    entry.allow(['port', ...BLOCKS]);
    const port = entry.nested('port');
    port?.allow(['number']);
    const number = port?.number('number', { min: 1, max: 65_535, integer: true }) ?? null;
    if (!port) entry.problem('port', 'is missing');
    if (number !== null && ports.has(number)) entry.problem('port.number', `${number} stands twice`);
    const policy = readBlocks(entry);
    if (number !== null && !ports.has(number)) ports.set(number, policy);
  }
  return { policy: { ...readBlocks(reader), ...(budget && { retryBudget: readRetryBudget(budget) }) }, ports };
}

function readBlocks(reader: FieldReader): TrafficPolicy {
  const loadBalancer = reader.nested('loadBalancer');
  const pool = reader.nested('connectionPool');
  const outliers = reader.nested('outlierDetection');
  const tls = reader.nested('tls');
  return {
    ...(loadBalancer && { loadBalancer: readLoadBalancer(loadBalancer) }),
    ...(pool && { limits: readConnectionPool(pool) }),
    ...(outliers && { breaker: readOutlierDetection(outliers) }),
    ...(tls && { tls: readTls(tls) }),
  };
}

const BLOCKS = ['loadBalancer', 'connectionPool', 'outlierDetection', 'tls'] as const;
