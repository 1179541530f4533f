import t from 'tap';

import { decide } from './decision.ts';
import { askingNamespace } from './namespace-facts.ts';
import type { PodTemplate } from './pod-template.ts';
import { DEFAULT_INJECT_SETTINGS, type InjectSettings } from './settings.ts';

const settings: InjectSettings = { ...DEFAULT_INJECT_SETTINGS, image: 'weft:0.1.0' };
const app = { name: 'app' };
const INJECTED = { annotations: { 'weft.dev/injected': '0.1.0' } };

/** The outcome for a pod in a namespace that asks, with its reason. */
function outcomeOf(spec: object, metadata: object = {}, name = 'shop'): string {
  const pod = { metadata, spec: { containers: [app], ...spec } } as unknown as PodTemplate;
  const decision = decide(pod, askingNamespace(name), settings);
  return decision.outcome === 'inject' ? 'inject' : `${decision.outcome} ${decision.reason}`;
}

t.test('namespaces that a cluster cannot do without, and Weft’s own, are left alone', async (t) => {
  for (const name of ['kube-system', 'kube-public', 'kube-node-lease', 'weft'])
    t.equal(outcomeOf({}, {}, name), 'skip namespace_protected', name);
  t.equal(outcomeOf({}, {}, 'default'), 'inject');
});

t.test('a container that is another mesh’s proxy is known by its name or image, wherever it stands', async (t) => {
  for (const name of ['linkerd-proxy', 'linkerd-init', 'istio-proxy', 'istio-init']) {
    t.equal(outcomeOf({ containers: [app, { name }] }), 'skip sidecar_already_exists', name);
    t.equal(outcomeOf({ initContainers: [{ name }] }), 'skip sidecar_already_exists', name);
  }
  for (const image of [
    'cr.l5d.io/linkerd/proxy:edge',
    'cr.l5d.io/linkerd/proxy-init:v2',
    'gcr.io/istio-release/proxyv2:1.30',
    'gcr.io/istio-release/proxy_init:1.30',
  ])
    t.equal(outcomeOf({ containers: [{ name: 'x', image }] }), 'skip sidecar_already_exists', image);
  t.equal(outcomeOf({ containers: [{ name: 'x', image: 'my/cr.l5d.io/linkerd/proxy:edge' }] }), 'inject');
  t.equal(outcomeOf({ containers: [{ name: 'istio-proxy-2', image: 'x' }] }), 'inject');
});

t.test('a port of the proxy’s own is refused where TCP is declared on it', async (t) => {
  const declaring = (...ports: object[]) => outcomeOf({ containers: [{ name: 'x', ports }] });
  for (const containerPort of [4140, 4143, 4191]) {
    t.equal(declaring({ containerPort }), 'refuse proxy_port_in_use', `${containerPort}`);
    t.equal(declaring({ containerPort: 80 }, { containerPort, protocol: 'TCP' }), 'refuse proxy_port_in_use');
    t.equal(declaring({ containerPort, protocol: 'UDP' }), 'inject');
    t.equal(outcomeOf({ initContainers: [{ name: 'x', ports: [{ containerPort }] }] }), 'refuse proxy_port_in_use');
  }
  t.equal(declaring({ containerPort: 4192 }), 'inject');
  t.equal(
    outcomeOf({ containers: [{ name: 'weft-proxy', ports: [{ containerPort: 4143 }] }, app] }, INJECTED),
    'inject',
    'it is the proxy',
  );
});

t.test('the proxy’s user is refused to everybody else, debuggers too', async (t) => {
  const as = (runAsUser: number) => ({ securityContext: { runAsUser } });
  t.equal(outcomeOf({ containers: [{ name: 'x', ...as(2102) }] }), 'refuse proxy_uid_in_use');
  t.equal(outcomeOf({ initContainers: [{ name: 'x', ...as(2102) }] }), 'refuse proxy_uid_in_use');
  t.equal(outcomeOf({ ephemeralContainers: [{ name: 'x', ...as(2102) }] }), 'refuse proxy_uid_in_use');
  t.equal(outcomeOf({ ...as(2102) }), 'refuse proxy_uid_in_use');
  t.equal(outcomeOf({ ...as(2102), containers: [{ name: 'x', ...as(0) }] }), 'inject');
  for (const name of ['weft-proxy', 'weft-init'])
    t.equal(outcomeOf({ initContainers: [{ name, ...as(2102) }] }, INJECTED), 'inject', name);
});

t.test('a name of the proxy’s is refused to a pod that has not been injected', async (t) => {
  for (const name of ['weft-proxy', 'weft-init']) {
    for (const list of ['containers', 'initContainers'])
      t.equal(outcomeOf({ [list]: [{ name, image: 'mine' }] }), 'refuse proxy_name_in_use', `${list} ${name}`);
    t.equal(outcomeOf({ initContainers: [{ name }] }, INJECTED), 'inject', 'injecting again');
  }
  for (const name of ['weft-token', 'weft-bundle', 'weft-init-run']) {
    t.equal(outcomeOf({ volumes: [{ name, hostPath: { path: '/' } }] }), 'refuse proxy_name_in_use', name);
    t.equal(outcomeOf({ volumes: [{ name }] }, INJECTED), 'inject', 'injecting again');
  }
  t.equal(outcomeOf({ containers: [{ name: 'weft' }], volumes: [{ name: 'weft-tokens' }] }), 'inject');
});

t.test('the network of the node, mirrors of files and Windows are left alone', async (t) => {
  t.equal(outcomeOf({ hostNetwork: true }), 'skip host_network_enabled');
  t.equal(outcomeOf({ hostNetwork: false }), 'inject');
  t.equal(outcomeOf({}, { annotations: { 'kubernetes.io/config.mirror': '' } }), 'skip mirror_pod');
  t.equal(outcomeOf({ os: { name: 'windows' } }), 'skip windows_pod');
  t.equal(outcomeOf({ os: { name: 'linux' } }), 'inject');
});

t.test(
  'of Weft’s words a misspelt one refuses the pod, of another mesh’s it is passed over with a warning',
  async (t) => {
    const said = (labels: Record<string, string>, namespace: Record<string, string> = {}) =>
      decide(
        { metadata: { labels }, spec: { containers: [app] } },
        { name: 'shop', labels: namespace, annotations: {} },
        settings,
      );
    t.match(said({ 'weft.dev/inject': 'on' }), { outcome: 'refuse', reason: 'invalid_inject_value' });
    t.equal(said({ 'weft.dev/inject': 'on' }).warnings.length, 0);
    for (const decision of [said({ 'linkerd.io/inject': 'on' }), said({}, { 'weft.dev/inject': 'on' })]) {
      t.match(decision, { outcome: 'skip', reason: 'invalid_inject_value' });
      t.equal(decision.warnings.length, 1);
    }
  },
);

t.test('what is unknown of Weft’s names is told, with the kind of name and what was meant', async (t) => {
  const metadata = {
    labels: { 'weft.dev/injct': 'x', other: 'y' },
    annotations: { 'weft.dev/skip-inbond-ports': '1', 'weft.dev/zzzzzz': '' },
  };
  const { warnings } = decide({ metadata, spec: { containers: [app] } }, askingNamespace('shop'), settings);
  t.same(warnings, [
    'the label weft.dev/injct does not exist and is ignored; did you mean weft.dev/inject?',
    'the annotation weft.dev/skip-inbond-ports does not exist and is ignored; did you mean weft.dev/skip-inbound-ports?',
    'the annotation weft.dev/zzzzzz does not exist and is ignored',
  ]);
});

t.test('a pod that another mesh takes for its own too is told, whoever says so and wherever', async (t) => {
  const said = (metadata: object, namespace: object, injectors: InjectSettings['injectors']) => {
    const pod = { metadata, spec: { containers: [app] } } as unknown as PodTemplate;
    const families = { istio: injectors?.istio !== true, linkerd: injectors?.linkerd !== true };
    const facts = { ...askingNamespace('shop'), ...namespace };
    return decide(pod, facts, { ...settings, families, injectors }).warnings;
  };
  const both = { istio: true, linkerd: true };
  const labels = { 'weft.dev/inject': 'enabled' };
  for (const [metadata, namespace, mesh, source] of [
    [{}, { labels: { ...labels, 'istio-injection': 'enabled' } }, 'Istio', 'label istio-injection of the namespace'],
    [{}, { labels: { ...labels, 'istio.io/rev': 'r' } }, 'Istio', 'label istio.io/rev of the namespace'],
    [{ labels: { 'sidecar.istio.io/inject': 'true' } }, {}, 'Istio', 'label sidecar.istio.io/inject of the pod'],
    [
      {},
      { annotations: { 'linkerd.io/inject': 'enabled' } },
      'Linkerd',
      'annotation linkerd.io/inject of the namespace',
    ],
    [{ annotations: { 'linkerd.io/inject': 'ingress' } }, {}, 'Linkerd', 'annotation linkerd.io/inject of the pod'],
  ] as const) {
    t.match(
      said(metadata, namespace, both),
      [`the injector of ${mesh}, which is installed here, takes this pod for its own too, by the ${source}`],
      source,
    );
    t.match(
      said(metadata, namespace, null),
      [`an injector of ${mesh} takes this pod for its own too`],
      `${source}: perhaps`,
    );
    t.same(said(metadata, namespace, { istio: false, linkerd: false }), [], `${source}: nobody there`);
  }
  t.same(said({ annotations: { 'linkerd.io/inject': 'disabled', 'weft.dev/inject': 'enabled' } }, {}, both), []);
  const theirs = { annotations: { 'linkerd.io/inject': 'enabled' } };
  t.same(said(theirs, { labels: {} }, null), [], 'Weft takes another mesh’s word where nobody else does');
});
