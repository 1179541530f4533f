import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import jsonPatch from 'fast-json-patch';
import t from 'tap';
import { nearestName } from '../../core/text/nearest-name.ts';
import { type Injection, inject } from './inject.ts';
import { askingNamespace, type NamespaceFacts } from './namespace-facts.ts';
import { podPatch } from './pod-patch.ts';
import type { PodTemplate } from './pod-template.ts';
import { DEFAULT_INJECT_SETTINGS, type InjectSettings } from './settings.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures');
const settings: InjectSettings = { ...DEFAULT_INJECT_SETTINGS, image: 'localhost/weft/weft:0.1.0' };
const shop = askingNamespace('shop');
const web = JSON.parse(readFileSync(join(fixtures, 'web.pod.json'), 'utf8')) as PodTemplate;

// biome-ignore lint/suspicious/noExplicitAny: pods of tests are poked at freely
function injected(pod: unknown, namespace = shop, change: Partial<InjectSettings> = {}): any {
  const injection = inject(pod, namespace, { ...settings, ...change });
  if (injection.outcome !== 'inject') throw new Error(`${injection.reason}: ${injection.message}`);
  return injection.pod;
}

function withAnnotations(annotations: Record<string, string>): PodTemplate {
  return { ...web, metadata: { ...web.metadata, annotations } };
}

function withSpec(spec: object): unknown {
  return { ...web, spec: { ...web.spec, ...spec } };
}

function envOf(pod: { spec: PodTemplate['spec'] }): Record<string, string> {
  const proxy = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(({ name }) => name === 'weft-proxy');
  const entries = (proxy!.env as { name: string; value?: string }[]).map(({ name, value }) => [name, value]);
  return Object.fromEntries(entries);
}

t.test('adds a proxy to the smallest pod', async (t) => {
  const pod = injected({ spec: { containers: [{ name: 'app' }] } });
  t.same(
    pod.spec.initContainers.map(({ name }: { name: string }) => name),
    ['weft-init', 'weft-proxy'],
  );
  t.same(pod.spec.containers, [{ name: 'app' }]);
  t.equal(pod.metadata.labels['weft.dev/control-plane-namespace'], 'weft');
  t.equal(pod.metadata.annotations['kubectl.kubernetes.io/default-container'], 'app');
});

t.test('writes the pods that are kept as examples (WEFT_UPDATE_GOLDEN=1 writes them anew)', async (t) => {
  const control = 'weft.dev/inject';
  for (const [name, pod] of [
    ['native', injected(web)],
    ['ordinary', injected(web, shop, { nativeSidecar: false })],
    [
      'annotated',
      injected(
        withAnnotations({
          [control]: 'enabled',
          'weft.dev/skip-inbound-ports': '9100',
          'weft.dev/skip-outbound-ports': '25, 5432',
          'weft.dev/skip-subnets': '10.1.0.0/16,fd00::/8',
          'weft.dev/opaque-ports': 'redis,7000-7010',
          'weft.dev/default-inbound-policy': 'all-authenticated',
          'weft.dev/proxy-memory-request': '300Mi',
          'weft.dev/proxy-cpu-limit': '20m',
          'weft.dev/proxy-log-level': 'debug',
          'weft.dev/shutdown-grace-period': '30s',
          'weft.dev/proxy-admin-shutdown': 'enabled',
        }),
      ),
    ],
  ] as const) {
    const file = join(fixtures, `${name}.golden.json`);
    if (process.env.WEFT_UPDATE_GOLDEN) writeFileSync(file, `${JSON.stringify(pod, null, 2)}\n`);
    t.same(pod, JSON.parse(readFileSync(file, 'utf8')), name);
  }
});

t.test('tells the proxy of an ingress, by whichever word counts', async (t) => {
  const isIngress = (injection: Injection) =>
    injection.outcome === 'inject' &&
    JSON.stringify(injection.pod).includes('{"name":"WEFT_PROXY_INGRESS","value":"enabled"}');
  const ingress = { 'weft.dev/inject': 'ingress' };
  t.equal(isIngress(decide({}, { annotations: ingress })), true);
  t.equal(isIngress(decide({ labels: ingress })), true);
  t.equal(isIngress(decide({}, { annotations: { 'linkerd.io/inject': 'ingress' } })), true);
  t.equal(isIngress(decide({ labels: ingress }, { labels: { 'weft.dev/inject': 'enabled' } })), false, 'the pod wins');
  t.equal(isIngress(decide({ labels: { 'weft.dev/inject': 'enabled' } })), false);
});

/** The interesting part, what it does to the pod `web` in a namespace without a word, and the reason. */
const DECISIONS: readonly [what: string, decide: () => Injection, expected: string][] = [
  ['nothing asks', () => decide(), 'injection_not_enabled'],
  ['label on the namespace', () => decide({ labels: { 'weft.dev/inject': 'enabled' } }), 'inject'],
  ['annotation on the namespace', () => decide({ annotations: { 'weft.dev/inject': 'ingress' } }), 'inject'],
  ['label on the pod', () => decide({}, { labels: { 'weft.dev/inject': 'enabled' } }), 'inject'],
  ['annotation on the pod', () => decide({}, { annotations: { 'weft.dev/inject': 'enabled' } }), 'inject'],
  [
    'the pod wins over its namespace',
    () => decide({ labels: { 'weft.dev/inject': 'enabled' } }, { annotations: { 'weft.dev/inject': 'disabled' } }),
    'injection_disabled',
  ],
  [
    'a misspelt value on the pod',
    () => decide({}, { labels: { 'weft.dev/inject': 'on' } }),
    'refuse invalid_inject_value',
  ],
  ['a misspelt value on the namespace', () => decide({ labels: { 'weft.dev/inject': 'on' } }), 'invalid_inject_value'],
  ['Linkerd on the namespace', () => decide({ annotations: { 'linkerd.io/inject': 'enabled' } }), 'inject'],
  ['Linkerd on the pod', () => decide({}, { annotations: { 'linkerd.io/inject': 'enabled' } }), 'inject'],
  [
    'Linkerd misspelt on the pod',
    () => decide({}, { annotations: { 'linkerd.io/inject': 'on' } }),
    'invalid_inject_value',
  ],
  [
    'Weft wins over Linkerd at one level',
    () => decide({ labels: { 'weft.dev/inject': 'disabled' }, annotations: { 'linkerd.io/inject': 'enabled' } }),
    'injection_disabled',
  ],
  ['Istio on the namespace', () => decide({ labels: { 'istio-injection': 'enabled' } }), 'inject'],
  ['an Istio revision on the namespace', () => decide({ labels: { 'istio.io/rev': 'canary' } }), 'inject'],
  [
    'istio-injection wins over a revision',
    () => decide({ labels: { 'istio-injection': 'disabled', 'istio.io/rev': 'canary' } }),
    'injection_disabled',
  ],
  ['Istio on the pod', () => decide({}, { labels: { 'sidecar.istio.io/inject': 'true' } }), 'inject'],
  [
    'Istio off on the pod',
    () => decide({ labels: { 'istio-injection': 'enabled' } }, { labels: { 'sidecar.istio.io/inject': 'false' } }),
    'injection_disabled',
  ],
  ['an Istio revision on the pod', () => decide({}, { labels: { 'istio.io/rev': 'canary' } }), 'inject'],
  [
    'a pod cannot opt in where Istio is off',
    () => decide({ labels: { 'istio-injection': 'disabled' } }, { labels: { 'sidecar.istio.io/inject': 'true' } }),
    'injection_disabled',
  ],
  [
    'kube-system',
    () => decide({ name: 'kube-system' }, { labels: { 'weft.dev/inject': 'enabled' } }),
    'namespace_protected',
  ],
  [
    "Weft's own namespace",
    () => decide({ name: 'weft' }, { labels: { 'weft.dev/inject': 'enabled' } }),
    'namespace_protected',
  ],
  ['host network', () => inject(withSpec({ hostNetwork: true }), shop, settings), 'host_network_enabled'],
  ['a mirror pod', () => inject(withAnnotations({ 'kubernetes.io/config.mirror': 'x' }), shop, settings), 'mirror_pod'],
  ['a Windows pod', () => inject(withSpec({ os: { name: 'windows' } }), shop, settings), 'windows_pod'],
  [
    'a proxy of Linkerd',
    () => inject(withSpec({ initContainers: [{ name: 'linkerd-proxy' }] }), shop, settings),
    'sidecar_already_exists',
  ],
  [
    'a proxy of Istio by its image',
    () => inject(withSpec({ containers: [{ name: 'x', image: 'gcr.io/istio-release/proxyv2:1.30' }] }), shop, settings),
    'sidecar_already_exists',
  ],
  [
    "a container with the proxy's user",
    () => inject(withSpec({ containers: [{ name: 'x', securityContext: { runAsUser: 2102 } }] }), shop, settings),
    'refuse proxy_uid_in_use',
  ],
  [
    "a pod with the proxy's user",
    () => inject(withSpec({ securityContext: { runAsUser: 2102 } }), shop, settings),
    'refuse proxy_uid_in_use',
  ],
  [
    "a pod with the proxy's user that no container has",
    () =>
      inject(
        {
          spec: {
            securityContext: { runAsUser: 2102 },
            containers: [{ name: 'x', securityContext: { runAsUser: 1 } }],
          },
        },
        shop,
        settings,
      ),
    'inject',
  ],
  [
    "a container with the proxy's port",
    () => inject(withSpec({ containers: [{ name: 'x', ports: [{ containerPort: 4191 }] }] }), shop, settings),
    'refuse proxy_port_in_use',
  ],
  [
    'a wrong option of Weft',
    () => inject(withAnnotations({ 'weft.dev/skip-subnets': '10.0.0.0/99' }), shop, settings),
    'refuse annotation_invalid',
  ],
  [
    'a wrong option of Linkerd',
    () => inject(withAnnotations({ 'config.linkerd.io/skip-subnets': 'x' }), shop, settings),
    'inject',
  ],
  ['no object', () => inject(null, shop, settings), 'refuse pod_malformed'],
];

function decide(namespace: Partial<NamespaceFacts> = {}, metadata: object = {}): Injection {
  return inject({ ...web, metadata }, { name: 'shop', labels: {}, annotations: {}, ...namespace }, settings);
}

t.test('decides', async (t) => {
  for (const [what, run, expected] of DECISIONS) {
    const result = run();
    const got =
      result.outcome === 'inject' ? 'inject' : `${result.outcome === 'refuse' ? 'refuse ' : ''}${result.reason}`;
    t.equal(got, expected, what);
    if (result.outcome !== 'inject') t.match(result.message, /\w+ \w+ \w+/, 'with a sentence');
  }
});

t.test('ignores families that are switched off', async (t) => {
  const families = { istio: false, linkerd: false };
  for (const namespace of [
    { labels: { 'istio-injection': 'enabled' } },
    { annotations: { 'linkerd.io/inject': 'enabled' } },
  ]) {
    const facts = { name: 'shop', labels: {}, annotations: {}, ...namespace };
    t.match(inject(web, facts, { ...settings, families }), { reason: 'injection_not_enabled' });
  }
  const pod = withAnnotations({ 'config.linkerd.io/proxy-log-level': 'debug' });
  t.equal(envOf(injected(pod, shop, { families })).WEFT_PROXY_LOG_LEVEL, 'info');
});

t.test('reads the options of every family, of the pod before the namespace', async (t) => {
  const level = (annotations: Record<string, string>, namespace: Record<string, string> = {}) =>
    envOf(injected(withAnnotations(annotations), { ...shop, annotations: namespace })).WEFT_PROXY_LOG_LEVEL;
  t.equal(level({ 'config.linkerd.io/proxy-log-level': 'warn,linkerd=debug' }), 'warn');
  t.equal(level({ 'sidecar.istio.io/logLevel': 'warning' }), 'warn');
  t.equal(level({}, { 'weft.dev/proxy-log-level': 'error' }), 'error');
  t.equal(level({ 'config.linkerd.io/proxy-log-level': 'debug' }, { 'weft.dev/proxy-log-level': 'error' }), 'debug');
});

t.test('denies clients when nobody can read the policy', async (t) => {
  const injection = inject(withAnnotations({ 'config.linkerd.io/default-inbound-policy': 'al' }), shop, settings);
  if (injection.outcome !== 'inject') throw new Error(injection.reason);
  t.equal(envOf(injection.pod).WEFT_PROXY_DEFAULT_INBOUND_POLICY, 'deny');
  t.match(injection.warnings[0], 'default-inbound-policy');
});

t.test('names the valid annotation that a misspelt one is nearest to', async (t) => {
  const injection = inject(withAnnotations({ 'weft.dev/skip-inbond-ports': '80', 'weft.dev/zzz': '' }), shop, settings);
  t.match(injection.warnings[0], 'did you mean weft.dev/skip-inbound-ports?');
  t.notMatch(injection.warnings[1], 'did you mean');
  t.equal(nearestName('kitten', ['sitting', 'mitten']), 'mitten');
});

t.test('leaves a pod unchanged that it has injected before', async (t) => {
  for (const nativeSidecar of [true, false]) {
    const once = injected(web, shop, { nativeSidecar });
    t.same(podPatch(once, injected(once, shop, { nativeSidecar })), []);
  }
});

t.test('changes nothing after the API server has filled in its defaults', async (t) => {
  const once = structuredClone(injected(web));
  const proxy = once.spec.initContainers[1];
  proxy.terminationMessagePath = '/dev/termination-log';
  proxy.livenessProbe = { ...proxy.livenessProbe, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
  proxy.livenessProbe.httpGet.scheme = 'HTTP';
  proxy.env[0].valueFrom.fieldRef.apiVersion = 'v1';
  once.spec.volumes[1].projected.defaultMode = 420;
  t.same(podPatch(once, injected(once)), []);
});

t.test('covers what another webhook appended after the first pass', async (t) => {
  const appended = {
    name: 'agent',
    ports: [{ name: 'status', containerPort: 9999 }],
    livenessProbe: { httpGet: { path: '/alive', port: 'status' } },
  };
  for (const nativeSidecar of [true, false]) {
    const first = injected(web, shop, { nativeSidecar });
    const meddled = structuredClone(first);
    meddled.spec.containers.push(appended);
    meddled.spec.initContainers.unshift({ name: 'theirs' });
    const second = injected(meddled, shop, { nativeSidecar });
    const names = [...second.spec.initContainers, ...second.spec.containers].map(({ name }: { name: string }) => name);
    t.equal(names.filter((name) => name === 'weft-proxy').length, 1);
    t.match(envOf(second).WEFT_PROXY_PROBE_PATHS, '/alive');
    const otherOrder = structuredClone(web) as unknown as { spec: { containers: object[]; initContainers: object[] } };
    otherOrder.spec.containers.push(appended);
    otherOrder.spec.initContainers.unshift({ name: 'theirs' });
    t.same(second, injected(otherOrder, shop, { nativeSidecar }), 'the same for either order of the two');
  }
});

t.test("keeps another webhook's changes to the proxy", async (t) => {
  const meddled = structuredClone(injected(web));
  meddled.spec.initContainers[1].env.push({ name: 'THEIRS', value: '1' });
  meddled.spec.initContainers[1].volumeMounts.push({ name: 'theirs', mountPath: '/theirs' });
  meddled.spec.initContainers[1].image = 'localhost/evil:1';
  const again = injected(meddled);
  t.equal(envOf(again).THEIRS, '1');
  t.same(podPatch(meddled, again), [{ op: 'replace', path: '/spec/initContainers/1/image', value: settings.image }]);
});

t.test('patches what it added and nothing else', async (t) => {
  const patch = podPatch(web, injected(web));
  t.same(patch.map(({ op, path }) => `${op} ${path}`).sort(), [
    'add /metadata/annotations',
    'add /metadata/labels/weft.dev~1control-plane-namespace',
    'add /spec/initContainers/0',
    'add /spec/initContainers/1',
    'add /spec/volumes/1',
    'add /spec/volumes/2',
    'add /spec/volumes/3',
  ]);
  const target = structuredClone(web);
  t.same(jsonPatch.applyPatch(target, patch).newDocument, injected(web));
});

t.test('patches every pair of lists so that the result is the second', async (t) => {
  const list = (...names: string[]) => ({ spec: { containers: names.map((name) => ({ name, n: names.length })) } });
  const cases = ['', 'a', 'ab', 'ba', 'abc', 'xab', 'axb', 'cab', 'aa'].map((text) => list(...text));
  for (const before of cases) {
    for (const after of cases) {
      const patch = podPatch(before as unknown as PodTemplate, after as unknown as PodTemplate);
      const patched = jsonPatch.applyPatch(structuredClone(before), structuredClone(patch)).newDocument;
      t.same(patched, after, JSON.stringify([before, after]));
    }
  }
});

t.test('works on templates as people write them', async (t) => {
  const pod = injected({
    metadata: { labels: null, annotations: null },
    spec: { initContainers: null, volumes: null, securityContext: null, containers: [{ name: 'app', ports: null }] },
  });
  t.equal(pod.spec.initContainers.length, 2);
});

t.test('says what is wrong with a pod that is none', async (t) => {
  for (const [pod, message] of [
    [[], 'the pod is no object'],
    [{}, 'spec is missing'],
    [{ spec: {} }, 'spec.containers is missing'],
    [{ spec: { containers: [7] } }, 'spec.containers[0] is no object'],
    [{ spec: { containers: [{ image: 'x' }] } }, 'spec.containers[0].name is missing'],
    [{ spec: { containers: [], initContainers: {} } }, 'spec.initContainers is no list'],
    [
      { spec: { containers: [{ name: 'a', ports: [{ containerPort: '80' }] }] } },
      'ports[0].containerPort is no number',
    ],
    [{ metadata: { labels: { a: 1 } }, spec: { containers: [] } }, 'metadata.labels["a"] is no text'],
    [{ metadata: 7, spec: { containers: [] } }, 'metadata is no object'],
  ] as const) {
    t.match(inject(pod, shop, settings), { outcome: 'refuse', reason: 'pod_malformed', message });
  }
});

t.test('refuses wrong options with a sentence each, all at once', async (t) => {
  for (const [name, value] of [
    ['weft.dev/skip-inbound-ports', '0'],
    ['weft.dev/skip-outbound-ports', 'http'],
    ['weft.dev/skip-subnets', 'fd00::/129'],
    ['weft.dev/skip-subnets', '1.2.3/8'],
    ['weft.dev/opaque-ports', 'Not_A_Name'],
    ['weft.dev/default-inbound-policy', 'everyone'],
    ['weft.dev/proxy-cpu-request', '-1'],
    ['weft.dev/proxy-memory-limit', '0'],
    ['weft.dev/proxy-log-level', 'loud'],
    ['weft.dev/shutdown-grace-period', '10'],
    ['weft.dev/proxy-admin-shutdown', 'true'],
    ['weft.dev/native-sidecar', 'yes'],
    ['weft.dev/capture', 'cni'],
  ] as const) {
    const injection = inject(
      withAnnotations({ [name]: value, 'weft.dev/outbound-connect-timeout': 'x' }),
      shop,
      settings,
    );
    t.match(injection, { reason: 'annotation_invalid' });
    t.match((injection as { message: string }).message, `${name} of the pod: "${value}"`);
    t.match((injection as { message: string }).message, 'outbound-connect-timeout');
  }
});

t.test('lets default resources give way to what is asked for', async (t) => {
  const resources = (annotations: Record<string, string>) =>
    injected(withAnnotations(annotations)).spec.initContainers[1].resources;
  t.same(resources({}), { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } });
  t.match(resources({ 'weft.dev/proxy-memory-request': '1Gi' }), {
    requests: { memory: '1Gi' },
    limits: { memory: '1Gi' },
  });
  t.match(resources({ 'weft.dev/proxy-memory-limit': '48Mi' }), { requests: { memory: '48Mi' } });
  t.match(resources({ 'sidecar.istio.io/proxyCPULimit': '2' }), { requests: { cpu: '50m' }, limits: { cpu: '2' } });
});

t.test('writes no redirect rules where capture is off', async (t) => {
  const pod = injected(withAnnotations({ 'weft.dev/capture': 'none' }));
  t.same(
    pod.spec.initContainers.map(({ name }: { name: string }) => name),
    ['weft-proxy', 'migrate'],
  );
});

t.test('a pod that another mesh has given its proxy to meanwhile is as if that had come first', async (t) => {
  const theirs = (pod: PodTemplate, native: boolean): PodTemplate => {
    const { spec } = pod;
    const istio = { name: 'istio-proxy', image: 'docker.io/istio/proxyv2' };
    return native
      ? { ...pod, spec: { ...spec, initContainers: [istio, ...(spec.initContainers ?? [])] } }
      : { ...pod, spec: { ...spec, containers: [istio, ...spec.containers] } };
  };
  for (const nativeSidecar of [true, false])
    for (const bare of [
      web,
      withAnnotations({ 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'mine' }),
    ]) {
      const both = theirs(injected(bare, shop, { nativeSidecar }), nativeSidecar);
      const found = inject(both, shop, { ...settings, nativeSidecar });
      t.match(found, { outcome: 'skip', reason: 'sidecar_already_exists' });
      t.match(found.warnings, [/istio-proxy is the proxy of another mesh.*Weft’s is taken out/]);
      const left = 'pod' in found ? found.pod! : both;
      const first = theirs(bare, nativeSidecar);
      t.same(left.spec.containers, first.spec.containers);
      t.same(left.spec.initContainers ?? [], first.spec.initContainers ?? []);
      t.same(left.spec.volumes ?? [], first.spec.volumes ?? []);
      t.same(left.metadata?.labels ?? {}, bare.metadata?.labels ?? {}, 'clients of the mesh expect no proxy there');
      const annotations = left.metadata?.annotations ?? {};
      t.match(annotations, bare.metadata?.annotations ?? {});
      t.notOk('weft.dev/injected' in annotations);
      t.notMatch(JSON.stringify(annotations), 'weft-');
      t.same(jsonPatch.applyPatch(structuredClone(both), podPatch(both, left)).newDocument, left);
    }
});

t.test('what another mesh’s pod calls as Weft does stays its own', async (t) => {
  const pod = withSpec({ containers: [{ name: 'istio-proxy' }, { name: 'weft-proxy', image: 'mine' }] });
  const found = inject(pod, shop, settings);
  t.match(found, { outcome: 'skip', reason: 'sidecar_already_exists' });
  t.notOk('pod' in found);
});
