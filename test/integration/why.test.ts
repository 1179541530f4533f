/** What `weft why` says of manifests is what real proxies do that are told of the same ones. */
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import * as tls from 'node:tls';
import t, { type Test } from 'tap';

import type { OutboundTarget } from '../../api/routing.ts';
import type { MeshState } from '../../cli/state/mesh-state.ts';
import { stateOf } from '../../cli/state/testing/state-of.ts';
import { type Explanation, explain } from '../../cli/why/explain.ts';
import { parseQuestion } from '../../cli/why/question.ts';
import {
  pod,
  rateLimit,
  server,
  service,
  serviceProfile,
  slice,
  virtualService,
} from '../../destination/testing/manifests.ts';
import { ClientView } from '../../destination/translate/client-view.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import { outboundTarget } from '../../destination/translate/outbound-target.ts';
import { Application } from '../support/application.ts';
import { request } from '../support/http-request.ts';
import { TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const ADDRESSES: Readonly<Record<string, string>> = { v1: '10.0.0.1', v2: '10.0.0.2' };
const NOWHERE = { namespace: 'default', node: '', zone: '', locality: '', labels: {} };

/** Two pods of a Service and a client, each with its proxy, told what destination would make of the manifests. */
class Mesh {
  // A ClientHello rarely holds the line feed that would end a request line: only time tells that it is none.
  readonly client = new TestProxy('web', authority, { limits: { headerTimeoutMs: 200 } });
  readonly servers = new Map<string, TestProxy>();
  readonly state: MeshState;
  port = 0;

  private constructor(objects: readonly object[]) {
    this.state = stateOf({ 'mesh.yaml': objects });
  }

  /** @param applications port of the application of each pod */
  static async start(
    t: Test,
    objects: readonly object[],
    applications: Readonly<Record<string, number>>,
  ): Promise<Mesh> {
    const mesh = new Mesh(objects);
    const { cluster, domain } = mesh.state;
    const inquiry = { cluster, domain, complain: () => {} };
    const places = new Map<string, { readonly port: number; readonly inboundPort: number }>();
    for (const [name, port] of Object.entries(applications)) {
      const config = inboundConfig(inquiry, cluster.get('Pod', 'default', name)!);
      const ports = config.ports.map((each) => ({ ...each, port }));
      const server = new TestProxy('api', authority, { inbound: { ...config, ports } });
      mesh.servers.set(name, server);
      places.set(name, { port, inboundPort: await server.listenDirect() });
    }
    const address = { host: '10.96.0.1', isAddress: true, port: 80 };
    const target = outboundTarget({ ...inquiry, client: new ClientView(NOWHERE) }, address)!;
    mesh.client.describe('10.96.0.1:80', onLoopback(target, places));
    mesh.port = await mesh.client.listenOutbound();
    t.teardown(() => {
      for (const proxy of [mesh.client, ...mesh.servers.values()]) proxy.close();
    });
    return mesh;
  }

  why(url: string, ...headers: string[]): Explanation {
    return explain(this.state, parseQuestion('GET', url, headers, '', 'default'));
  }

  /** Metrics of the proxy of a pod. */
  metrics(name: string): string {
    return this.servers.get(name)!.metrics.registry.text();
  }

  /** Which pod answers a request over TLS that asks for this server name; empty: the connection is closed. */
  overTls(servername: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = tls.connect({ host: '127.0.0.1', port: this.port, servername, rejectUnauthorized: false });
      let heard = '';
      socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n'));
      socket.on('data', (bytes) => {
        heard += bytes;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(heard.split('\r\n\r\n')[1] ?? ''));
    });
  }
}

/** A target whose endpoints are where this test listens, in direct mode: to a redirected one loopback would be the pod itself. */
function onLoopback(
  target: OutboundTarget,
  places: ReadonlyMap<string, { readonly port: number; readonly inboundPort: number }>,
): OutboundTarget {
  const backends = Object.entries(target.backends).map(([key, backend]) => {
    const endpoints = backend.endpoints.map((endpoint) => {
      const { port, inboundPort } = places.get(endpoint.labels.dst_pod!)!;
      const direct = { ...endpoint.tls!, mode: 'direct' as const, inboundPort };
      return { ...endpoint, address: '127.0.0.1', port, tls: direct };
    });
    return [key, { ...backend, endpoints }];
  });
  return { ...target, backends: Object.fromEntries(backends) };
}

/** An application that speaks TLS and answers its name. @returns its port */
async function secureApplication(t: Test, name: string): Promise<number> {
  const { chain, key } = authority.credentials('application');
  const server = https.createServer({ cert: chain, key }, (_, response) => void response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const pods = (annotations: Readonly<Record<string, object>> = {}) => [
  ...Object.entries(ADDRESSES).map(([name, ip]) =>
    pod(name, ip, { labels: { version: name }, annotations: annotations[name] ?? {} }),
  ),
  slice('api', Object.entries(ADDRESSES)),
];
const SUBSETS = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'api' },
  spec: { host: 'api', subsets: Object.keys(ADDRESSES).map((version) => ({ name: version, labels: { version } })) },
};
const ruledBy = (spec: object) => virtualService('api', { hosts: ['api', '*.example.com'], ...spec });
const to = (subset: string) => [{ destination: { host: 'api', subset } }];
const PROFILE = serviceProfile('api.default.svc.cluster.local', {
  routes: [{ name: 'GET /users', condition: { method: 'GET', pathRegex: '/users' } }],
});
/** Pods of the first alternative. */
const podsOf = ({ split }: Explanation) => split[0]?.endpoints.map((endpoint) => endpoint.pod);

t.test('TLS goes where the rule for its server name says, whatever those for HTTP say', async (t) => {
  const applications = { v1: await secureApplication(t, 'v1'), v2: await secureApplication(t, 'v2') };
  const rules = {
    http: [{ route: to('v1') }],
    tls: [
      { match: [{ sniHosts: ['eu.example.com'] }], route: to('v1') },
      { match: [{ sniHosts: ['*.example.com'] }], route: to('v2') },
    ],
  };
  const objects = [service('api', '10.96.0.1'), ...pods(), SUBSETS, ruledBy(rules)];
  const mesh = await Mesh.start(t, objects, applications);
  for (const [serverName, field, name] of [
    ['eu.example.com', 'spec.tls[0]', 'v1'],
    ['us.example.com', 'spec.tls[1]', 'v2'],
  ] as const) {
    const explanation = mesh.why('https://10.96.0.1:80/', `host: ${serverName}`);
    t.equal(explanation.connection?.route?.field, field);
    t.same(podsOf(explanation), [`default/${name}`]);
    for (let i = 0; i < 4; i++) t.equal(await mesh.overTls(serverName), name, serverName);
  }
  const explanation = mesh.why('https://10.96.0.1:80/');
  t.equal(explanation.connection?.route, null);
  t.equal(podsOf(explanation)?.length, 2);
});

t.test(
  'TLS to a port with a rate limit is refused by the receiving proxy, unless the port is declared as TLS',
  async (t) => {
    const applications = { v1: await secureApplication(t, 'v1'), v2: await secureApplication(t, 'v2') };
    const routed = await Mesh.start(t, [service('api', '10.96.0.1'), ...pods(), PROFILE], applications);
    t.match(routed.why('https://api:80/').split, [{ inbound: [{ refused: null }] }]);
    t.match(await routed.overTls('api'), /^v[12]$/, 'with routes alone it passes');

    const limited = [
      server('api', { accessPolicy: 'all-unauthenticated' }),
      rateLimit('api-limit', 'api', { total: { requestsPerSecond: 100 } }),
    ];
    const mesh = await Mesh.start(t, [service('api', '10.96.0.1'), ...pods(), ...limited], applications);
    t.match(mesh.why('https://api:80/').split, [{ inbound: [{ refused: 'opaque_on_http_port' }] }]);
    t.equal(await mesh.overTls('api'), '');
    t.match(mesh.metrics('v1') + mesh.metrics('v2'), /inbound_http_errors_total\{error="opaque_on_http_port"\} 1/);

    const port = { appProtocol: 'https' };
    const declared = await Mesh.start(t, [service('api', '10.96.0.1', { port }), ...pods(), ...limited], applications);
    t.match(declared.why('https://api:80/').split, [{ inbound: [{ refused: null }] }]);
    t.match(await declared.overTls('api'), /^v[12]$/);
  },
);

t.test('TLS to a port that is declared as HTTP is no request to the sending proxy', async (t) => {
  const applications = { v1: await secureApplication(t, 'v1'), v2: await secureApplication(t, 'v2') };
  const objects = [service('api', '10.96.0.1', { port: { appProtocol: 'http' } }), ...pods()];
  const mesh = await Mesh.start(t, objects, applications);
  const { refused } = mesh.why('https://api:80/');
  t.equal(refused, 'request_malformed');
  t.equal(await mesh.overTls('api'), '');
  t.match(mesh.client.metrics.registry.text(), /weft_proxy_malformed_messages_total\{direction="outbound",[^}]*\} 1/);
});

t.test('the receiving proxies count, refuse and bound as is said for each group of pods', async (t) => {
  const [first, second] = [await Application.start(t), await Application.start(t)];
  const denied = { v2: { 'weft.dev/default-inbound-policy': 'deny' } };
  const objects = [service('api', '10.96.0.1'), ...pods(denied), PROFILE];
  const mesh = await Mesh.start(t, objects, { v1: first.port, v2: second.port });
  t.match(mesh.why('http://api/users').split, [
    {
      inbound: [
        { pods: ['default/v1'], route: { name: 'GET /users' }, refused: null },
        { pods: ['default/v2'], refused: 'policy_denied' },
      ],
    },
  ]);
  const answers = [];
  for (let i = 0; i < 40; i++) answers.push(await request(mesh.port, { path: '/users', headers: { host: 'api' } }));
  const allowed = answers.filter(({ status }) => status === 200).length;
  const refused = answers.filter(({ headers }) => headers['weft-proxy-error'] === 'policy_denied').length;
  t.equal(allowed + refused, 40);
  t.ok(allowed > 0 && refused > 0, `${allowed} and ${refused}`);
  t.match(
    mesh.metrics('v1'),
    new RegExp(`route_request_total\\{direction="inbound"[^}]*rt_route="GET /users"\\} ${allowed}\n`),
  );
  t.equal(second.heard.length, 0);
});
