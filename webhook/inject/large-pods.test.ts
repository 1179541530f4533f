import t from 'tap';

import { inject } from './inject.ts';
import { askingNamespace } from './namespace-facts.ts';
import { podPatch } from './pod-patch.ts';
import type { PodTemplate } from './pod-template.ts';
import { DEFAULT_INJECT_SETTINGS } from './settings.ts';

/** A deadline of what takes a tenth of that on a slow machine, and minutes where it is not linear. */
const MOST_MS = 4000;
const settings = { ...DEFAULT_INJECT_SETTINGS, image: 'localhost/weft/weft:0.1.0' };
const named = (count: number, more: (at: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, at) => ({ name: `c${at}`, ...more(at) }));
const texts = (count: number, key: (at: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [key(at), '1']));
const ports = named(80_000).map(({ name }, at) => ({ name, containerPort: 1 + (at % 4000) }));

/** Each is near the 3 MiB that a review may have. The API server asks before it looks at any bound of its own. */
const PODS: Readonly<Record<string, object>> = {
  'many containers': { spec: { containers: named(100_000) } },
  'many init containers': { spec: { containers: [{ name: 'a' }], initContainers: named(100_000) } },
  'many volumes': { spec: { containers: [{ name: 'a' }], volumes: named(100_000) } },
  'many containers of one name': { spec: { containers: named(100_000).map(() => ({ name: 'a' })) } },
  'a container again and again called as the proxy': {
    spec: { containers: named(100_000).map(() => ({ name: 'weft-proxy' })) },
  },
  'many ports, and their names as opaque ones': {
    metadata: { annotations: { 'weft.dev/opaque-ports': ports.map(({ name }) => name).join(',') } },
    spec: { containers: [{ name: 'a', ports }] },
  },
  'many probes of named ports': {
    spec: {
      containers: named(20_000, (at) => ({
        ports: [{ name: `p${at}`, containerPort: 8000 + (at % 99) }],
        readinessProbe: { httpGet: { path: `/${at}`, port: `p${at}` } },
      })),
    },
  },
  'many annotations that do not exist': {
    metadata: { annotations: texts(60_000, (at) => `config.linkerd.io/proxy-cpu-requests-${at}`) },
    spec: { containers: [{ name: 'a' }] },
  },
  'many labels that do not exist': {
    metadata: { labels: texts(60_000, (at) => `weft.dev/injects-${at}`) },
    spec: { containers: [{ name: 'a' }] },
  },
  'an annotation with a long name': {
    metadata: { annotations: { [`weft.dev/${'x'.repeat(1_500_000)}`]: '1' } },
    spec: { containers: [{ name: 'a' }] },
  },
  'a long list of volumes that need not be kept': {
    metadata: { annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'a,'.repeat(700_000) } },
    spec: { containers: [{ name: 'a' }] },
  },
  'a long duration': {
    metadata: { annotations: { 'weft.dev/shutdown-grace': '1s'.repeat(700_000) } },
    spec: { containers: [{ name: 'a' }] },
  },
  'a long quantity': {
    metadata: { annotations: { 'weft.dev/proxy-cpu-request': '1'.repeat(1_500_000) } },
    spec: { containers: [{ name: 'a' }] },
  },
  'a long log filter': {
    metadata: { annotations: { 'config.linkerd.io/proxy-log-level': '[['.repeat(700_000) } },
    spec: { containers: [{ name: 'a' }] },
  },
  'a long list of subnets': {
    metadata: { annotations: { 'weft.dev/skip-subnets': '10.0.0.0/8,'.repeat(100_000) } },
    spec: { containers: [{ name: 'a' }] },
  },
};

for (const [what, pod] of Object.entries(PODS)) {
  t.test(`decides soon about ${what}`, async (t) => {
    const begun = performance.now();
    const result = inject(pod, askingNamespace('shop'), settings);
    const operations = result.outcome === 'inject' ? podPatch(pod as PodTemplate, result.pod).length : 0;
    const took = Math.round(performance.now() - begun);
    t.comment(`${result.outcome}, ${operations} operations, ${took} ms`);
    t.ok(took < MOST_MS, `${took} ms`);
  });
}
