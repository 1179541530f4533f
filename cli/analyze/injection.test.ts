import t, { type Test } from 'tap';

import { service } from '../../destination/testing/manifests.ts';
import { stateOf } from '../state/testing/state-of.ts';
import { formatFinding } from './finding.ts';
import { injectionFaults } from './injection.ts';

const said = (...objects: object[]) => injectionFaults(stateOf({ 'a.yaml': objects })).map(formatFinding);
const namespace = (labels: object, annotations: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'default', labels, annotations },
});
const workload = (kind: string, template: object, annotations: object = {}, spec: object = {}) => ({
  apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
  kind,
  metadata: { name: 'web', namespace: 'default', annotations },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' }, ...template },
      spec: { containers: [{ name: 'app', image: 'x' }], ...spec },
    },
  },
});
const ASKS = namespace({ 'weft.dev/inject': 'enabled' });

const only = (t: Test, found: readonly string[], expected: RegExp) => {
  t.equal(found.length, 1, found.join('\n'));
  t.match(found[0], expected);
};

t.test('nothing is wrong with a namespace that asks and a workload that says nothing', async (t) => {
  t.same(said(ASKS, workload('Deployment', {})), []);
  t.same(said(workload('Deployment', {})), []);
  t.same(said(namespace({}), service('api', '10.96.0.1')), []);
});

t.test('what is wrong with a namespace is told of it, once, and not of each workload in it', async (t) => {
  const once = (labels: object, annotations: object, expected: RegExp) =>
    only(t, said(namespace(labels, annotations), workload('Deployment', {}), workload('Job', {})), expected);
  const asks = { 'weft.dev/inject': 'enabled' };
  once(
    { 'weft.dev/inject': 'true' },
    {},
    /^a\.yaml:1: warning: Namespace\/default: .* says "true", which is none of its values$/,
  );
  once(
    asks,
    { 'weft.dev/skip-inbound-ports': 'x' },
    /error: Namespace\/default: no pod of it is admitted: .*skip-inbound-ports/,
  );
  once(
    asks,
    { 'config.linkerd.io/proxy-cpu-limit': 'lots' },
    /warning: Namespace\/default: .*proxy-cpu-limit of namespace default: "lots"/,
  );
  once(asks, { 'config.linkerd.io/access-log': 'json' }, /warning: Namespace\/default: .*access-log is not honoured/);
});

t.test('a template is judged as the webhook judges its pods, whatever makes them', async (t) => {
  const misspelt = { annotations: { 'weft.dev/skip-inbund-ports': '25' } };
  for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'])
    only(
      t,
      said(ASKS, workload(kind, misspelt)),
      new RegExp(`warning: ${kind}/default/web: spec\\.template: .* did you mean weft\\.dev/skip-inbound-ports\\?`),
    );
  only(
    t,
    said(ASKS, workload('Deployment', { annotations: { 'weft.dev/opaque-ports': 'x y' } })),
    /error: Deployment\/default\/web: spec\.template: its pods are refused: .*opaque-ports/,
  );
  const asUser = { securityContext: { runAsUser: 2102 } };
  only(
    t,
    said(ASKS, workload('Deployment', {}, {}, asUser)),
    /its pods are refused: the container app runs as user 2102/,
  );
  only(t, said(workload('Deployment', {}, {}, asUser)), /its pods are refused where they are injected: /);
  t.same(said(namespace({}), workload('Deployment', {}, {}, asUser)), [], 'nobody injects it');
});

t.test('a service account whose identity is no DNS name is told before its pods wait for a certificate', async (t) => {
  const named = (serviceAccountName: string) => said(ASKS, workload('Deployment', {}, {}, { serviceAccountName }));
  only(
    t,
    named('a'.repeat(64)),
    /its pods are refused: the service account a{64} and the namespace default make no DNS name .* 63 a label/,
  );
  t.same(named('a'.repeat(63)), []);
});

t.test('annotations of pods do nothing on what makes them, and on Services but for opaque ports', async (t) => {
  const policy = { 'weft.dev/default-inbound-policy': 'deny' };
  only(
    t,
    said(ASKS, workload('Deployment', {}, policy)),
    /error: Deployment\/default\/web: metadata\.annotations\["weft\.dev\/default-inbound-policy"\]: IS NOT ENFORCED: .*spec\.template\.metadata/,
  );
  only(t, said(ASKS, workload('Deployment', {}, { 'linkerd.io/inject': 'enabled' })), /warning: .*has no effect/);
  const annotated = (annotations: object) => service('api', '10.96.0.1', { annotations });
  only(t, said(annotated(policy)), /error: Service\/default\/api: .*IS NOT ENFORCED/);
  t.same(said(annotated({ 'config.linkerd.io/opaque-ports': '25', 'weft.dev/request-overrides': 'enabled' })), []);
  t.same(said(ASKS, workload('Deployment', {}, { 'weft.dev/route-profile': 'web' })), []);
});

t.test('pods that a controller has made, or that have their proxy, are not told again', async (t) => {
  const pod = (metadata: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'default', ...metadata },
    spec: { containers: [{ name: 'app', image: 'x', securityContext: { runAsUser: 2102 } }] },
  });
  only(t, said(ASKS, pod({})), /error: Pod\/default\/web-1: its pods are refused: /);
  t.same(said(ASKS, pod({ ownerReferences: [{ kind: 'ReplicaSet', name: 'web', controller: true }] })), []);
  t.same(said(ASKS, pod({ annotations: { 'weft.dev/injected': '0.1.0' } })), []);
});

t.test('what two meshes may inject is told where it is written, once', async (t) => {
  const both = namespace({ 'weft.dev/inject': 'enabled', 'istio-injection': 'enabled' });
  only(
    t,
    said(both, workload('Deployment', {}), workload('Job', {})),
    /warning: Namespace\/default: an injector of Istio/,
  );
  const asksLinkerd = { annotations: { 'linkerd.io/inject': 'enabled' } };
  only(
    t,
    said(ASKS, workload('Deployment', asksLinkerd)),
    /warning: Deployment\/default\/web: spec\.template: an injector of Linkerd/,
  );
  t.same(said(workload('Deployment', asksLinkerd)), [], 'nobody says that it asks for Weft');
});
