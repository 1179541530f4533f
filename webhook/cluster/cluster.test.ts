import t from 'tap';
import { ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import type { Notice } from '../../core/kubernetes/event-writer.ts';
import { createLog } from '../../core/log/log.ts';
import type { AdmissionRequest } from '../admission/admission-review.ts';
import type { ReviewOutcome } from '../admission/review-outcome.ts';
import { askingNamespace } from '../inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS } from '../inject/settings.ts';
import { AnnotationMirror } from './annotation-mirror.ts';
import { hasNativeSidecars } from './native-sidecar.ts';
import { skipNotice } from './skip-notice.ts';
import { UninjectedPods } from './uninjected-pods.ts';

const log = createLog('test', 'silent');
const settings = { ...DEFAULT_INJECT_SETTINGS, image: 'localhost/weft/weft:0.1.0' };

function podIn(namespace: string, name: string, change: object = {}): Json {
  return { metadata: { namespace, name, uid: `uid-${name}` }, spec: { containers: [{ name: 'a' }] }, ...change };
}

t.test('finds pods that should have a proxy, page by page, and reports each once', async (t) => {
  const pages = [
    { items: [podIn('shop', 'missed'), podIn('other', 'unasked')], metadata: { continue: 'next page' } },
    {
      items: [
        podIn('shop', 'done', { status: { phase: 'Succeeded' } }),
        podIn('shop', 'host', { spec: { hostNetwork: true, containers: [{ name: 'a' }] } }),
        podIn('unknown', 'x'),
        podIn('shop', 'refused', { spec: { containers: [{ name: 'a', securityContext: { runAsUser: 2102 } }] } }),
        { metadata: { namespace: 'shop', name: 'odd' } },
      ],
    },
  ];
  const asked: string[] = [];
  const considered: string[] = [];
  const notices: Notice[] = [];
  const pods = new UninjectedPods({
    api: {
      async get(path) {
        asked.push(path);
        return pages[path.includes('continue=') ? 1 : 0];
      },
    },
    namespaces: () => [askingNamespace('shop'), { name: 'other', labels: {}, annotations: {} }],
    settings: () => settings,
    events: { write: async (notice) => void notices.push(notice) },
    restarts: { consider: async (pod) => void considered.push(pod.metadata.name) },
    log,
  });
  t.equal(await pods.count(), 2);
  t.equal(await pods.count(), 2);
  t.same(
    notices.map(({ subject, reason }) => `${reason} ${subject.namespace}/${subject.name}`),
    ['NotInjected shop/missed', 'NotInjected shop/refused'],
  );
  t.same(considered, ['missed'], 'in the second round, and none that would be refused');
  t.match(asked[1], 'continue=next%20page');
});

t.test('does not know how many pods were missed while the API server is away', async (t) => {
  const pods = new UninjectedPods({
    api: {
      async get() {
        throw new ApiError(0, 'Unreachable', 'away');
      },
    },
    namespaces: () => [],
    settings: () => settings,
    events: { write: async () => {} },
    restarts: { consider: async () => {} },
    log,
  });
  t.equal(await pods.count(), null);
});

t.test("turns a namespace's annotation into a label, and back", async (t) => {
  const patches: [string, Json][] = [];
  const mirror = new AnnotationMirror({
    api: { patch: async (path, patch) => void patches.push([path, patch]) },
    controlNamespace: 'weft',
    families: () => ({ istio: true, linkerd: true }),
    log,
  });
  const label = 'weft.dev/inject-by-annotation';
  const reflect = (name: string, annotations: Record<string, string>, labels: Record<string, string> = {}) =>
    mirror.reflect({ name, annotations, labels });
  await reflect('a', { 'linkerd.io/inject': 'enabled' });
  await reflect('b', { 'weft.dev/inject': 'disabled', 'linkerd.io/inject': 'enabled' });
  await reflect('c', {}, { [label]: 'enabled' });
  await reflect('d', { 'weft.dev/inject': 'ingress' }, { [label]: 'ingress' });
  await reflect('kube-system', { 'linkerd.io/inject': 'enabled' });
  await reflect('weft', { 'weft.dev/inject': 'enabled' });
  t.same(patches, [
    ['/api/v1/namespaces/a', { metadata: { labels: { [label]: 'enabled' } } }],
    ['/api/v1/namespaces/c', { metadata: { labels: { [label]: null } } }],
  ]);
});

t.test('tells the owner of a pod that was skipped', async (t) => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-77', uid: 'u', controller: true };
  const request = (metadata: object, change: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
    uid: 'r',
    group: '',
    kind: 'Pod',
    namespace: 'shop',
    name: '',
    operation: 'CREATE',
    isDryRun: false,
    object: { metadata },
    before: null,
    ...change,
  });
  const skipped = (reason: string): ReviewOutcome => ({
    answer: { isAllowed: true },
    outcome: 'skipped',
    reason,
    message: 'm',
  });
  const surprising = skipped('host_network_enabled');
  t.match(skipNotice(request({ ownerReferences: [owner] }), surprising), {
    subject: { kind: 'ReplicaSet', name: 'web-77', uid: 'u', namespace: 'shop' },
    reason: 'InjectionSkipped',
  });
  t.match(skipNotice(request({ generateName: 'web-' }), surprising), { subject: { kind: 'Pod', name: 'web' } });
  t.match(skipNotice(request({ ownerReferences: 'x' }, { name: 'p' }), surprising), { subject: { name: 'p' } });
  t.equal(skipNotice(request({}, { isDryRun: true }), surprising), null, 'nothing is written for a dry run');
  t.equal(skipNotice(request({}), skipped('injection_disabled')), null, 'somebody chose that');
});

t.test('knows since when API servers keep the restart policy of init containers', async (t) => {
  for (const [major, minor, expected] of [
    ['1', '28', false],
    ['1', '29', true],
    ['1', '37+', true],
    ['2', '0', true],
    ['', '', false],
  ] as const) {
    t.equal(await hasNativeSidecars({ get: async () => ({ major, minor }) }), expected, `${major}.${minor}`);
  }
});
