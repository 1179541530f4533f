import t from 'tap';

import type { ServerMessage } from '../../api/watch.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Reports } from '../objects/reports.ts';
import { TEST_DOMAIN } from '../testing/cluster.ts';
import { FakeSource } from '../testing/fake-source.ts';
import { pod, server, service, serviceProfile, slice } from '../testing/manifests.ts';
import type { ClientPlace } from '../translate/client-view.ts';
import type { Publication, Subscriber } from './publication.ts';
import { hash, Publisher } from './publisher.ts';

const CLIENT: ClientPlace = { namespace: 'default', node: '', zone: '', locality: '', labels: {} };
const ROUTE = [{ destination: { host: 'api' } }];

/** A publisher of some objects, and who counts what it is told. */
function open(...objects: object[]) {
  const clock = new FakeClock();
  const reports = new Reports();
  const source = new FakeSource(reports);
  source.put(...objects);
  const publisher = new Publisher({ objects: source.objects, domain: TEST_DOMAIN, reports, clock });
  const listen = (publication: Publication) => {
    const told: string[] = [];
    const subscriber: Subscriber = {
      onPublish: ({ version }) => told.push(version),
      onMoved: () => told.push('moved'),
    };
    publication.subscribers.add(subscriber);
    return { told, leave: () => publication.subscribers.delete(subscriber) };
  };
  return { publisher, source, clock, reports, listen };
}

/** Two turns of the event loop: a flush is made in the next. */
async function turns(): Promise<void> {
  for (let at = 0; at < 2; at++) await new Promise((resolve) => setImmediate(resolve));
}

function messageOf({ line }: Publication): ServerMessage & { readonly requires: readonly string[] } {
  return JSON.parse(String(line));
}

function virtualService(http: readonly object[]): object {
  return { kind: 'VirtualService', metadata: { name: 'api', namespace: 'default' }, spec: { hosts: ['api'], http } };
}

t.test('a target is told with its version, the hash of its state', async (t) => {
  const { publisher } = open(service('api', '10.96.0.1'));
  const publication = publisher.outbound('api:80', CLIENT);
  const message = messageOf(publication);
  t.match(message, { type: 'snapshot', target: 'api:80', version: publication.version, requires: { length: 0 } });
  t.equal(publication.version, hash(JSON.stringify((message as { outbound?: unknown }).outbound)));
  t.match(publication.version, /^[-\w]{16}$/);
  t.match(messageOf(publisher.outbound('nobody:80', CLIENT)), { outbound: null, requires: { length: 0 } });
});

t.test('a message names the features that its state needs, and no others', async (t) => {
  const requires = (...objects: object[]) =>
    messageOf(open(service('api', '10.96.0.1'), ...objects).publisher.outbound('api:80', CLIENT)).requires;
  const name = 'api.default.svc.cluster.local';
  const plain = { name: 'a', condition: { method: 'GET' } };
  t.same(requires(serviceProfile(name, { routes: [plain] })), ['routes']);
  t.same(requires(serviceProfile(name, { routes: [plain], dstOverrides: [{ authority: name, weight: 1 }] })), [
    'routes',
    'splits',
  ]);
  t.same(requires(virtualService([{ route: ROUTE }])), ['routes', 'splits', 'traffic-policy'], 'what is unmatched');
  for (const trafficPolicy of [
    { loadBalancer: { simple: 'RANDOM' } },
    { outlierDetection: {} },
    { connectionPool: { http: { http2MaxRequests: 1 } } },
    { tls: { mode: 'SIMPLE' } },
  ])
    t.same(
      requires({
        kind: 'DestinationRule',
        metadata: { name: 'api', namespace: 'default' },
        spec: { host: 'api', trafficPolicy },
      }),
      ['traffic-policy'],
      Object.keys(trafficPolicy)[0]!,
    );
  t.same(
    requires({
      kind: 'DestinationRule',
      metadata: { name: 'api', namespace: 'default' },
      spec: { host: 'api', trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } } },
    }),
    ['traffic-policy'],
  );
});

t.test('what a pod enforces is told under its own name, with the features that it needs', async (t) => {
  const workload = { namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'uid-api-1' };
  const name = 'api.default.svc.cluster.local';
  const { publisher } = open(
    service('api', '10.96.0.1'),
    pod('api-1', '10.244.0.1'),
    serviceProfile(name, { routes: [{ name: 'a', condition: { method: 'GET' } }] }),
  );
  t.match(messageOf(publisher.inbound(workload)), { type: 'inbound', target: 'inbound', requires: ['routes'] });
  for (const other of [{ uid: 'other' }, { pod: 'other' }, { serviceAccount: 'other' }, { namespace: 'other' }])
    t.equal(publisher.inbound({ ...workload, ...other }).version, '', `nothing for another ${Object.keys(other)}`);
});

t.test('who may call a pod needs a proxy that can judge it', async (t) => {
  const workload = { namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'uid-api-1' };
  const requires = (...objects: readonly object[]) =>
    messageOf(open(pod('api-1', '10.244.0.1'), ...objects).publisher.inbound(workload)).requires;
  const istio = (kind: string, spec: object) => ({
    apiVersion: 'security.istio.io/v1',
    kind,
    metadata: { namespace: 'default', name: 'x' },
    spec,
  });
  t.same(requires(), []);
  t.same(requires(istio('PeerAuthentication', { mtls: { mode: 'STRICT' } })), ['access']);
  t.same(requires(istio('AuthorizationPolicy', {})), ['access']);
  const users = { jwtRules: [{ issuer: 'https://issuer.example' }] };
  t.same(requires(istio('RequestAuthentication', users)), ['request-authentication']);
  const denying = server('api', { podSelector: {}, accessPolicy: 'deny' });
  t.same(requires(denying), [], 'which a policy of the port alone does not');
  const authorization = {
    apiVersion: 'policy.linkerd.io/v1beta1',
    kind: 'ServerAuthorization',
    metadata: { namespace: 'default', name: 'x' },
    spec: { server: { name: 'api' }, client: { unauthenticated: true } },
  };
  t.same(requires(denying, authorization), ['access']);
});

t.test('a pod of a folder, which has no UID, is known by its name', async (t) => {
  const { publisher } = open(pod('api-1', '10.244.0.1', { metadata: { uid: '' } }));
  const workload = { namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'uid-of-its-certificate' };
  t.not(publisher.inbound(workload).version, '');
});

t.test('what a target no longer depends on computes it no more', async (t) => {
  const { publisher, source, clock } = open(
    service('api', '10.96.0.1'),
    service('b', '10.96.0.2'),
    virtualService([{ route: [{ destination: { host: 'b' } }] }]),
  );
  publisher.outbound('api:80', CLIENT);
  let computed = 0;
  const { observe } = publisher.cluster;
  publisher.cluster.observe = (compute) => {
    computed++;
    return observe.call(publisher.cluster, compute) as never;
  };
  const change = async (...objects: object[]) => {
    clock.advance(10);
    source.put(...objects);
    await turns();
    return computed;
  };
  t.equal(await change(service('b', '10.96.0.2', { port: { appProtocol: 'http' } })), 1);
  t.equal(await change(virtualService([{ route: ROUTE }])), 2);
  t.equal(await change(service('b', '10.96.0.2', { port: { appProtocol: 'grpc' } })), 2);
});

t.test('clients that are told the same share a publication; it is forgotten with the last of them', async (t) => {
  const { publisher, listen } = open(service('api', '10.96.0.1'));
  const publication = publisher.outbound('api:80', CLIENT);
  const [first, second] = [listen(publication), listen(publication)];
  t.equal(publisher.outbound('api:80', { ...CLIENT, zone: 'a', labels: { app: 'a' } }), publication);
  t.not(publisher.outbound('api:80', { ...CLIENT, namespace: 'shop' }), publication, 'another namespace');
  t.equal(publisher.size, 2);
  first.leave();
  publisher.release(publication);
  t.equal(publisher.outbound('api:80', CLIENT), publication, 'somebody reads it still');
  second.leave();
  publisher.release(publication);
  t.equal(publisher.size, 1);
  t.not(publisher.outbound('api:80', CLIENT), publication);
});

t.test('a change is told in the next turn, and only to those whom it touches', async (t) => {
  const { publisher, source, listen } = open(service('api', '10.96.0.1'), service('web', '10.96.0.2'));
  const api = listen(publisher.outbound('api:80', CLIENT));
  const web = listen(publisher.outbound('web:80', CLIENT));
  source.put(pod('api-1', '10.244.0.1'), slice('api', [['api-1', '10.244.0.1']]));
  t.same(api.told, [], 'not at once: more may follow');
  await turns();
  t.equal(api.told.length, 1);
  t.same(web.told, []);
});

t.test('a change that makes no difference is told to nobody', async (t) => {
  const { publisher, source, listen } = open(service('api', '10.96.0.1'));
  const { told } = listen(publisher.outbound('api:80', CLIENT));
  const workload = { namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'uid-api-1' };
  source.put(pod('api-1', '10.244.0.1'));
  await turns();
  const inbound = listen(publisher.inbound(workload));
  source.put(
    service('api', '10.96.0.1', { annotations: { changed: 'yes' } }),
    pod('api-1', '10.244.0.1', { metadata: { labels: { app: 'api', changed: 'yes' } } }),
  );
  await turns();
  t.same([told, inbound.told], [[], []]);
});

t.test('changes that follow one another within 10 ms are computed together', async (t) => {
  const { publisher, source, clock, listen } = open(service('api', '10.96.0.1'));
  const { told } = listen(publisher.outbound('api:80', CLIENT));
  const appProtocol = (text: string) => service('api', '10.96.0.1', { port: { appProtocol: text } });
  source.put(appProtocol('http'));
  await turns();
  t.equal(told.length, 1);
  clock.advance(1);
  source.put(appProtocol('grpc'));
  await turns();
  source.put(appProtocol('tcp'));
  clock.advance(8);
  await turns();
  t.equal(told.length, 1, 'not within 10 ms');
  clock.advance(1);
  t.equal(told.length, 2, 'then once for both');
  clock.advance(10);
  source.put(appProtocol('http'));
  await turns();
  t.equal(told.length, 3, 'after a pause at once');
});

t.test('what is left over after 10 ms of computing is computed later, and nothing is lost', async (t) => {
  const names = Array.from({ length: 30 }, (_, at) => `api-${at}`);
  const { publisher, source, clock, listen } = open(...names.map((name, at) => service(name, `10.96.0.${at}`)));
  const heard = names.map((name) => listen(publisher.outbound(`${name}:80`, CLIENT)).told);
  const sum = () => heard.reduce((total, { length }) => total + length, 0);
  // Each computation takes 4 ms of this clock.
  const { monotonic } = clock;
  let extra = 0;
  clock.monotonic = () => monotonic.call(clock) + extra;
  const { observe } = publisher.cluster;
  publisher.cluster.observe = (compute) => {
    extra += 4;
    return observe.call(publisher.cluster, compute) as never;
  };
  source.put(...names.map((name, at) => service(name, `10.96.0.${at}`, { port: { appProtocol: 'http' } })));
  await turns();
  t.equal(sum(), 3, 'the first slice');
  for (let at = 0; at < 20; at++) {
    clock.advance(10);
    await turns();
  }
  t.same(
    heard.map(({ length }) => length),
    names.map(() => 1),
  );
});

t.test('one that is closed computes no more', async (t) => {
  const { publisher, source, listen } = open(service('api', '10.96.0.1'));
  const { told } = listen(publisher.outbound('api:80', CLIENT));
  source.put(service('api', '10.96.0.1', { port: { appProtocol: 'http' } }));
  publisher.close();
  await turns();
  source.put(service('api', '10.96.0.1', { port: { appProtocol: 'grpc' } }));
  await turns();
  t.same(told, []);
});

t.test('faults that show when objects are read together are told while a view shows them', async (t) => {
  const { publisher, source, reports, listen } = open(
    service('api', '10.96.0.1'),
    virtualService([{ route: [{ destination: { host: 'nobody' } }] }]),
  );
  const publication = publisher.outbound('api:80', CLIENT);
  const reader = listen(publication);
  t.match(reports.current(), [{ object: { kind: 'VirtualService' }, message: /nobody/ }]);
  source.put(virtualService([{ route: ROUTE }]));
  await turns();
  t.equal(reports.current().length, 0);
  source.put(virtualService([{ route: [{ destination: { host: 'nobody' } }] }]));
  await new Promise((resolve) => setTimeout(resolve, 5));
  reader.leave();
  publisher.release(publication);
  t.equal(reports.current().length, 0, 'nobody looks at it');
});
