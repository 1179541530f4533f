import type { Balancer, ConsistentHash } from '../../../api/traffic-policy.ts';
import { headerNameFault } from '../../../core/http/head-text.ts';
import type { FieldReader } from '../field-reader.ts';
import type { LoadBalancer } from './destination-rule.ts';
import { readLocalitySetting, readZoneAwareSetting } from './read-locality-setting.ts';

/** Reads `loadBalancer`. Source: DestinationRule, "LoadBalancerSettings". */
export function readLoadBalancer(reader: FieldReader): LoadBalancer {
  reader.allow(['simple', 'consistentHash', 'localityLbSetting', 'warmup', 'warmupDurationSecs', 'zoneAwareLbSetting']);
  if (reader.has('simple') && reader.has('consistentHash'))
    reader.problem('consistentHash', 'excludes simple, which stands beside it');
  const hash = reader.nested('consistentHash');
  const locality = reader.nested('localityLbSetting');
  const zones = reader.nested('zoneAwareLbSetting');
  if (locality && zones) reader.problem('zoneAwareLbSetting', 'excludes localityLbSetting, which stands beside it');
  const slowStart = readWarmup(reader);
  const algorithm = hash ? 'consistent-hash' : readSimple(reader);
  if (slowStart && (algorithm === 'random' || algorithm === 'consistent-hash'))
    reader.warning('warmup', 'needs ROUND_ROBIN or LEAST_REQUEST, and has no effect');
  const balancer = hash || algorithm || slowStart ? { algorithm: algorithm ?? 'least-request' } : null;
  return {
    balancer: balancer && {
      ...balancer,
      ...(hash && { hash: readConsistentHash(hash) }),
      ...(slowStart && { slowStart }),
    },
    locality: zones ? readZoneAwareSetting(zones) : locality && readLocalitySetting(locality),
  };
}

/** null: it does not say. */
function readSimple(reader: FieldReader): Balancer['algorithm'] | null {
  const simple = reader.optionalText('simple');
  if (simple === null || simple === 'UNSPECIFIED') return null;
  if (simple === 'PASSTHROUGH') {
    reader.warning('simple', 'PASSTHROUGH is not supported; requests are balanced as without it');
    return null;
  }
  const algorithm = ALGORITHMS[simple];
  if (!algorithm) reader.problem('simple', `"${simple}" is none of ${Object.keys(ALGORITHMS).join(', ')}`);
  return algorithm ?? null;
}

const ALGORITHMS: Readonly<Record<string, Balancer['algorithm']>> = {
  LEAST_REQUEST: 'least-request',
  LEAST_CONN: 'least-request',
  ROUND_ROBIN: 'round-robin',
  RANDOM: 'random',
};

function readWarmup(reader: FieldReader): Balancer['slowStart'] | null {
  const fields = reader.nested('warmup');
  fields?.allow(['duration', 'minimumPercent', 'aggression']);
  if (fields && !fields.has('duration')) fields.problem('duration', 'is missing');
  const windowMs = fields ? fields.duration('duration', 1) : reader.duration('warmupDurationSecs', 1);
  if (windowMs === null) return null;
  const number = (name: string, min: number, max: number) =>
    fields?.has(name) ? fields.number(name, { min, max, integer: false }) : null;
  return {
    windowMs,
    minimumFraction: (number('minimumPercent', 0, 100) ?? 10) / 100,
    aggression: number('aggression', 1, 1000) ?? 1,
  };
}

function readConsistentHash(reader: FieldReader): ConsistentHash {
  reader.allow([...KEYS, 'ringHash', 'maglev', 'minimumRingSize']);
  const keys = KEYS.filter((name) => (name === 'useSourceIp' ? reader.flag(name) : reader.has(name)));
  if (keys.length !== 1) reader.problem('', `needs exactly one of ${KEYS.join(', ')}`);
  const ring = reader.nested('ringHash');
  const maglev = reader.nested('maglev');
  ring?.allow(['minimumRingSize']);
  maglev?.allow(['tableSize']);
  if (ring && maglev) reader.problem('maglev', 'excludes ringHash, which stands beside it');
  const ringSize = ring?.whole('minimumRingSize', 1, MAX_RING) ?? reader.whole('minimumRingSize', 1, MAX_RING) ?? 1024;
  const tableSize = maglev?.whole('tableSize', 2, MAX_TABLE) ?? 65_537;
  if (maglev && !isPrime(tableSize)) maglev.problem('tableSize', `${tableSize} is no prime`);
  return { key: readKey(reader), table: maglev ? 'maglev' : 'ring-hash', size: maglev ? tableSize : ringSize };
}

function readKey(reader: FieldReader): ConsistentHash['key'] {
  const cookie = reader.nested('httpCookie');
  if (cookie) {
    cookie.allow(['name', 'path', 'ttl', 'attributes']);
    const attributes = cookie.nestedList('attributes').map((entry) => {
      entry.allow(['name', 'value']);
      const value = entry.optionalText('value');
      const text = value === null ? (entry.text('name') ?? '') : `${entry.text('name')}=${value}`;
      if (/[;\p{Cc}]/u.test(text)) entry.problem('', 'has a character that no attribute of a cookie has');
      return text;
    });
    const name = cookie.text('name') ?? '';
    if (name !== '' && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
      cookie.problem('name', `"${name}" is no cookie name`);
    const path = cookie.optionalText('path') ?? '';
    if (/[;\p{Cc}]/u.test(path)) cookie.problem('path', 'has a character that no path of a cookie has');
    return {
      cookie: name,
      path,
      ttlMs: cookie.duration('ttl'),
      ...(attributes.length > 0 && { attributes }),
    };
  }
  const header = reader.optionalText('httpHeaderName');
  if (header !== null) {
    const fault = headerNameFault(header);
    if (fault) reader.problem('httpHeaderName', fault);
    return { header: header.toLowerCase() };
  }
  const query = reader.optionalText('httpQueryParameterName');
  return query === null ? { source: 'ip' } : { query };
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
}

const KEYS = ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'] as const;
/** Source: Envoy, `maximum_ring_size` and Maglev's `table_size`. */
const MAX_RING = 8_388_608;
const MAX_TABLE = 5_000_011;
