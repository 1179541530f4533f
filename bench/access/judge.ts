/**
 * What access policies cost: a judgement among 1,000 rules of different shapes, and the compiling of 10,000.
 *
 *     make bench CASE=access   (ROUNDS=5)
 */
import { join } from 'node:path';

import type { AccessCondition, AccessRule } from '../../api/access-policy.ts';
import { DEFAULT_IDENTITY_DOMAIN, dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import { PortRanges } from '../../core/config/port-ranges.ts';
import { InboundPorts } from '../../proxy/inbound/ports.ts';
import { Metrics } from '../../proxy/telemetry/metrics.ts';
import { record, summary } from '../result.ts';

const RESULTS = join(import.meta.dirname, '../results/access.jsonl');
const ROUNDS = Number(process.env.ROUNDS || 5);
const JUDGED = 200_000;
const RULES = 1000;

const principal = (n: number): AccessCondition => ({
  client: 'principal',
  value: { exact: `cluster.local/ns/default/sa/web-${n}` },
});
const prefix = (n: number): AccessCondition => ({ request: { path: { prefix: `/api/v${n % 40}/items-${n}/` } } });
const method: AccessCondition = { request: { method: { exact: 'GET' } } };

/** Rules of which the last one takes the request that is judged. */
const SHAPES: Readonly<Record<string, (n: number) => AccessCondition>> = {
  'no rules': () => ({ all: [] }),
  'a rule a client': (n) => ({ all: [principal(n), method] }),
  'a rule a path': (n) => ({ all: [prefix(n), method] }),
  'a rule a path, one client': (n) => ({ all: [principal(RULES - 1), prefix(n), method] }),
  'a rule a namespace, none by name': (n) => ({
    all: [{ client: 'namespace', value: { prefix: n === RULES - 1 ? 'def' : `team-${n}-` } }, method],
  }),
};

function portsWith(when: (n: number) => AccessCondition, count: number): InboundPorts {
  const rules = Array.from(
    { length: count },
    (_, n): AccessRule => ({ when: when(n), origin: `AuthorizationPolicy/default/${n}` }),
  );
  const config = {
    defaultPolicy: { mode: 'all-unauthenticated', origin: 'default' } as const,
    ports: [],
    clusterNetworks: [],
    access: {
      mutualTls: { mode: 'permissive', origin: 'default' } as const,
      layers: count === 0 ? [] : [{ deny: [], allow: rules, origin: 'rules' }],
    },
  };
  return new InboundPorts(config, PortRanges.EMPTY, new Metrics(), { identity: '', spiffe: '' }, (fault) => {
    throw new Error(fault);
  });
}

const workload = { namespace: 'default', serviceAccount: `web-${RULES - 1}` };
const client = {
  identity: dnsIdentity(workload, DEFAULT_IDENTITY_DOMAIN),
  spiffe: spiffeIdentity(workload, DEFAULT_IDENTITY_DOMAIN),
  certificateHash: '',
  address: '10.0.0.1',
  isLocal: false,
};
const paths = Array.from({ length: 64 }, (_, at) => `/api/v${(RULES - 1) % 40}/items-${RULES - 1}/${at}`);
const request = { method: 'GET', authority: 'api', scheme: 'http', fields: [] };

for (const [shape, when] of Object.entries(SHAPES)) {
  const ports = portsWith(when, shape === 'no rules' ? 0 : RULES);
  const microseconds: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const begunMs = performance.now();
    for (let i = 0; i < JUDGED; i++) {
      const { isRefused } = ports.judgeRequest(8080, client, { ...request, path: paths[i % paths.length]! });
      if (isRefused) throw new Error(`${shape}: refused`);
    }
    if (round >= 0) microseconds.push(((performance.now() - begunMs) * 1000) / JUDGED);
  }
  note(shape, 'judgement', 'us', microseconds);
}

const compiling: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const begunMs = performance.now();
  portsWith(SHAPES['a rule a path, one client']!, 10_000);
  compiling.push(performance.now() - begunMs);
}
note('10,000 rules', 'compiling', 'ms', compiling);

function note(contestant: string, metric: string, unit: string, values: readonly number[]): void {
  const { median, spread } = summary(values);
  const round = (figure: number) => Math.round(figure * 100) / 100;
  record(RESULTS, [
    {
      case: 'access',
      contestant,
      metric,
      unit,
      value: round(median),
      rounds: ROUNDS,
      spread: [round(spread[0]), round(spread[1])],
    },
  ]);
}
