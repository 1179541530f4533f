import t from 'tap';
import { parse } from 'yaml';

import { DEFAULT_INJECT_SETTINGS } from '../../webhook/inject/settings.ts';
import { injectText } from './inject-text.ts';

const settings = { ...DEFAULT_INJECT_SETTINGS, image: 'localhost/weft/weft:0.1.0' };
const inject = (text: string, isManual = false) => injectText(text, settings, isManual);

const DEPLOYMENT = `# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # its name
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: app
          image: "localhost/app:1" # pinned
      volumes:
        - name: v
          secret: {secretName: s, defaultMode: 0400}
`;

const pod = (metadata: string, spec = 'containers: [{name: app}]') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: p, ${metadata}}\nspec: {${spec}}\n`;

t.test('a pod template gets the label, and nothing else changes', async (t) => {
  const { text, reports, isRefused } = inject(DEPLOYMENT);
  t.equal(
    text,
    DEPLOYMENT.replace('{app: web}', '{ app: web, weft.dev/inject: enabled }').replace(
      '{secretName: s, defaultMode: 0400}',
      '{ secretName: s, defaultMode: 0400 }',
    ),
  );
  t.same(reports, ['deployment "web": enabled for injection']);
  t.notOk(isRefused);
});

t.test('with the containers added, what was there stays as it is written', async (t) => {
  const { text } = inject(DEPLOYMENT, true);
  for (const line of ['# the shop', 'name: web # its name', 'image: "localhost/app:1" # pinned'])
    t.ok(text.includes(line), line);
  t.match(text, /defaultMode: 0400/);
  const { template } = parse(text).spec;
  t.same(
    template.spec.initContainers.map(({ name }: { name: string }) => name),
    ['weft-init', 'weft-proxy'],
  );
  t.same(
    template.spec.containers.map(({ name }: { name: string }) => name),
    ['app'],
  );
});

t.test('who opted out stays out, and is told why', async (t) => {
  for (const [metadata, spec, reason] of [
    ['labels: {weft.dev/inject: disabled}', undefined, 'injection_disabled'],
    ['annotations: {weft.dev/inject: disabled}', undefined, 'injection_disabled'],
    ['annotations: {linkerd.io/inject: disabled}', undefined, 'injection_disabled'],
    ['labels: {sidecar.istio.io/inject: "false"}', undefined, 'injection_disabled'],
    ['labels: {}', 'hostNetwork: true, containers: [{name: app}]', 'host_network_enabled'],
    ['labels: {}', 'containers: [{name: istio-proxy}]', 'sidecar_already_exists'],
  ] as const)
    for (const isManual of [false, true]) {
      const written = pod(metadata, spec);
      const { text, reports, isRefused } = inject(written, isManual);
      t.same(parse(text), parse(written), metadata);
      t.match(reports, [new RegExp(`^pod "p": skipped: .* \\(${reason}\\)$`)]);
      t.notOk(isRefused);
    }
});

t.test('an ingress stays one', async (t) => {
  const label = inject(pod('labels: {weft.dev/inject: ingress}'));
  t.same(parse(label.text).metadata.labels, { 'weft.dev/inject': 'ingress' });
  t.same(label.reports, ['pod "p": unchanged, it asks for injection']);
  const annotation = inject(pod('annotations: {weft.dev/inject: ingress}'));
  t.same(parse(annotation.text).metadata.labels, { 'weft.dev/inject': 'ingress' });
});

t.test('what cannot be injected as asked is refused', async (t) => {
  const { isRefused, reports } = inject(pod('labels: {}', 'containers: [{name: app, ports: [{containerPort: 4143}]}]'));
  t.ok(isRefused);
  t.match(reports, [/^pod "p": refused: .* \(proxy_port_in_use\)$/]);
});

t.test(
  'lists, also of one kind or with entries that are none, and kinds that nobody knows are looked into',
  async (t) => {
    const template = '{metadata: {}, spec: {containers: [{name: app}]}}';
    const labels = (value: { metadata: { labels: object } }) => value.metadata.labels;
    const enabled = { 'weft.dev/inject': 'enabled' };
    const list = parse(
      inject(`kind: List\nitems:\n  - null\n  - {kind: Pod, metadata: {name: a}, spec: {containers: [{name: b}]}}\n`)
        .text,
    );
    t.equal(list.items[0], null);
    t.same(labels(list.items[1]), enabled);
    const typed = parse(
      inject(`kind: DeploymentList\nitems:\n  - {metadata: {name: a}, spec: {template: ${template}}}\n`).text,
    );
    t.same(labels(typed.items[0].spec.template), enabled);
    const rollout = inject(`kind: Rollout\nmetadata: {name: r}\nspec: {template: ${template}}\n`);
    t.same(labels(parse(rollout.text).spec.template), enabled);
    const job = inject(`kind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: ${template}}}}\n`);
    t.same(labels(parse(job.text).spec.jobTemplate.spec.template), enabled);
  },
);

t.test('what has no pods passes, several documents stay several', async (t) => {
  const { text, reports } = inject(
    'kind: Service\nmetadata: {name: s}\n---\n# two\nkind: ConfigMap\nmetadata: {name: c}\n',
  );
  t.equal(text, 'kind: Service\nmetadata: { name: s }\n---\n# two\nkind: ConfigMap\nmetadata: { name: c }\n');
  t.same(reports, ['service "s": unchanged, it has no pods', 'configmap "c": unchanged, it has no pods']);
});

t.test('a template that is an alias is written anew where it changes', async (t) => {
  const { text } = inject(
    'kind: List\nx: &t {metadata: {}, spec: {containers: [{name: app}]}}\nitems:\n  - {kind: Deployment, metadata: {name: a}, spec: {template: *t}}\n',
  );
  const { x, items } = parse(text);
  t.same(items[0].spec.template.metadata, { labels: { 'weft.dev/inject': 'enabled' } });
  t.same(x.metadata, {});
});

t.test('what is not YAML is told with its line', async (t) => {
  t.throws(() => inject('a: 1\nb: [\n'), /^line 3: /);
  t.throws(() => inject('a: 1\n---\n~: 1\n'), /^line 3: .*JSON does not have/);
});

t.test('says where another mesh may take the pod for its own too', async (t) => {
  const linkerd = pod('annotations: {linkerd.io/inject: enabled}');
  t.match(inject(linkerd).reports, [
    /enabled for injection; an injector of Linkerd takes this pod for its own too, by the/,
  ]);
  t.same(inject(pod('labels: {app: web}')).reports, ['pod "p": enabled for injection']);
});
