import t from 'tap';
import type { Addressing } from './addressing.ts';
import { clusterState } from './cluster-state.ts';
import { containerEnvironment, expand } from './container-environment.ts';
import { answerQuery, serviceNames } from './dns.ts';
import { chooseMode } from './isolation.ts';
import { isWildcard, parseListeningSockets } from './listening-socket.ts';
import type { KubernetesObject } from './objects.ts';
import { planRun as plan } from './plan.ts';

const addressing: Addressing = {
  controlHost: '10.245.0.1',
  podAnnotations: {},
  podIps: (index) => [`10.245.0.${index + 10}`],
};
const planRun = (objects: readonly KubernetesObject[]) => plan(objects, addressing);

const deployment = (container: object, annotations = {}): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    template: {
      metadata: { labels: { app: 'web' }, annotations },
      spec: { containers: [container], nodeSelector: {} },
    },
  },
});
const service: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

t.test('plans a pod for each replica, meshed unless it says otherwise', async (t) => {
  const plan = planRun([deployment({ name: 'web', command: ['web'], ports: [{ containerPort: 8080 }] }), service]);
  t.same(
    plan.pods.map(({ name, ips, isMeshed }) => [name, ips[0], isMeshed]),
    [
      ['web-0', '10.245.0.10', true],
      ['web-1', '10.245.0.11', true],
    ],
  );
  t.same(plan.problems, ['Deployment default/web: spec.template.spec.nodeSelector has no effect here']);
  t.equal(planRun([deployment({ command: ['web'] }, { 'weft.dev/inject': 'disabled' })]).pods[0]!.isMeshed, false);
});

t.test('refuses a container without a command, naming the field', async (t) => {
  const plan = planRun([deployment({ name: 'web', image: 'nginx' })]);
  t.equal(plan.pods.length, 0);
  t.match(plan.problems.at(-1), 'spec.template.spec.containers[0].command is missing');
});

t.test('writes what the controllers of a cluster would write', async (t) => {
  const plan = planRun([deployment({ name: 'web', command: ['web'], ports: [{ containerPort: 8080 }] }), service]);
  const state = clusterState(plan, (pod) => pod.name === 'web-0');
  const slice = state.find(({ kind }) => kind === 'EndpointSlice') as unknown as {
    ports: unknown[];
    endpoints: { addresses: string[]; conditions: { ready: boolean } }[];
  };
  t.same(slice.ports, [{ name: '', port: 8080, protocol: 'TCP' }]);
  t.same(
    slice.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions.ready]),
    [
      ['10.245.0.10', true],
      ['10.245.0.11', false],
    ],
  );
  t.match(
    state.find(({ kind }) => kind === 'Service'),
    { spec: { clusterIP: '10.96.0.10' } },
  );
});

t.test('writes every object once, however many pods a Deployment has', async (t) => {
  const state = clusterState(planRun([deployment({ command: ['web'] }), service]), () => true);
  const names = state.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  t.same(names, [...new Set(names)]);
});

t.test('answers DNS queries, and survives broken ones', async (t) => {
  const query = Buffer.from('1234010000010000000000000377656207646566617500000100 01'.replaceAll(' ', ''), 'hex');
  const resolve = (name: string) => (name === 'web.defau' ? { ipv4: ['10.96.0.10'], ipv6: [] } : null);
  const name = Buffer.from('\x03web\x05defau\x00', 'latin1');
  const good = Buffer.concat([Buffer.from('123401000001000000000000', 'hex'), name, Buffer.from([0, 1, 0, 1])]);
  const reply = answerQuery(good, resolve)!;
  t.equal(reply.readUInt16BE(6), 1);
  t.same([...reply.subarray(-4)], [10, 96, 0, 10]);
  t.equal(
    answerQuery(
      Buffer.concat([good.subarray(0, 12), Buffer.from('\x03abc\x00', 'latin1'), Buffer.from([0, 1, 0, 1])]),
      resolve,
    )![3]! & 15,
    3,
  );
  for (let length = 0; length < good.length; length++) answerQuery(good.subarray(0, length), resolve);
  t.doesNotThrow(() => answerQuery(query, resolve));
});

t.test('resolves names to the families that their Service asks for', async (t) => {
  const dual: Addressing = {
    ...addressing,
    podIps: (index) => [`10.245.0.${index + 10}`, `fd45::${(index + 10).toString(16)}`],
  };
  const named = (spec: object) => {
    const asking = { ...service, spec: { ...(service.spec as object), ...spec } };
    return serviceNames(plan([deployment({ command: ['web'] }), asking], dual));
  };
  const web = 'web.default.svc.cluster.local';
  t.same(named({})(web), { ipv4: ['10.96.0.10'], ipv6: [] });
  const ipv4 = ['10.245.0.10', '10.245.0.11'];
  t.same(named({ clusterIP: 'None' })(web), { ipv4, ipv6: [] });
  const both = named({ clusterIP: 'None', ipFamilyPolicy: 'PreferDualStack' });
  t.same(both(web), { ipv4, ipv6: ['fd45::a', 'fd45::b'] });
  t.same(both(`web-1.${web}`), { ipv4: ['10.245.0.11'], ipv6: ['fd45::b'] });
  t.same(named({ clusterIP: 'None', ipFamilies: ['IPv6'] })(web), { ipv4: [], ipv6: ['fd45::a', 'fd45::b'] });
  t.equal(named({})('nobody.default.svc.cluster.local'), null);
});

t.test('tells discovery how a meshed pod is reached, and its programs what they ask of it', async (t) => {
  const loopback: Addressing = {
    controlHost: '127.64.0.1',
    podAnnotations: { 'weft.dev/capture': 'none' },
    podIps: (index) => [`127.64.0.${index + 10}`],
  };
  const env = [
    { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'URL', value: 'http://$(ADDRESS):8080' },
  ];
  const { pods, problems } = plan([deployment({ command: ['web', '--bind=$(ADDRESS)'], env }), service], loopback);
  t.same(
    pods.map(({ annotations, containers }) => [annotations, containers[0]!.command, containers[0]!.environment]),
    ['127.64.0.10', '127.64.0.11'].map((ip, i) => [
      { 'weft.dev/capture': 'none' },
      ['web', `--bind=${ip}`],
      { ADDRESS: ip, URL: `http://${ip}:8080`, POD_NAME: `web-${i}`, POD_NAMESPACE: 'default', POD_IP: ip },
    ]),
  );
  t.same(problems.length, 1, 'the nodeSelector, once');
  const unmeshed = plan([deployment({ command: ['web'] }, { 'weft.dev/inject': 'disabled' })], loopback).pods[0]!;
  t.notOk('weft.dev/capture' in unmeshed.annotations);
});

t.test('reports the fields of a container that have no effect', async (t) => {
  const container = { name: 'web', image: 'web:1', command: ['web'], readinessProbe: {}, envFrom: [] };
  t.same(
    planRun([deployment(container)]).problems.filter((line) => line.includes('containers[0]')),
    ['readinessProbe', 'envFrom'].map(
      (field) => `Deployment default/web: spec.template.spec.containers[0].${field} has no effect here`,
    ),
  );
});

t.test('names the pods of a headless Service', async (t) => {
  const headless = { ...service, spec: { ...(service.spec as object), clusterIP: 'None' } };
  const state = clusterState(planRun([deployment({ command: ['web'] }), headless]), () => true);
  const slice = state.find(({ kind }) => kind === 'EndpointSlice') as unknown as { endpoints: { hostname: string }[] };
  t.same(
    slice.endpoints.map(({ hostname }) => hostname),
    ['web-0', 'web-1'],
  );
});

t.test('fills in the environment of a container', async (t) => {
  const pod = {
    name: 'web-0',
    namespace: 'shop',
    uid: 'uid-1',
    serviceAccount: 'web',
    labels: { app: 'web' },
    annotations: {},
    ips: ['127.64.0.10', 'fd45::a'] as const,
    hostIp: '127.64.0.1',
  };
  const ask = (fieldPath: string) => ({ name: fieldPath, valueFrom: { fieldRef: { fieldPath } } });
  const complaints: string[] = [];
  const environment = containerEnvironment(
    [
      ...['metadata.name', 'metadata.namespace', 'metadata.uid', "metadata.labels['app']", "metadata.labels['no']"].map(
        ask,
      ),
      ...['spec.serviceAccountName', 'spec.nodeName', 'status.podIP', 'status.podIPs', 'status.hostIP'].map(ask),
      ask('spec.unknown'),
      { name: 'SECRET', valueFrom: {} },
    ],
    pod,
    (name, problem) => complaints.push(`${name}: ${problem}`),
  );
  t.same(Object.values(environment), [
    ...['web-0', 'shop', 'uid-1', 'web', '', 'web', 'local', '127.64.0.10', '127.64.0.10,fd45::a', '127.64.0.1'],
  ]);
  t.same(complaints, [
    'spec.unknown: there is no field spec.unknown',
    'SECRET: valueFrom has no effect here, except for a fieldRef',
  ]);
});

t.test('fills in $(NAME) as the kubelet does', async (t) => {
  const known = { A: '1', B: '$(A)' };
  t.equal(expand('$(A) $(B) $(C) $$(A) $A $', known), '1 $(A) $(C) $(A) $A $');
});

t.test('chooses namespaces where they are possible, and says why not', async (t) => {
  t.match(chooseMode(null, ''), { mode: 'namespaces' });
  t.same(chooseMode(null, 'no root'), { mode: 'loopback', why: 'no root' });
  t.match(chooseMode('loopback', ''), { mode: 'loopback' });
  t.throws(() => chooseMode('namespaces', 'no root'), { code: 'namespaces_impossible', message: /no root/ });
});

t.test('reads the listening sockets of both families', async (t) => {
  const rest = '00000000:00000000 00:00000000 00000000 65534        0';
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    `   0: 0A00407F:1F90 00000000:0000 0A ${rest} 11 1`,
    `   1: 00000000:1F90 00000000:0000 0A ${rest} 12 1`,
    `   2: 0A00407F:1F90 0100007F:0050 01 ${rest} 13 1`,
    `   3: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A ${rest} 14 1`,
    `   4: 0000000000000000FFFF00000A00407F:1F90 00000000000000000000000000000000:0000 0A ${rest} 15 1`,
    `   5: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A ${rest} 16 1`,
    '',
  ].join('\n');
  t.same(
    parseListeningSockets(table).map((socket) => [socket.address, socket.port, socket.inode, isWildcard(socket)]),
    [
      ['127.64.0.10', 8080, '11', false],
      ['0.0.0.0', 8080, '12', true],
      ['::', 8080, '14', true],
      ['127.64.0.10', 8080, '15', false],
      ['other', 8080, '16', false],
    ],
  );
});
