import { request as httpsRequest } from 'node:https';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';

import { createLog } from '../../core/log/log.ts';
import { withoutIpv6 } from '../../core/testing/without-ipv6.ts';
import { askingNamespace } from '../inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS } from '../inject/settings.ts';
import { workloadWarnings } from '../inject/workload-warnings.ts';
import { createMaterial } from '../tls/serving-material.ts';
import type { AdmissionRequest } from './admission-review.ts';
import { reviewInjection } from './inject-review.ts';
import { WebhookMetrics } from './metrics.ts';
import { type ReviewOutcome, ReviewUnavailableError } from './review-outcome.ts';
import { AdmissionServer } from './server.ts';
import { reviewValidation } from './validate-review.ts';

const NAMES = { dns: ['weft-webhook.weft.svc'], uris: [] };
const material = createMaterial(NAMES, Date.now());
const settings = { ...DEFAULT_INJECT_SETTINGS, image: 'localhost/weft/weft:0.1.0' };

interface Running {
  readonly server: AdmissionServer;
  readonly address: string;
  readonly metrics: WebhookMetrics;
  readonly reviewed: [AdmissionRequest, ReviewOutcome][];
}

async function start(t: Test, host = '127.0.0.1'): Promise<Running> {
  const metrics = new WebhookMetrics();
  const reviewed: [AdmissionRequest, ReviewOutcome][] = [];
  const namespaces = {
    async get(name: string) {
      if (name === 'away') throw new ReviewUnavailableError('the API server is away', { cause: null });
      if (name === 'broken') throw new TypeError('a fault of ours');
      return askingNamespace(name);
    },
  };
  const server = new AdmissionServer({
    certificate: { key: material['tls.key'], cert: material['tls.crt'] },
    reviewers: {
      '/inject': (request) => reviewInjection(request, namespaces, settings),
      '/validate': (request) =>
        reviewValidation(request, PROFILES, { isOurs: async (name) => name !== 'elsewhere' }, WORKLOADS),
    },
    onReviewed: (...each) => reviewed.push(each),
    metrics,
    log: createLog('test', 'silent'),
  });
  t.teardown(() => server.close(1000));
  return { server, address: await server.listen({ host, port: 0 }), metrics, reviewed };
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of a test's own server
function post(address: string, path: string, body: unknown): Promise<{ status: number; body: any }> {
  return new Promise((resolve, reject) => {
    httpsRequest(
      `https://${address}${path}?timeout=5s`,
      {
        ca: material['ca.crt'],
        servername: 'weft-webhook.weft.svc',
        agent: false,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      },
      async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve({ status: response.statusCode!, body: JSON.parse(text) });
      },
    )
      .on('error', reject)
      .end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

function review(object: unknown, change: object = {}): object {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      namespace: 'shop',
      operation: 'CREATE',
      object,
      ...change,
    },
  };
}

/** Has `there` and cannot tell of `unsure`. */
const PROFILES = {
  has: async (_namespace: string, name: string) => (name === 'unsure' ? null : name === 'there'),
};
const WORKLOADS = {
  warningsOf: async (kind: string, object: unknown, namespace: string) =>
    workloadWarnings(kind, object, askingNamespace(namespace), settings),
};
const POD = { metadata: { generateName: 'web-' }, spec: { containers: [{ name: 'web' }] } };
const PROFILE = {
  apiVersion: 'linkerd.io/v1alpha2',
  kind: 'ServiceProfile',
  metadata: { name: 'web.shop.svc.cluster.local', namespace: 'shop' },
  spec: { routes: [{ name: 'GET /', condition: { method: 'GET', pathRegex: '/' } }] },
};
const profileReview = (object: unknown) =>
  review(object, { kind: { group: 'linkerd.io', version: 'v1alpha2', kind: 'ServiceProfile' } });

t.test('answers a review with a patch', async (t) => {
  const { address } = await start(t);
  const { status, body } = await post(address, '/inject', review(POD));
  t.equal(status, 200);
  t.match(body, {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: 'u-1', allowed: true },
  });
  t.equal(body.response.patchType, 'JSONPatch');
  const patch = JSON.parse(Buffer.from(body.response.patch, 'base64').toString());
  t.ok(patch.some(({ path }: { path: string }) => path === '/spec/initContainers'));
  t.same(body.response.auditAnnotations, { outcome: 'injected' });
});

t.test('says of a workload what its pods will meet, and refuses it for none of that', async (t) => {
  const { address } = await start(t);
  const of = async (kind: string, spec: object, metadata: object = {}, group = 'apps') => {
    const object = { metadata: { name: 'web', ...metadata }, spec };
    const { body } = await post(address, '/validate', review(object, { kind: { group, version: 'v1', kind } }));
    t.equal(body.response.allowed, true);
    return body.response.warnings ?? [];
  };
  const template = (spec: object, metadata: object = {}) => ({
    template: { metadata, spec: { containers: [{ name: 'web' }], ...spec } },
  });
  const asProxy = template({ securityContext: { runAsUser: 2102 } });
  for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'])
    t.match(await of(kind, asProxy), [
      /^spec\.template: its pods will be refused: the container web runs as user 2102/,
    ]);
  t.match(await of('Job', asProxy, {}, 'batch'), [/^spec\.template: its pods will be refused/]);
  t.match(await of('CronJob', { jobTemplate: { spec: asProxy } }, {}, 'batch'), [
    /^spec\.jobTemplate\.spec\.template: its/,
  ]);
  t.match(await of('Deployment', template({}, { annotations: { 'weft.dev/skip-inbund-ports': '1' } })), [
    /did you mean/,
  ]);
  t.match(await of('Deployment', template({}), { annotations: { 'weft.dev/default-inbound-policy': 'deny' } }), [
    /^metadata\.annotations\["weft\.dev\/default-inbound-policy"\]: IS NOT ENFORCED/,
  ]);
  t.same(await of('Deployment', template({})), []);
  t.same(await of('Deployment', template({ hostNetwork: true })), []);
  t.same(await of('Deployment', { template: null }), []);
});

t.test('says of a Service that annotations of pods do nothing there, louder of a policy', async (t) => {
  const { address } = await start(t);
  const warningsOf = async (annotations: object) => {
    const object = { metadata: { name: 'web', annotations }, spec: { ports: [{ port: 80 }] } };
    const { body } = await post(
      address,
      '/validate',
      review(object, { kind: { group: '', version: 'v1', kind: 'Service' } }),
    );
    t.equal(body.response.allowed, true);
    return body.response.warnings ?? [];
  };
  t.match(await warningsOf({ 'weft.dev/default-inbound-policy': 'deny' }), [
    /^metadata\.annotations\["weft\.dev\/default-inbound-policy"\]: IS NOT ENFORCED: it is looked at on the pods behind it/,
  ]);
  t.match(await warningsOf({ 'weft.dev/skip-inbound-ports': '1' }), [/has no effect/]);
  t.same(await warningsOf({ 'weft.dev/opaque-ports': '25' }), []);
});

t.test('lets a pod be, saying why, and warns', async (t) => {
  const { address, reviewed } = await start(t);
  const pod = {
    ...POD,
    metadata: { annotations: { 'weft.dev/injekt': 'x' } },
    spec: { ...POD.spec, hostNetwork: true },
  };
  const { body } = await post(address, '/inject', review(pod));
  t.match(body.response, { allowed: true, auditAnnotations: { reason: 'host_network_enabled' } });
  t.match(body.response.warnings[0], 'did you mean weft.dev/inject');
  t.notOk(body.response.patch);
  t.match(reviewed[0]?.[1], { outcome: 'skipped', reason: 'host_network_enabled' });
});

t.test('refuses a pod with a sentence', async (t) => {
  const { address } = await start(t);
  const pod = { ...POD, metadata: { annotations: { 'weft.dev/skip-inbound-ports': 'all' } } };
  const { status, body } = await post(address, '/inject', review(pod));
  t.equal(status, 200);
  t.match(body.response, { allowed: false, status: { code: 403, message: 'skip-inbound-ports of the pod: "all"' } });
});

t.test('checks service profiles', async (t) => {
  const { address } = await start(t);
  t.match((await post(address, '/validate', profileReview(PROFILE))).body.response, { allowed: true });
  for (const [message, change] of [
    ['pathRegex', { routes: [{ name: 'a', condition: { pathRegex: '(' } }] }],
    ['pathRegexp', { routes: [{ name: 'a', condition: { pathRegexp: '/' } }] }],
    ['condition', { routes: [{ name: 'a', condition: {} }] }],
    [
      'status',
      {
        routes: [
          { name: 'a', condition: { method: 'GET' }, responseClasses: [{ condition: { status: { min: 99 } } }] },
        ],
      },
    ],
    ['ttl', { retryBudget: { retryRatio: 0.2, minRetriesPerSecond: 1, ttl: 'soon' } }],
    ['timeout', { routes: [{ name: 'a', condition: { method: 'GET' }, timeout: 'long' }] }],
  ] as const) {
    const { body } = await post(address, '/validate', profileReview({ ...PROFILE, spec: change }));
    t.match(body.response, { allowed: false, status: { message } }, message);
  }
  const unnamed = { ...PROFILE, metadata: { name: 'Not a name', namespace: 'shop' } };
  t.match((await post(address, '/validate', profileReview(unnamed))).body.response, { allowed: false });
  for (const object of [7, [], {}, 'x', { spec: 7 }]) {
    t.match((await post(address, '/validate', profileReview(object))).body.response, { allowed: false });
  }
});

const ROUTES = { group: 'networking.istio.io', version: 'v1', kind: 'VirtualService' };
const BROKEN = { metadata: { name: 'web' }, spec: { hosts: ['web'], http: [{ timeout: 'soon' }] } };

t.test('refuses routes of every dialect that cannot be honoured, with their fields and what to write', async (t) => {
  const { address } = await start(t);
  const send = async (object: object, change: object) =>
    (await post(address, '/validate', review(object, change))).body.response;
  t.match(await send(BROKEN, { kind: ROUTES }), {
    allowed: false,
    status: { message: /spec\.http\[0\].* spec\.http\[0\]\.timeout: "soon" is no duration, such as 500ms or 10s/ },
  });
  const split = { group: 'split.smi-spec.io', version: 'v1alpha2', kind: 'TrafficSplit' };
  const weightless = { metadata: { name: 'web' }, spec: { service: 'web', backends: [{ service: 'a' }] } };
  t.match(await send(weightless, { kind: split }), {
    allowed: false,
    status: { message: /spec\.backends\[0\]\.weight/ },
  });
});

t.test('warns of what is not honoured, and where another mesh may read the object', async (t) => {
  const { address } = await start(t);
  const send = async (object: object, change: object = {}) =>
    (await post(address, '/validate', review(object, { kind: ROUTES, ...change }))).body.response;
  const delegated = { metadata: { name: 'web' }, spec: { hosts: ['web'], http: [{ delegate: { name: 'a' } }] } };
  t.match(await send(delegated), { allowed: true, warnings: [/^spec\.http\[0\]\.delegate: is not followed/] });
  t.match(await send(BROKEN, { namespace: 'elsewhere' }), { allowed: true, warnings: [/http\[0\]/, /timeout/] });
});

t.test('does not stop a controller because of what was wrong with routes before', async (t) => {
  const { address } = await start(t);
  const object = { ...BROKEN, metadata: { name: 'web', finalizers: [] } };
  const change = { kind: ROUTES, operation: 'UPDATE', oldObject: BROKEN };
  t.match((await post(address, '/validate', review(object, change))).body.response, { allowed: true });
});

t.test('warns of a service profile that does not exist yet, and lets the object in', async (t) => {
  const { address } = await start(t);
  const send = async (name: string) => {
    const object = { metadata: { annotations: { 'weft.dev/route-profile': name } } };
    const kind = { group: 'apps', version: 'v1', kind: 'Deployment' };
    return (await post(address, '/validate', review(object, { kind }))).body.response;
  };
  t.strictSame(await send('there'), { uid: 'u-1', allowed: true });
  t.strictSame(await send('unsure'), { uid: 'u-1', allowed: true }, 'nobody is warned of what cannot be told');
  t.match(await send('absent'), {
    allowed: true,
    warnings: [
      /^metadata\.annotations\["weft.dev\/route-profile"\]: ServiceProfile "absent" does not exist in .* shop/,
    ],
  });
});

t.test('tells malformed reviews from each other and goes on serving', async (t) => {
  const { address, metrics } = await start(t);
  for (const [status, message, body] of [
    [400, 'JSON', '{"request"'],
    [400, 'no JSON object', '[]'],
    [400, 'no AdmissionReview', {}],
    [400, 'no AdmissionReview', { apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview', request: {} }],
    [400, 'request is missing', { ...review(POD), request: null }],
    [400, 'request.uid', review(POD, { uid: 7 })],
    [400, 'request.namespace', review(POD, { namespace: {} })],
    [400, 'request.name', review(POD, { name: 7 })],
    [400, 'request.operation', review(POD, { operation: null })],
    [400, 'request.kind', review(POD, { kind: 'Pod' })],
    [413, 'too large', `"${'x'.repeat(3 * 1024 * 1024)}"`],
  ] as const) {
    const answer = await post(address, '/inject', body);
    t.equal(answer.status, status, message);
    t.match(answer.body.error, message);
  }
  t.equal((await post(address, '/other', review(POD))).status, 404);
  for (const pod of [null, 7, [], 'x', {}, { spec: { containers: {} } }, { spec: { containers: [null] } }]) {
    const { status, body } = await post(address, '/inject', review(pod));
    t.equal(status, 200);
    t.equal(body.response.allowed, pod === null, JSON.stringify(pod));
  }
  t.match((await post(address, '/inject', review(POD))).body.response, { allowed: true });
  t.match(await metrics.registry.metrics(), /^weft_webhook_reviews_malformed_total 12$/m);
});

t.test('takes the proxy out of a pod that another mesh has given its own to', async (t) => {
  const { address } = await start(t);
  const metadata = { ...POD.metadata, annotations: { 'weft.dev/injected': '0.1.0' } };
  const containers = [{ name: 'istio-proxy' }, ...POD.spec.containers];
  const both = { ...POD, metadata, spec: { ...POD.spec, initContainers: [{ name: 'weft-proxy' }], containers } };
  const { allowed, patch, warnings } = (await post(address, '/inject', review(both))).body.response;
  t.equal(allowed, true);
  t.match(JSON.parse(Buffer.from(patch, 'base64').toString()), [
    { op: 'remove', path: '/metadata/annotations/weft.dev~1injected' },
    { op: 'remove', path: '/spec/initContainers/0' },
  ]);
  t.match(warnings, [/istio-proxy is the proxy of another mesh/]);
});

t.test('leaves to the failure policy what it cannot tell', async (t) => {
  const { address, metrics } = await start(t);
  const away = await post(address, '/inject', review(POD, { namespace: 'away' }));
  t.match(away, { status: 503, body: { error: 'the API server is away' } });
  const broken = await post(address, '/inject', review(POD, { namespace: 'broken' }));
  t.equal(broken.status, 500);
  t.notMatch(broken.body.error, 'a fault of ours');
  t.match(await metrics.registry.metrics(), /^weft_webhook_reviews_unavailable_total 1$/m);
  t.equal((await post(address, '/inject', review(POD))).status, 200);
});

t.test('counts reviews by path, outcome and reason', async (t) => {
  const { address, metrics } = await start(t);
  await post(address, '/inject', review(POD));
  await post(address, '/inject', review({ ...POD, spec: { ...POD.spec, hostNetwork: true } }));
  await post(address, '/validate', profileReview({}));
  const text = await metrics.registry.metrics();
  for (const line of [
    'weft_webhook_reviews_total{path="/inject",outcome="injected",reason=""} 1',
    'weft_webhook_reviews_total{path="/inject",outcome="skipped",reason="host_network_enabled"} 1',
    'weft_webhook_reviews_total{path="/validate",outcome="invalid",reason="object_invalid"} 1',
    'weft_webhook_review_duration_seconds_count 3',
  ]) {
    t.ok(text.split('\n').includes(line), line);
  }
});

t.test('changes its certificate while it serves', async (t) => {
  const { server, address } = await start(t);
  const [host, port] = address.split(':') as [string, string];
  const serial = (ca: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host, port: +port, ca, servername: NAMES.dns[0] }, () => {
        resolve(socket.getPeerX509Certificate()!.serialNumber);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const before = await serial(material['ca.crt']);
  const next = createMaterial(NAMES, Date.now());
  server.setCertificate({ key: next['tls.key'], cert: next['tls.crt'] });
  t.not(await serial(next['ca.crt']), before);
  await t.rejects(serial(material['ca.crt']), 'the old authority does not vouch for the new certificate');
});

t.test('serves on IPv4 where the kernel has no IPv6', async (t) => {
  withoutIpv6(t);
  const { address } = await start(t, '::');
  t.match(address, /^0\.0\.0\.0:\d+$/);
  const { port } = new URL(`https://${address}`);
  t.equal((await post(`127.0.0.1:${port}`, '/inject', review(POD))).status, 200);
});
