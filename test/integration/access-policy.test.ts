/**
 * The manifests of the user guide that say who may call whom, unchanged, as destination reads them and a proxy enforces them:
 * each client's every request, expected against seen.
 */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import type * as net from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseAllDocuments } from 'yaml';

import { clusterOf } from '../../destination/testing/cluster.ts';
import { istioSecurity, linkerdPolicy } from '../../destination/testing/manifests.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import { request } from '../support/http-request.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const guide = join(import.meta.dirname, '../fixtures/user');
/** No address of the pod's own. */
const STRANGER = '127.0.0.2';

function manifests(...names: readonly string[]): object[] {
  return names.flatMap((name) =>
    parseAllDocuments(readFileSync(join(guide, `${name}.yaml`), 'utf8')).map((each) => each.toJS()),
  );
}

/** The proxy of `api-service`, told what destination makes of the manifests; and a proxy for each of its clients. */
async function mesh(
  t: Test,
  objects: readonly object[] | ((port: number) => readonly object[]),
  accounts: readonly string[],
  annotations: (port: number) => Readonly<Record<string, string>> = () => ({}),
) {
  const application = http.createServer((_, answer) => answer.end('ok'));
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const { port } = application.address() as net.AddressInfo;
  const api = new TestProxy('api', authority);
  const update = (next: readonly object[]) => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace: 'default',
        name: 'api-1',
        labels: { app: 'api-service' },
        annotations: annotations(port),
      },
      spec: { serviceAccountName: 'api', containers: [{ name: 'api', ports: [{ containerPort: port }] }] },
      status: { phase: 'Running', podIP: '127.0.0.1' },
    };
    const { inquiry, source } = clusterOf(pod, ...next);
    const [read] = [...source.objects.list('Pod')];
    api.ports.update(inboundConfig(inquiry, read!));
  };
  update(typeof objects === 'function' ? objects(port) : objects);
  const inbound = await api.listenInbound(port);
  const tls = { ...endpoint(port, 'api').tls!, mode: 'direct', inboundPort: await api.listenDirect() } as const;
  const proxies = accounts.map((account) => new TestProxy(account, authority));
  const outbound = new Map<string, number>();
  for (const [at, proxy] of proxies.entries()) {
    proxy.describe('10.96.0.1:80', service('api-service', [{ ...endpoint(port, 'api'), tls }], { protocol: 'http1' }));
    outbound.set(accounts[at]!, await proxy.listenOutbound());
  }
  t.teardown(() => {
    for (const proxy of [api, ...proxies]) proxy.close();
    application.close();
    application.closeAllConnections();
  });
  /** The status, or how the connection ended. */
  const ask = (client: string, method: string, path: string, more = {}): Promise<number | string> => {
    const by = outbound.get(client);
    const headers = { host: 'api-service', ...more };
    const how = by ? { port: by } : { port: inbound, localAddress: STRANGER };
    return request(how.port, { method, path, headers, agent: false, ...how }).then(
      ({ status }) => status,
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    );
  };
  return { api, ask, update };
}

const CLIENTS = ['frontend', 'worker', 'stranger', 'unmeshed'];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
const PATHS = ['/api/', '/api/items?page=2', '/api/internal/jobs', '/api', '/apis', '/', '/other', '/API/items'];

/** What the guide's AuthorizationPolicy says, in a sentence of code. */
function mayAsk(client: string, method: string, path: string): boolean {
  const [plain = ''] = path.split('?');
  if (client === 'frontend') return ['GET', 'POST'].includes(method) && plain.startsWith('/api/');
  if (client === 'worker') return method === 'POST' && plain.startsWith('/api/internal/');
  return false;
}

/** Compares every client's every request with what is expected of it. @returns how many differ */
async function differences(
  ask: (client: string, method: string, path: string) => Promise<number | string>,
  expected: (client: string, method: string, path: string) => number | string,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const client of CLIENTS)
    for (const method of METHODS)
      for (const path of PATHS) {
        const [seen, wanted] = [await ask(client, method, path), expected(client, method, path)];
        if (seen !== wanted) wrong.push(`${client} ${method} ${path}: ${seen}, expected ${wanted}`);
      }
  return wrong;
}

t.test('istio-peer-authentication.yaml cuts off who has no identity, and nobody else', async (t) => {
  const { ask } = await mesh(t, manifests('istio-peer-authentication'), CLIENTS.slice(0, 3));
  t.same(await differences(ask, (client) => (client === 'unmeshed' ? 'ECONNRESET' : 200)), []);
});

t.test('istio-authorization-policy.yaml lets in whom it names for what it names', async (t) => {
  const { ask } = await mesh(t, manifests('istio-authorization-policy'), CLIENTS.slice(0, 3));
  t.same(await differences(ask, (client, method, path) => (mayAsk(client, method, path) ? 200 : 403)), []);
});

t.test('both together: who has no identity is not even answered', async (t) => {
  const both = manifests('istio-peer-authentication', 'istio-authorization-policy');
  const { ask } = await mesh(t, both, CLIENTS.slice(0, 3));
  const expected = (client: string, method: string, path: string) =>
    client === 'unmeshed' ? 'ECONNRESET' : mayAsk(client, method, path) ? 200 : 403;
  t.same(await differences(ask, expected), []);
});

const smi = (kind: string, group: string, name: string, spec: object) => ({
  apiVersion: `${group}.smi-spec.io/${group === 'access' ? 'v1alpha3' : 'v1alpha4'}`,
  kind,
  metadata: { namespace: 'default', name },
  spec,
});
const target = (source: string, match: string) =>
  smi('TrafficTarget', 'access', source, {
    destination: { kind: 'ServiceAccount', name: 'api', namespace: 'default' },
    rules: [{ kind: 'HTTPRouteGroup', name: 'routes', matches: [match] }],
    sources: [{ kind: 'ServiceAccount', name: source, namespace: 'default' }],
  });

t.test('the same said with SMI', async (t) => {
  const objects = [
    smi('HTTPRouteGroup', 'specs', 'routes', {
      matches: [
        { name: 'api', pathRegex: '/api/', methods: ['GET', 'POST'] },
        { name: 'internal', pathRegex: '/api/internal/', methods: ['POST'] },
      ],
    }),
    target('frontend', 'api'),
    target('worker', 'internal'),
  ];
  const { ask } = await mesh(t, objects, CLIENTS.slice(0, 3));
  t.same(await differences(ask, (client, method, path) => (mayAsk(client, method, path) ? 200 : 403)), []);
});

const linkerd = (kind: string, version: string, name: string, spec: object) => linkerdPolicy(kind, name, spec, version);
const allows = (route: string, ...accounts: readonly string[]) =>
  accounts.map((name) =>
    linkerd('AuthorizationPolicy', 'v1alpha1', `${route}-${name}`, {
      targetRef: { group: 'policy.linkerd.io', kind: 'HTTPRoute', name: route },
      requiredAuthenticationRefs: [{ kind: 'ServiceAccount', name }],
    }),
  );
const httpRoute = (name: string, value: string, methods: readonly string[]) =>
  linkerd('HTTPRoute', 'v1beta3', name, {
    parentRefs: [{ group: 'policy.linkerd.io', kind: 'Server', name: 'api' }],
    rules: [{ matches: methods.map((method) => ({ method, path: { type: 'PathPrefix', value } })) }],
  });

t.test('the same said with Linkerd, whose requests have to be of a route: others are not found', async (t) => {
  const objects = (port: number) => [
    linkerd('Server', 'v1beta3', 'api', {
      podSelector: { matchLabels: { app: 'api-service' } },
      port,
      proxyProtocol: 'HTTP/1',
    }),
    httpRoute('api', '/api', ['GET', 'POST']),
    httpRoute('internal', '/api/internal', ['POST']),
    ...allows('api', 'frontend'),
    ...allows('internal', 'frontend', 'worker'),
  ];
  const { ask } = await mesh(t, objects, CLIENTS.slice(0, 3));
  /** Prefixes are of whole segments. */
  const isOf = (prefix: string, path: string) => `${path.split('?')[0]}/`.startsWith(`${prefix}/`);
  const expected = (client: string, method: string, path: string) => {
    if (!isOf('/api', path) || !['GET', 'POST'].includes(method)) return 404;
    const isInternal = method === 'POST' && isOf('/api/internal', path);
    return client === 'frontend' || (client === 'worker' && isInternal) ? 200 : 403;
  };
  t.same(await differences(ask, expected), []);
});

t.test('where both dialects speak of a port, both have to let a request in', async (t) => {
  const [policy] = manifests('istio-authorization-policy');
  const objects = (port: number) => [
    policy!,
    linkerd('Server', 'v1beta3', 'api', { podSelector: { matchLabels: { app: 'api-service' } }, port }),
    linkerd('AuthorizationPolicy', 'v1alpha1', 'workers', {
      targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: 'api' },
      requiredAuthenticationRefs: [{ kind: 'ServiceAccount', name: 'worker' }],
    }),
  ];
  const { ask } = await mesh(t, objects, CLIENTS.slice(0, 3));
  const expected = (client: string, method: string, path: string) =>
    client === 'worker' && mayAsk(client, method, path) ? 200 : 403;
  t.same(await differences(ask, expected), []);
});

t.test('what is refused is told by the name of what refused it', async (t) => {
  const { api, ask } = await mesh(t, manifests('istio-authorization-policy'), ['stranger']);
  await ask('stranger', 'GET', '/api/items');
  const message =
    'no rule of AuthorizationPolicy/default/api-policy lets stranger.default.serviceaccount.identity.weft.cluster.local in';
  t.match(api.failures.entries.at(-1), { reason: 'policy_denied', message, method: 'GET', path: '/api/items' });
});

t.test('a policy that cannot be read refuses everybody until it is mended', async (t) => {
  const [policy] = manifests('istio-authorization-policy') as { spec: object }[];
  const broken = { ...policy, spec: { ...policy!.spec, rulez: [] } };
  const { ask, update } = await mesh(t, [broken], ['frontend']);
  t.equal(await ask('frontend', 'GET', '/api/'), 403);
  update([policy!]);
  t.equal(await ask('frontend', 'GET', '/api/'), 200);
});

t.test('a header is judged as the application is told it: nobody lends himself what the mesh alone says', async (t) => {
  const allow = (header: string, value: string) =>
    istioSecurity('AuthorizationPolicy', 'headers', {
      rules: [{ when: [{ key: `request.headers[${header}]`, values: [value] }] }],
    });
  const { ask, update } = await mesh(t, [allow('l5d-client-id', 'frontend.*')], ['frontend', 'worker']);
  const lent = { 'l5d-client-id': 'frontend.default.serviceaccount.identity.weft.cluster.local' };
  t.equal(await ask('unmeshed', 'GET', '/api/', lent), 403, 'from a stranger');
  t.equal(await ask('worker', 'GET', '/api/', lent), 403, 'from somebody else');
  t.equal(await ask('frontend', 'GET', '/api/'), 200, 'who is it');
  update([allow('x-forwarded-client-cert', '*sa/frontend')]);
  const certificate = { 'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/default/sa/frontend' };
  t.equal(await ask('unmeshed', 'GET', '/api/', certificate), 403);
});

t.test('what a client calls HTTP on a port of octets is let in as octets are', async (t) => {
  const allow = (rule: object) => istioSecurity('AuthorizationPolicy', 'octets', { rules: [rule] });
  const ofPaths = allow({ to: [{ operation: { paths: ['/api/*'] } }] });
  const isOpaque = (port: number) => ({ 'config.linkerd.io/opaque-ports': String(port) });
  const { ask, update } = await mesh(t, [ofPaths], ['frontend'], isOpaque);
  t.not(await ask('frontend', 'GET', '/api/'), 200, 'a rule of paths takes no octets');
  update([allow({ from: [{ source: { serviceAccounts: ['frontend'] } }] })]);
  t.equal(await ask('frontend', 'GET', '/api/'), 200);
});

t.test('what is audited, and what is only tried, is counted and enforced by nobody', async (t) => {
  const [policy] = manifests('istio-authorization-policy') as { metadata: object; spec: object }[];
  const tried = {
    ...policy,
    metadata: { ...policy!.metadata, name: 'tried', annotations: { 'istio.io/dry-run': 'true' } },
  };
  const audit = {
    ...policy,
    metadata: { ...policy!.metadata, name: 'noted' },
    spec: { ...policy!.spec, action: 'AUDIT', rules: [{ to: [{ operation: { methods: ['POST'] } }] }] },
  };
  const { api, ask } = await mesh(t, [tried, audit], CLIENTS.slice(0, 3));
  t.same(await differences(ask, () => 200), []);
  const text = api.metrics.registry.text();
  const count = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  const isAsked = (of: (client: string, method: string, path: string) => boolean) =>
    CLIENTS.flatMap((client) => METHODS.flatMap((method) => PATHS.filter((path) => of(client, method, path)))).length;
  const perClient = PATHS.length;
  t.equal(count(/inbound_authz_audit_total\{[^}]*authz_name="noted",client_id="frontend[^}]*\} (\d+)/), perClient);
  t.equal(
    count(/inbound_authz_dry_run_total\{[^}]*authz_name="tried",client_id="worker[^}]*verdict="allowed"\} (\d+)/),
    isAsked((client, method, path) => client === 'worker' && mayAsk(client, method, path)),
  );
  t.equal(
    count(/inbound_authz_dry_run_total\{[^}]*authz_kind="none"[^}]*client_id="",verdict="denied"\} (\d+)/),
    METHODS.length * perClient,
  );
});
