import t from 'tap';
import { webhookConfigurations } from './configuration.ts';
import { VALIDATED_KINDS } from './validate/kinds.ts';

// biome-ignore lint/suspicious/noExplicitAny: Kubernetes' objects
const entriesOf = (settings: Parameters<typeof webhookConfigurations>[0]): any[] =>
  webhookConfigurations(settings).flatMap(({ webhooks }) => webhooks);

t.test('renders the same every time, without a certificate', async (t) => {
  const text = JSON.stringify(webhookConfigurations({ namespace: 'weft' }));
  t.equal(text, JSON.stringify(webhookConfigurations({ namespace: 'weft' })));
  t.notMatch(text, 'caBundle');
});

t.test('keeps every entry away from kube-system and the own namespace', async (t) => {
  for (const { name, namespaceSelector } of entriesOf({ namespace: 'mesh' })) {
    const [first] = namespaceSelector.matchExpressions;
    t.match(first, { key: 'kubernetes.io/metadata.name', operator: 'NotIn' }, name);
    t.ok(first.values.includes('kube-system') && first.values.includes('mesh'), name);
  }
});

t.test('fails closed only where pods are selected by a label', async (t) => {
  const entries = entriesOf({ namespace: 'weft' });
  const ofWorkloads = entries.filter(({ name }) => name.endsWith('.workload.validate.weft.dev'));
  for (const entry of entries.filter((each) => !ofWorkloads.includes(each))) {
    const expressions = [
      ...entry.namespaceSelector.matchExpressions.slice(1),
      ...(entry.objectSelector?.matchExpressions ?? []),
    ];
    const isSelective = expressions.some(({ operator }: { operator: string }) => ['In', 'Exists'].includes(operator));
    t.equal(entry.failurePolicy, isSelective ? 'Fail' : 'Ignore', entry.name);
    t.ok(
      isSelective || entry.matchConditions || entry.rules[0].apiGroups[0] !== '',
      `${entry.name} is not asked of every pod`,
    );
    t.ok(entry.timeoutSeconds <= 5);
  }
  for (const { failurePolicy, matchConditions } of ofWorkloads) {
    t.equal(failurePolicy, 'Ignore');
    t.match(matchConditions, [{ name: 'changed' }]);
  }
});

t.test('gives every entry a name of its own, and is called again after other webhooks', async (t) => {
  const entries = entriesOf({ namespace: 'weft' });
  t.equal(new Set(entries.map(({ name }) => name)).size, entries.length);
  const injecting = entries.filter(({ clientConfig }) => clientConfig.service.path === '/inject');
  t.equal(injecting.length, 10);
  for (const { reinvocationPolicy, sideEffects } of injecting) {
    t.same([reinvocationPolicy, sideEffects], ['IfNeeded', 'NoneOnDryRun']);
  }
});

t.test('leaves out the families that are switched off', async (t) => {
  const text = JSON.stringify(entriesOf({ namespace: 'weft', families: { istio: false, linkerd: false } }));
  t.notMatch(text, /istio-injection|istio\.io\/rev|sidecar\.istio|linkerd\.io\/inject/);
  t.equal(entriesOf({ namespace: 'weft', families: { istio: false, linkerd: false } }).length, 11);
});

t.test('registers exactly the kinds that are checked', async (t) => {
  const rules = entriesOf({ namespace: 'weft' })
    .filter(({ clientConfig }) => clientConfig.service.path === '/validate')
    .flatMap(({ rules }) => rules);
  const registered = rules.flatMap(({ apiGroups: [group], apiVersions, resources }) =>
    resources.map((resource: string) => `${group}/${apiVersions}/${resource}`),
  );
  const checked = VALIDATED_KINDS.map(({ group, versions, resource }) => `${group}/${versions}/${resource}`);
  t.same([...new Set(registered)], checked);
});

t.test('asks of workloads only where their pods are injected, by the namespace or by themselves', async (t) => {
  const entries = entriesOf({ namespace: 'weft' }).filter(({ name }) => name.includes('.workload.'));
  t.same(
    entries.map(({ name }) => name.split('.')[0]),
    [
      'namespace',
      'annotated-namespace',
      'linkerd-namespace',
      'istio-namespace',
      'istio-revision-namespace',
      'asking-template',
    ],
  );
  for (const { namespaceSelector, name } of entries.slice(0, -1))
    t.ok(namespaceSelector.matchExpressions.length > 1, name);
  t.match(entries.at(-1).matchConditions, [
    {},
    { expression: /'weft\.dev\/inject' in object\.spec\.template\.metadata\.labels/ },
  ]);
});

t.test('asks of Services only where they have an annotation that is none of theirs', async (t) => {
  const entry = entriesOf({ namespace: 'weft' }).find(({ name }) => name === 'service.validate.weft.dev');
  t.equal(entry.failurePolicy, 'Ignore');
  const [{ expression }] = entry.matchConditions;
  t.match(expression, /'weft\.dev\/default-inbound-policy' in object\.metadata\.annotations/);
  t.notMatch(expression, /opaque-ports|linkerd|istio/);
});

t.test(
  'asks of Deployments and pods only where they have a route profile, and never waits for the answer',
  async (t) => {
    const entry = entriesOf({ namespace: 'weft' }).find(({ name }) => name === 'route-profile.validate.weft.dev');
    t.equal(entry.failurePolicy, 'Ignore');
    t.match(entry.matchConditions, [{ expression: /'weft.dev\/route-profile' in object.metadata.annotations/ }]);
  },
);
