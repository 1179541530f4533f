import t from 'tap';

import { problemsOf } from '../testing/damage.ts';
import { KINDS, type Kind } from './kinds.ts';
import { parseManifestFile } from './manifest-file.ts';
import { formatProblem } from './problem.ts';
import { formatReport } from './reports.ts';

const written = (apiVersion: string, kind: string, name = 'api') =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: ${name} }\n`;
const faultsOf = (text: string) => parseManifestFile('a.yaml', text).faults.map(formatReport);

t.test('takes each kind in every version that clusters serve, or have served', async (t) => {
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const { group, versions, name, only = 'api' } = KINDS[kind];
    for (const version of versions) {
      const { manifests, faults } = parseManifestFile(
        'a.yaml',
        written([group, version].filter(Boolean).join('/'), name, only),
      );
      t.match(manifests, [{ kind, name: only }], `${kind} ${version}`);
      t.same(faults, []);
    }
  }
});

t.test('refuses a version that no cluster serves, and says which there are', async (t) => {
  const text = written('linkerd.io/v1beta9', 'ServiceProfile');
  t.same(parseManifestFile('a.yaml', text).manifests, []);
  t.same(faultsOf(text), [
    'a.yaml:1: ServiceProfile/default/api: apiVersion: linkerd.io/v1beta9 is served by no cluster; write linkerd.io/v1alpha2 or linkerd.io/v1alpha1',
  ]);
  t.match(faultsOf(written('v2', 'Service')), [/Service\/default\/api: apiVersion: v2 is served .*; write v1$/]);
});

t.test('refuses a kind of this mesh in an API group that no cluster can have', async (t) => {
  t.same(faultsOf(written('linkerd/v1alpha2', 'ServiceProfile')), [
    'a.yaml:1: ServiceProfile/default/api: apiVersion: linkerd/v1alpha2 is served by no cluster; write linkerd.io/v1alpha2 or linkerd.io/v1alpha1',
  ]);
  t.match(faultsOf(written('extensions/v1beta1', 'Deployment')), [/write apps\/v1$/]);
  t.match(faultsOf(written('gateway/v1', 'HTTPRoute')), [
    /write gateway\.networking\.k8s\.io\/v1, .*, policy\.linkerd\.io\/v1beta3/,
  ]);
});

t.test('refuses versions of other workloads that have gone too', async (t) => {
  const others = (apiVersion: string, kind: string) =>
    parseManifestFile('a.yaml', written(apiVersion, kind)).others.map((each) => each.kind);
  for (const [kind, now, gone] of [
    ['StatefulSet', 'apps/v1', 'apps/v1beta2'],
    ['DaemonSet', 'apps/v1', 'extensions/v1beta1'],
    ['Job', 'batch/v1', 'batch/v1beta1'],
    ['CronJob', 'batch/v1', 'batch/v1beta1'],
  ] as const) {
    t.same(others(now, kind), [kind]);
    t.same(faultsOf(written(gone, kind)), [
      `a.yaml:1: ${kind}/default/api: apiVersion: ${gone} is served by no cluster; write ${now}`,
    ]);
  }
  t.same(others('batch.volcano.sh/v1alpha1', 'Job'), ['Job']);
});

t.test('leaves a kind of that name to whoever else has one', async (t) => {
  const { manifests, others, faults } = parseManifestFile('a.yaml', written('serving.knative.dev/v1', 'Service'));
  t.same([manifests, faults], [[], []]);
  t.match(others, [{ group: 'serving.knative.dev', kind: 'Service' }]);
});

t.test('a name that is too long for a host is refused as a cluster refuses it', async (t) => {
  const named = (kind: Kind, length: number) =>
    problemsOf(kind, { metadata: { name: 'a'.repeat(length) }, spec: {} }).map(formatProblem);
  for (const kind of ['Service', 'Namespace'] as const) {
    t.match(named(kind, 64), [
      /^metadata\.name: "a{64}" is longer than 63 characters, which a label of a host may have$/,
    ]);
    t.same(named(kind, 63), []);
  }
  t.same(named('Deployment', 253), []);
  t.match(named('Deployment', 254), [/no DNS name/]);
});
