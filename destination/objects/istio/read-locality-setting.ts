import type { FieldReader } from '../field-reader.ts';
import type { LocalitySetting } from './destination-rule.ts';

/** Reads `localityLbSetting`. Source: DestinationRule, "LocalityLoadBalancerSetting". */
export function readLocalitySetting(reader: FieldReader): LocalitySetting {
  reader.allow(['distribute', 'failover', 'failoverPriority', 'enabled']);
  const setting = {
    isEnabled: !reader.has('enabled') || reader.flag('enabled'),
    distribute: readDistribute(reader),
    failover: readFailover(reader),
    failoverPriority: reader.texts('failoverPriority'),
    zoneAware: null,
  };
  if (setting.distribute.length > 0)
    for (const name of ['failover', 'failoverPriority'])
      if (reader.has(name)) reader.problem(name, 'excludes distribute, which stands beside it');
  return setting;
}

/** Reads `zoneAwareLbSetting`. Source: DestinationRule, "ZoneAwareLbSetting". */
export function readZoneAwareSetting(reader: FieldReader): LocalitySetting {
  reader.allow(['enabled', 'minClusterSize', 'failover', 'failoverPriority']);
  return {
    isEnabled: reader.flag('enabled'),
    distribute: [],
    failover: readFailover(reader),
    failoverPriority: reader.texts('failoverPriority'),
    zoneAware: { minEndpoints: reader.whole('minClusterSize', 1, 2 ** 31 - 1) ?? DEFAULT_MIN_ENDPOINTS },
  };
}

function readDistribute(reader: FieldReader): LocalitySetting['distribute'] {
  return reader.nestedList('distribute').map((entry) => {
    entry.allow(['from', 'to']);
    const from = entry.text('from') ?? '';
    checkLocality(entry, 'from', from);
    const to = entry.nested('to');
    const weights = Object.keys(to?.fields ?? {}).map((locality): [string, number] => {
      checkLocality(entry, 'to', locality);
      return [locality, to!.whole(locality, 1, 100) ?? 0];
    });
    const sum = weights.reduce((total, [, weight]) => total + weight, 0);
    if (sum !== 100) entry.problem('to', `adds up to ${sum}; weights add up to 100`);
    return { from, to: Object.fromEntries(weights) };
  });
}

function readFailover(reader: FieldReader): LocalitySetting['failover'] {
  return reader.nestedList('failover').map((entry) => {
    entry.allow(['from', 'to']);
    const from = entry.text('from') ?? '';
    const to = entry.text('to') ?? '';
    for (const [name, region] of [
      ['from', from],
      ['to', to],
    ] as const)
      if (/[/*]/.test(region)) entry.problem(name, `"${region}" is no region`);
    if (from === to) entry.problem('to', 'is the region itself');
    return { from, to };
  });
}

/** Source: Envoy, `min_cluster_size`. */
const DEFAULT_MIN_ENDPOINTS = 6;

/** `*`, `region`, `region/zone`, `region/zone/subzone`, the last part perhaps `*`. */
function checkLocality(reader: FieldReader, name: string, text: string): void {
  const parts = text.split('/');
  const isLocality =
    parts.length <= 3 && parts.every((part, at) => part !== '' && (part !== '*' || at === parts.length - 1));
  if (!isLocality) reader.problem(name, `"${text}" is no locality such as region/zone/*`);
}
