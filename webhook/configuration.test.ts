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
  for (const entry of entriesOf({ namespace: 'weft' })) {
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
  t.equal(entriesOf({ namespace: 'weft', families: { istio: false, linkerd: false } }).length, 7);
});

t.test('registers exactly the kinds that are checked', async (t) => {
  const rules = entriesOf({ namespace: 'weft' })
    .filter(({ clientConfig }) => clientConfig.service.path === '/validate')
    .flatMap(({ rules }) => rules);
  t.same(
    rules.map(({ apiGroups, apiVersions, resources }) => ({ apiGroups, apiVersions, resources })),
    VALIDATED_KINDS.map(({ group, versions, resource }) => ({
      apiGroups: [group],
      apiVersions: versions,
      resources: [resource],
    })),
  );
});

t.test(
  'asks of Deployments and pods only where they have a route profile, and never waits for the answer',
  async (t) => {
    const entry = entriesOf({ namespace: 'weft' }).find(({ name }) => name === 'route-profile.validate.weft.dev');
    t.equal(entry.failurePolicy, 'Ignore');
    t.match(entry.matchConditions, [{ expression: /'weft.dev\/route-profile' in object.metadata.annotations/ }]);
  },
);
