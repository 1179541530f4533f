import t from 'tap';

import { POD_ANNOTATIONS } from '../../api/pod-annotations.ts';
import { injectPod } from './inject-pod.ts';
import { type PodOptions, readOptions } from './pod-options.ts';
import { podPatch } from './pod-patch.ts';
import type { Container, PodTemplate } from './pod-template.ts';
import { DEFAULT_INJECT_SETTINGS, type InjectSettings } from './settings.ts';
import { fingerprintOf } from './settings-fingerprint.ts';

const settings: InjectSettings = { ...DEFAULT_INJECT_SETTINGS, image: 'localhost/weft:0.1.0' };
const EVICT = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';

function injected(
  pod: Partial<PodTemplate>,
  options: PodOptions = {},
  change: Partial<InjectSettings> = {},
): PodTemplate {
  return injectPod({ spec: { containers: [{ name: 'app' }] }, ...pod }, options, { ...settings, ...change });
}

const namesOf = (containers: readonly Container[] | null | undefined) =>
  (containers ?? []).map(({ name }) => name).join();

function proxyOf({ spec }: PodTemplate): Container {
  return [...(spec.initContainers ?? []), ...spec.containers].find(({ name }) => name === 'weft-proxy')!;
}

function variable(pod: PodTemplate, name: string): string | undefined {
  const variables = proxyOf(pod).env as readonly { name: string; value?: string }[];
  return variables.find((each) => each.name === name)?.value;
}

t.test('a native proxy starts before what the pod starts, an ordinary one after its init containers', async (t) => {
  const spec = { containers: [{ name: 'app' }, { name: 'other' }], initContainers: [{ name: 'migrate' }] };
  const order = (pod: PodTemplate) => [namesOf(pod.spec.initContainers), namesOf(pod.spec.containers)];
  const native = ['weft-init,weft-proxy,migrate', 'app,other'];
  const ordinary = ['migrate,weft-init', 'weft-proxy,app,other'];
  t.same(order(injected({ spec })), native);
  t.same(order(injected({ spec }, {}, { nativeSidecar: false })), ordinary);
  t.same(order(injected({ spec }, { nativeSidecar: 'disabled' })), ordinary, 'the pod says so');
  t.same(order(injected({ spec }, { nativeSidecar: 'enabled' }, { nativeSidecar: false })), native);
  t.same(order(injected({ spec }, { capture: 'none' })), ['weft-proxy,migrate', 'app,other']);
  t.same(order(injected({ spec }, { capture: 'init' })), native);
});

t.test('the rest of the pod stays, and the pod that was given is not changed', async (t) => {
  const pod = { apiVersion: 'v1', metadata: { name: 'web' }, spec: { containers: [{ name: 'app' }], nodeName: 'n' } };
  const before = structuredClone(pod);
  t.match(injected(pod), { apiVersion: 'v1', metadata: { name: 'web' }, spec: { nodeName: 'n' } });
  t.same(pod, before);
});

t.test('a pod says that its proxy’s volumes keep no node, beside what it said of its own', async (t) => {
  const evict = (list?: string) => {
    const annotations = list === undefined ? {} : { [EVICT]: list };
    return injected({ metadata: { annotations } }).metadata?.annotations?.[EVICT];
  };
  t.equal(evict(), 'weft-bundle,weft-init-run');
  t.equal(evict(''), 'weft-bundle,weft-init-run');
  t.equal(evict('cache,weft-bundle'), 'cache,weft-bundle,weft-init-run');
});

t.test('kubectl means the first container of the application, unless the pod says another', async (t) => {
  const [container, logs] = ['kubectl.kubernetes.io/default-container', 'kubectl.kubernetes.io/default-logs-container'];
  const annotations = (pod: PodTemplate) => [pod.metadata?.annotations?.[container], pod.metadata?.annotations?.[logs]];
  t.same(annotations(injected({ spec: { containers: [{ name: 'app' }, { name: 'b' }] } })), ['app', 'app']);
  t.same(annotations(injected({ metadata: { annotations: { [container]: 'b' } } })), ['b', 'app']);
  const again = injectPod(injected({}, {}, { nativeSidecar: false }), {}, { ...settings, nativeSidecar: false });
  t.same(annotations(again), ['app', 'app'], 'never the proxy');
});

t.test('labels and annotations of the pod stay beside ours', async (t) => {
  const { metadata } = injected({ metadata: { labels: { app: 'web' }, annotations: { note: 'x' } } });
  t.same(metadata?.labels, { app: 'web', 'weft.dev/control-plane-namespace': 'weft' });
  t.equal(metadata?.annotations?.note, 'x');
  t.equal(metadata?.annotations?.['weft.dev/injected'], fingerprintOf(settings));
});

t.test('a record of an injection is the image’s tag and a hash of the settings', async (t) => {
  const tagOf = (image: string) => fingerprintOf({ ...settings, image }).split(/-(?=[0-9a-f]{8}$)/)[0];
  t.equal(tagOf('weft:0.1.0'), '0.1.0');
  t.equal(tagOf('host:5000/weft'), 'latest');
  t.equal(tagOf('host:5000/weft:v1-rc.2_x'), 'v1-rc.2_x');
  const hashes = ['a', 'b', 'c', 'd'].map((trustDomain) => fingerprintOf({ ...settings, trustDomain }));
  t.equal(new Set(hashes).size, 4);
  for (let i = 0; i < 300; i++)
    if (!/^0\.1\.0-[0-9a-f]{8}$/.test(fingerprintOf({ ...settings, trustDomain: `${i}` }))) t.fail(`${i}`);
});

t.test('opaque ports may be named as containers name them; a name that none has is no port', async (t) => {
  const spec = {
    containers: [{ name: 'app', ports: [{ name: 'db', containerPort: 5000 }, { containerPort: 1 }] }],
    initContainers: [{ name: 'i', ports: [{ name: 'db', containerPort: 5001 }] }],
  };
  const opaque = (opaquePorts?: string) =>
    variable(injected({ spec }, opaquePorts === undefined ? {} : { opaquePorts }), 'WEFT_PROXY_OPAQUE_PORTS');
  t.equal(opaque('25,db,6000-6010,other'), '25,5001,5000,6000-6010');
  t.equal(opaque(''), '');
  t.match(opaque(), /^25,/, 'the default');
});

t.test('the proxy is told what its pod asks for, and nothing that it does not', async (t) => {
  const plain = injected({});
  for (const name of [
    'INGRESS',
    'SHUTDOWN_GRACE',
    'ADMIN_SHUTDOWN',
    'DISCOVERY_FAILURE_POLICY',
    'OUTBOUND_CONNECT_TIMEOUT',
    'INBOUND_CONNECT_TIMEOUT',
    'PROBE_PATHS',
  ])
    t.equal(variable(plain, `WEFT_PROXY_${name}`), undefined, name);
  t.equal(variable(plain, 'WEFT_PROXY_LOG_LEVEL'), 'info');
  t.equal(variable(plain, 'WEFT_PROXY_DEFAULT_INBOUND_POLICY'), 'all-unauthenticated');
  const asking = injected(
    { spec: { containers: [{ name: 'app', livenessProbe: { httpGet: { port: 80, path: '/live' } } }] } },
    {
      isIngress: true,
      shutdownGrace: '30s',
      adminShutdown: 'enabled',
      discoveryFailurePolicy: 'forward',
      outboundConnectTimeout: '1s',
      inboundConnectTimeout: '2s',
      logLevel: 'debug',
      defaultInboundPolicy: 'deny',
    },
  );
  for (const [name, value] of [
    ['INGRESS', 'enabled'],
    ['SHUTDOWN_GRACE', '30s'],
    ['ADMIN_SHUTDOWN', 'enabled'],
    ['DISCOVERY_FAILURE_POLICY', 'forward'],
    ['OUTBOUND_CONNECT_TIMEOUT', '1s'],
    ['INBOUND_CONNECT_TIMEOUT', '2s'],
    ['PROBE_PATHS', '{"80":["/live"]}'],
    ['LOG_LEVEL', 'debug'],
    ['DEFAULT_INBOUND_POLICY', 'deny'],
  ] as const)
    t.equal(variable(asking, `WEFT_PROXY_${name}`), value, name);
  const other = injected({}, {}, { controlNamespace: 'mesh', trustDomain: 't.example', clusterDomain: 'c.example' });
  t.equal(variable(other, 'WEFT_PROXY_TRUST_DOMAIN'), 't.example');
  t.match(variable(other, 'WEFT_PROXY_IDENTITY_ADDRESS'), /^weft-identity\.mesh\.svc\.c\.example\.:\d+$/);
  t.match(variable(other, 'WEFT_PROXY_DESTINATION_ADDRESS'), /^weft-destination\.mesh\.svc\.c\.example\.:\d+$/);
});

t.test('redirect rules spare the admin port, and what the pod asks to be spared', async (t) => {
  const argumentsOf = (options: PodOptions) =>
    (injected({}, options).spec.initContainers![0]!.args as string[]).slice(6);
  t.same(argumentsOf({}), ['--skip-inbound-ports', '4191']);
  t.same(argumentsOf({ skipInboundPorts: '80', skipOutboundPorts: '25', skipSubnets: '10.0.0.0/8' }), [
    ...['--skip-inbound-ports', '4191,80', '--skip-outbound-ports', '25', '--skip-subnets', '10.0.0.0/8'],
  ]);
});

t.test('resources that are asked for count; defaults give way, so that no request is above its limit', async (t) => {
  const resourcesOf = (options: PodOptions, resources = settings.resources) =>
    proxyOf(injected({}, options, { resources })).resources;
  const none = { cpuRequest: null, cpuLimit: null, memoryRequest: null, memoryLimit: null };
  t.same(resourcesOf({}, none), { requests: {}, limits: {} });
  t.same(resourcesOf({ cpuRequest: '1', memoryLimit: '1Gi' }, none), {
    requests: { cpu: '1' },
    limits: { memory: '1Gi' },
  });
  const all = { cpuRequest: '100m', cpuLimit: '200m', memoryRequest: '64Mi', memoryLimit: '128Mi' };
  const both = (cpu: [string, string], memory: [string, string]) => ({
    requests: { cpu: cpu[0], memory: memory[0] },
    limits: { cpu: cpu[1], memory: memory[1] },
  });
  t.same(resourcesOf({}, all), both(['100m', '200m'], ['64Mi', '128Mi']));
  t.same(resourcesOf({ cpuLimit: '50m', memoryLimit: '64Mi' }, all), both(['50m', '50m'], ['64Mi', '64Mi']));
  t.same(resourcesOf({ cpuRequest: '300m', memoryRequest: '128Mi' }, all), both(['300m', '300m'], ['128Mi', '128Mi']));
  t.same(resourcesOf({ cpuRequest: '1', cpuLimit: '2' }, all), both(['1', '2'], ['64Mi', '128Mi']));
});

t.test(
  'the init program has the resources of the proxy, so that a pod can be Guaranteed and fit a quota',
  async (t) => {
    const options = { cpuRequest: '20m', cpuLimit: '20m', memoryRequest: '64Mi', memoryLimit: '64Mi' };
    const { initContainers } = injected({}, options).spec;
    const init = initContainers!.find(({ name }) => name === 'weft-init')!;
    t.same(init.resources, { requests: { cpu: '20m', memory: '64Mi' }, limits: { cpu: '20m', memory: '64Mi' } });
    t.same(init.resources, proxyOf(injected({}, options)).resources);
  },
);

t.test('words of other meshes are read as those mean them', async (t) => {
  const read = (annotations: Record<string, string>) =>
    readOptions({ annotations }, { name: 'shop', labels: {}, annotations: {} }, settings.families);
  for (const [text, logLevel] of [
    ['warn,linkerd=debug', 'warn'],
    ['linkerd=info,warn', 'info'],
    ['linkerd[name="inbound"]=trace,info', 'info'],
    ['[{a,b}]=off, warn', 'warn'],
    ['off', 'silent'],
    ['none', 'silent'],
    ['warning', 'warn'],
    ['error', 'error'],
  ] as const)
    t.equal(read({ 'config.linkerd.io/proxy-log-level': text }).options.logLevel, logLevel, text);
  const { options, problems, warnings } = read({ 'config.linkerd.io/proxy-log-level': 'loud' });
  t.same([options, problems, warnings.length], [{}, [], 1]);
  t.equal(read({ 'weft.dev/proxy-log-level': 'warning' }).problems.length, 1, 'Weft’s own word is its own');
  t.equal(read({ 'weft.dev/native-sidecar': 'true' }).problems.length, 1);
});

t.test('every option is read in the words of each family, Weft’s before Linkerd’s before Istio’s', async (t) => {
  const samples: Record<string, readonly [text: string, other: string]> = {
    skipInboundPorts: ['80', '81'],
    skipOutboundPorts: ['25', '26'],
    skipSubnets: ['10.0.0.0/8', 'fd00::/8'],
    opaquePorts: ['redis', '7000'],
    halfClosedPorts: ['80', '81-90'],
    defaultInboundPolicy: ['all-authenticated', 'deny'],
    requireIdentityPorts: ['80', '443-445'],
    discoveryFailurePolicy: ['fail', 'forward'],
    cpuRequest: ['1', '2'],
    cpuLimit: ['1', '2'],
    memoryRequest: ['1Mi', '2Mi'],
    memoryLimit: ['1Mi', '2Mi'],
    logLevel: ['warn', 'error'],
    shutdownGrace: ['5s', '6s'],
    adminShutdown: ['enabled', 'disabled'],
    outboundConnectTimeout: ['1s', '2s'],
    inboundConnectTimeout: ['1s', '2s'],
    nativeSidecar: ['enabled', 'disabled'],
    capture: ['init', 'none'],
  };
  t.same(Object.keys(samples), Object.keys(POD_ANNOTATIONS));
  const read = (annotations: Record<string, string>, families = settings.families) =>
    readOptions({ annotations }, { name: 'shop', labels: {}, annotations: {} }, families).options;
  for (const [field, option] of Object.entries(POD_ANNOTATIONS)) {
    const [text, other] = samples[field]!;
    const { weft, linkerd, istio } = option as { weft: string; linkerd?: string; istio?: string };
    const names = [weft, linkerd, istio].filter((name) => name !== undefined);
    for (const [i, name] of names.entries()) {
      t.same(read({ [name]: text }), { [field]: text }, name);
      for (const later of names.slice(i + 1)) t.same(read({ [later]: other, [name]: text }), { [field]: text }, name);
    }
    for (const name of names.slice(1)) t.same(read({ [name]: text }, { istio: false, linkerd: false }), {}, name);
  }
  for (const name of ['config.linkerd.io/proxy-enable-native-sidecar', 'sidecar.istio.io/nativeSidecar']) {
    t.same(read({ [name]: 'true' }), { nativeSidecar: 'enabled' });
    t.same(read({ [name]: 'false' }), { nativeSidecar: 'disabled' });
  }
});

t.test('a policy that nobody can read denies, in whosever words; another option is left out', async (t) => {
  const read = (annotations: Record<string, string>) =>
    readOptions({ annotations }, { name: 'shop', labels: {}, annotations: {} }, settings.families).options;
  t.same(read({ 'weft.dev/default-inbound-policy': 'x' }), { defaultInboundPolicy: 'deny' });
  t.same(read({ 'weft.dev/skip-subnets': 'x' }), {});
});

t.test('the pod’s words come before those of its namespace, for each option by itself', async (t) => {
  const { options } = readOptions(
    { annotations: { 'weft.dev/capture': 'none' } },
    { name: 'shop', labels: {}, annotations: { 'weft.dev/capture': 'init', 'weft.dev/shutdown-grace-period': '5s' } },
    settings.families,
  );
  t.same(options, { capture: 'none', shutdownGrace: '5s' });
});

t.test('a patch moves entries only where their order has changed', async (t) => {
  const list = (...names: string[]) =>
    ({ spec: { containers: names.map((name) => ({ name })) } }) as unknown as PodTemplate;
  const paths = (before: PodTemplate, after: PodTemplate) =>
    podPatch(before, after).map(({ op, path }) => `${op} ${path}`);
  t.same(paths(list('a', 'b'), list('x', 'a', 'b')), ['add /spec/containers/0']);
  t.same(paths(list('a', 'b', 'c'), list('a', 'c')), ['remove /spec/containers/1']);
  t.same(paths(list('a', 'b', 'c'), list('c')), ['remove /spec/containers/1', 'remove /spec/containers/0']);
  t.same(paths(list('a', 'b'), list('b', 'a')), ['replace /spec/containers/1/name', 'replace /spec/containers/0/name']);
  t.same(paths(list('a', 'a'), list('a')), ['remove /spec/containers/1'], 'names that are not their own');
});
