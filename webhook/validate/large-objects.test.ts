import t from 'tap';

import { validatedKind } from './kinds.ts';

/** A deadline of what takes a tenth of that on a slow machine, and most of a minute where it is not linear. */
const MOST_MS = 4000;
const many = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const ISTIO = 'networking.istio.io';
const route = [{ destination: { host: 'a' } }];

/** Each is near the size that a review may have. */
const OBJECTS: readonly (readonly [what: string, group: string, kind: string, spec: object])[] = [
  ['many hosts', ISTIO, 'VirtualService', { hosts: many(100_000, (at) => `h${at}.a`), http: [{ route }] }],
  [
    'many server names',
    ISTIO,
    'VirtualService',
    {
      hosts: many(40_000, (at) => `h${at}.a`),
      tls: [{ match: [{ sniHosts: many(40_000, (at) => `n${at}.b`) }], route }],
    },
  ],
  ['a host of many labels', ISTIO, 'VirtualService', { hosts: ['a.'.repeat(700_000)], http: [{ route }] }],
  ['many faults', ISTIO, 'VirtualService', { hosts: ['a'], http: many(200_000, () => ({ a: 1 })) }],
  [
    'many subsets',
    ISTIO,
    'DestinationRule',
    { host: 'a', subsets: many(60_000, (at) => ({ name: `s${at}`, labels: {} })) },
  ],
  [
    'many ports',
    ISTIO,
    'ServiceEntry',
    {
      hosts: ['a.b'],
      resolution: 'STATIC',
      ports: many(40_000, (at) => ({ name: `p${at}`, number: 1 + at, protocol: 'TCP' })),
      endpoints: [{ address: '1.2.3.4', ports: Object.fromEntries(many(40_000, (at) => [`p${at}`, 1])) }],
    },
  ],
  ['many routes', ISTIO, 'VirtualService', { hosts: ['a'], http: many(20_000, (at) => ({ name: `r${at}`, route })) }],
  [
    'many backends',
    'split.smi-spec.io',
    'TrafficSplit',
    { service: 'a', backends: many(80_000, (at) => ({ service: `s${at}`, weight: 1 })) },
  ],
];

for (const [what, group, kind, spec] of OBJECTS) {
  t.test(`checks a ${kind} of ${what} soon`, async (t) => {
    const begun = performance.now();
    const { problems } = validatedKind(group, kind)!.findings({ metadata: { name: 'a', namespace: 'b' }, spec }, null);
    const took = Math.round(performance.now() - begun);
    t.comment(`${problems.length} problems in ${took} ms`);
    t.ok(took < MOST_MS, `${took} ms`);
  });
}
