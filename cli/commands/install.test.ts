import t from 'tap';

import { KINDS, POLICY_KINDS } from '../../destination/objects/kinds.ts';
import { UsageError } from '../command.ts';
import { install } from './install.ts';

/** What the command prints, as objects. */
// biome-ignore lint/suspicious/noExplicitAny: Kubernetes' objects
async function printed(t: { capture: typeof import('tap').t.capture }, ...args: string[]): Promise<any[]> {
  const written = t.capture(process.stdout, 'write', () => true);
  await install.run([...args, '-o', 'json']);
  return JSON.parse(
    written()
      .map(({ args: [text] }) => text)
      .join(''),
  ).items;
}

t.test('follows the words of the meshes that are named', async (t) => {
  const objects = await printed(t, '--label-families', 'weft,linkerd');
  const injector = objects.find(({ kind }) => kind === 'MutatingWebhookConfiguration');
  t.notMatch(JSON.stringify(injector), 'istio');
  t.match(JSON.stringify(injector), 'linkerd.io/inject');
  const webhook = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'weft-webhook');
  t.match(webhook.spec.template.spec.containers[0].env, [
    ...Array(5).fill({}),
    { name: 'WEFT_WEBHOOK_ISTIO', value: 'disabled' },
  ]);
});

t.test('refuses a family that does not exist, and to leave out its own', async (t) => {
  for (const families of ['weft,consul', 'istio', '']) {
    await t.rejects(install.run(['--label-families', families]), UsageError, families);
  }
});

t.test('prints the definitions of kinds that are followed, with the versions that are asked for', async (t) => {
  const definitions = await printed(t, '--crds=all');
  t.same(
    definitions.map(({ spec }) => spec.names.kind).sort(),
    [
      'AuthorizationPolicy',
      'AuthorizationPolicy',
      'DestinationRule',
      'HTTPLocalRateLimitPolicy',
      'HTTPRouteGroup',
      'MeshTLSAuthentication',
      'NetworkAuthentication',
      'PeerAuthentication',
      'RequestAuthentication',
      'Server',
      'ServerAuthorization',
      'ServiceEntry',
      'ServiceProfile',
      'TCPRoute',
      'TrafficSplit',
      'TrafficTarget',
      'VirtualService',
    ],
    'Gateway API brings its own',
  );
  for (const { metadata, spec } of definitions) {
    const kind = POLICY_KINDS.map((name) => KINDS[name]).find(
      ({ plural, group }) => `${plural}.${group}` === metadata.name,
    );
    t.equal(kind?.name, spec.names.kind, metadata.name);
    const stored = spec.versions.filter(({ storage }: { storage: boolean }) => storage);
    t.match(stored, [{ name: kind!.versions[0], served: true }], `${metadata.name} is stored as it is asked for`);
  }
});

t.test('says of a Server and of a rate limit what a list of them should show', async (t) => {
  const definitions = await printed(t, '--crds=all');
  const columnsOf = (name: string) => {
    const { versions } = definitions.find(({ spec }) => spec.names.kind === name).spec;
    return versions.map(({ additionalPrinterColumns }: { additionalPrinterColumns: { name: string }[] }) =>
      additionalPrinterColumns.map((column) => column.name).join(', '),
    );
  };
  t.same(columnsOf('Server'), Array(3).fill('Port, Protocol, Access Policy, Accepted, Age'));
  t.same(columnsOf('HTTPLocalRateLimitPolicy'), ['Server, Total, Identity, Accepted, Age']);
});

t.test(
  'prints what bounds who reaches the control plane, and who writes trust roots, where it is asked for',
  async (t) => {
    const kinds = (objects: { kind: string }[]) => new Set(objects.map(({ kind }) => kind));
    const plain = kinds(await printed(t));
    for (const kind of ['NetworkPolicy', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'])
      t.notOk(plain.has(kind), kind);
    const networks = (await printed(t, '--network-policies')).filter(({ kind }) => kind === 'NetworkPolicy');
    t.same(
      networks.map(({ metadata, spec }) => [
        metadata.name,
        spec.ingress.flatMap(({ ports }: { ports: { port: number }[] }) => ports.map(({ port }) => port)),
      ]),
      [
        ['weft-default', []],
        ['weft-identity', [8443, 9990]],
        ['weft-destination', [8086, 9990]],
        ['weft-webhook', [10_250, 9990]],
      ],
      'what is not named is closed',
    );
    const guarded = (await printed(t, '--trust-roots-policy')).filter(
      ({ metadata }) => metadata.name === 'weft-trust-roots',
    );
    t.match(guarded, [
      { kind: 'ValidatingAdmissionPolicy', spec: { failurePolicy: 'Fail' } },
      { kind: 'ValidatingAdmissionPolicyBinding', spec: { validationActions: ['Deny'] } },
      { kind: 'ClusterRole' },
      { kind: 'ClusterRoleBinding', subjects: [{ name: 'weft-identity' }] },
    ]);
  },
);

t.test('refuses what no cluster could run, naming the option', async (t) => {
  for (const args of [
    ['--issuance-lifetime', '5 s'],
    ['--issuance-lifetime', '5'],
    ['--issuance-lifetime', '9s'],
    ['--issuance-lifetime', '721h'],
    ['--trust-domain', 'a b'],
    ['--trust-domain', ''],
    ['--image', ''],
    ['--image', 'weft:latest stable'],
    ['--replicas', '1e3'],
    ['--replicas', '0'],
    ['--replicas', '0x2'],
    ['--image-pull-policy', 'always'],
  ])
    await t.rejects(install.run(args), { name: 'UsageError', message: new RegExp(`^${args[0]} `) }, args.join(' '));
});
