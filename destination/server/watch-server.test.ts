import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';

import { NO_REVOCATIONS } from '../../api/revocations.ts';
import { WATCH_PATH } from '../../api/watch.ts';
import { withoutIpv6 } from '../../core/testing/without-ipv6.ts';
import { TEST_DOMAIN } from '../testing/cluster.ts';
import { TestAuthority } from '../testing/control-plane.ts';
import { pod, revocations, service, serviceProfile, slice } from '../testing/manifests.ts';
import type { TestWatch } from '../testing/watch-client.ts';
import { serveWatch } from '../testing/watch-service.ts';

const authority = new TestAuthority();
const domain = TEST_DOMAIN;
const serve = (t: Test, objects: readonly object[]) => serveWatch(t, authority, objects);
const API = [
  service('api', '10.96.0.1'),
  pod('api-1', '10.244.0.1'),
  pod('api-2', '10.244.0.2'),
  slice('api', [['api-1', '10.244.0.1']]),
];

t.test('a proxy is greeted, gets its roots, its inbound configuration and what it asks for', async (t) => {
  const { open, source } = await serve(t, API);
  const watch = await open();
  t.match(await watch.expects('inbound'), {
    target: 'inbound',
    inbound: { defaultPolicy: { mode: 'all-unauthenticated', origin: 'default' }, ports: [{ port: 8080 }] },
  });
  watch.sends({ type: 'subscribe', target: '10.96.0.1:80' });
  const first = await watch.expects('snapshot');
  t.match(first.outbound, { name: 'api.default.svc.cluster.local', protocol: 'detect', kind: 'service' });
  t.match(first.outbound?.backends[''], {
    endpoints: [
      {
        uid: 'uid-api-1',
        address: '10.244.0.1',
        port: 8080,
        tls: { identity: 'api.default.serviceaccount.identity.weft.cluster.local', mesh: 'weft', mode: 'transparent' },
      },
    ],
  });
  source.put(
    slice('api', [
      ['api-1', '10.244.0.1'],
      ['api-2', '10.244.0.2'],
    ]),
  );
  t.match(await watch.expects('delta'), {
    from: first.version,
    backend: '',
    add: [{ uid: 'uid-api-2' }],
    remove: { length: 0 },
  });
});

t.test('a change of anything but endpoints sends the whole', async (t) => {
  const { open, source } = await serve(t, API);
  const watch = await subscribed(open, 'api:80');
  source.put(service('api', '10.96.0.1', { port: { appProtocol: 'http' } }));
  t.match(await watch.expectsAll(['snapshot', 'inbound']), {
    snapshot: { requires: { length: 0 }, outbound: { protocol: 'http1' } },
    inbound: { inbound: { ports: [{ protocol: 'http1' }] } },
  });
  const routes = [{ name: 'r', condition: { method: 'GET' } }];
  const dstOverrides = [{ authority: 'canary', weight: 1 }];
  source.put(serviceProfile('api.default.svc.cluster.local', { routes, dstOverrides }));
  t.match(await watch.expectsAll(['snapshot', 'inbound']), {
    snapshot: { requires: ['routes', 'splits'], outbound: { routes: [{ name: 'r' }, { name: '' }] } },
    inbound: { requires: ['routes'] },
  });
  const annotations = { 'balancer.linkerd.io/failure-accrual': 'consecutive' };
  source.put(service('api', '10.96.0.1', { port: { appProtocol: 'http' }, annotations }));
  t.match(await watch.expects('snapshot'), { requires: ['routes', 'splits', 'traffic-policy'] });
  source.remove('Service', 'api');
  t.match(await watch.expectsAll(['snapshot', 'inbound']), { snapshot: { requires: { length: 0 }, outbound: null } });
});

t.test('an endpoint that goes is a step too; a port that changes is not', async (t) => {
  const { open, source } = await serve(t, API);
  const watch = await subscribed(open, 'api:80');
  source.put(slice('api', [['api-2', '10.244.0.2']]));
  t.match(await watch.expects('delta'), { add: [{ uid: 'uid-api-2' }], remove: ['uid-api-1'] });
  source.put(slice('api', [['api-2', '10.244.0.2']], 9090));
  t.match(await watch.expects('snapshot'), {
    outbound: { backends: { '': { endpoints: [{ uid: 'uid-api-2', port: 9090 }] } } },
  });
});

t.test('a version is the same in every replica, and a proxy that holds it is sent nothing', async (t) => {
  const [one, other] = [await serve(t, API), await serve(t, [...API].reverse())];
  const first = await one.open();
  const inbound = await first.expects('inbound');
  first.sends({ type: 'subscribe', target: 'api:80' });
  const { version } = await first.expects('snapshot');
  const resume = { inbound: inbound.version, 'api:80': version, 'gone:80': 'old' };
  const second = await other.open({ resume });
  t.match(await second.expects('unchanged'), { target: 'inbound' });
  second.sends({ type: 'subscribe', target: 'api:80' }, { type: 'subscribe', target: 'api.default:80', version });
  t.match(await second.expects('unchanged'), { target: 'api:80', version });
  t.match(
    await second.expects('unchanged'),
    { target: 'api.default:80' },
    'the version is that of the state, not of the key',
  );
  other.source.put(slice('api', [['api-2', '10.244.0.2']]));
  t.match(await second.expects('delta'), { from: version }, 'a step leads on from the resumed version');
});

t.test('what is not subscribed any more is not sent', async (t) => {
  const { open, source } = await serve(t, [...API, service('other', '10.96.0.2')]);
  const watch = await subscribed(open, 'api:80');
  watch.sends({ type: 'unsubscribe', target: 'api:80' }, { type: 'subscribe', target: 'other:80' });
  await watch.expects('snapshot');
  source.put(slice('api', []));
  source.put(service('other', '10.96.0.2', { port: { appProtocol: 'tcp' } }));
  t.match(await watch.expects('snapshot'), { target: 'other:80', outbound: { protocol: 'opaque' } });
});

t.test('acknowledged and refused versions are known; a step that was refused is followed by the whole', async (t) => {
  const { open, source, server, events } = await serve(t, API);
  const watch = await open();
  await watch.expects('inbound');
  watch.sends({ type: 'subscribe', target: 'api:80' });
  const { version } = await watch.expects('snapshot');
  watch.sends({ type: 'ack', target: 'api:80', version });
  source.put(slice('api', [['api-2', '10.244.0.2']]));
  const step = await watch.expects('delta');
  watch.sends({ type: 'nack', target: 'api:80', version: step.version, reason: 'holds another version' });
  const whole = await watch.expects('snapshot');
  t.equal(whole.version, step.version);
  const status = () => [...server.streams.keys()][0]!.status().find(({ target }) => target === 'api:80');
  t.match(status(), {
    target: 'api:80',
    sent: whole.version,
    applied: version,
    refused: { reason: 'holds another version' },
  });
  watch.sends({ type: 'nack', target: 'api:80', version: step.version, reason: 'no such feature' });
  watch.sends({ type: 'ack', target: 'api:80', version: whole.version });
  await eventually(() => status()?.refused === null);
  t.equal(status()?.applied, whole.version);
  t.equal(events.filter((event) => event.startsWith('nack')).length, 1, 'a version is told of once');
});

t.test('a pod gets its own inbound configuration and nobody else’s', async (t) => {
  const strict = { annotations: { 'weft.dev/default-inbound-policy': 'deny' } };
  const { open, source } = await serve(t, [pod('api-1', '10.244.0.1'), pod('db-0', '10.244.0.2', strict)]);
  const other = (fields: object) =>
    open({
      credentials: authority.certify({
        namespace: 'default',
        serviceAccount: 'api',
        pod: 'db-0',
        uid: 'uid-db-0',
        ...fields,
      }),
    });
  t.match(await (await other({})).expects('inbound'), { inbound: { defaultPolicy: { mode: 'deny' } } });
  for (const fields of [
    { uid: 'uid-of-an-earlier-db-0' },
    { serviceAccount: 'thief' },
    { namespace: 'other' },
    { pod: 'unknown', uid: 'u' },
  ]) {
    const watch = await other(fields);
    watch.sends({ type: 'subscribe', target: 'inbound' }, { type: 'subscribe', target: '10.244.0.1:80' });
    t.match(
      await watch.expects('snapshot'),
      { target: '10.244.0.1:80' },
      `${JSON.stringify(fields)} gets no configuration`,
    );
  }
  const late = await other({ pod: 'late', uid: 'uid-late' });
  source.put(pod('late', '10.244.0.3'));
  t.match(
    await late.expects('inbound'),
    { inbound: { defaultPolicy: { mode: 'all-unauthenticated' } } },
    'it comes when the pod is known',
  );
  source.put(pod('late', '10.244.0.3', strict));
  t.match(await late.expects('inbound'), { inbound: { defaultPolicy: { mode: 'deny' } } }, 'and changes live');
});

t.test('clients without a certificate of this control plane get no stream', async (t) => {
  const { connect, events } = await serve(t, API);
  const workload = { namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'uid-api-1' };
  const stranger = new TestAuthority();
  for (const [what, credentials] of [
    ['none', null],
    ['of another root', stranger.certify(workload)],
    ['expired', authority.certify(workload, { lifetimeMs: -1000 })],
  ] as const) {
    const watch = connect({ credentials });
    await watch.ends();
    t.equal(watch.status, 0, what);
  }
  for (const [what, credentials] of [
    [
      'of another control plane with the same root',
      authority.certify(workload, { domain: { ...domain, controlNamespace: 'other' } }),
    ],
    ['of another trust domain', authority.certify(workload, { domain: { ...domain, trustDomain: 'other.local' } })],
    ['that names no pod', authority.certify({ ...workload, pod: null })],
  ] as const) {
    const watch = connect({ credentials });
    await watch.ends();
    t.equal(watch.status, 403, what);
    t.match(JSON.parse(watch.text), { error: { reason: 'workload_unknown', message: /^the certificate/ } }, what);
  }
  t.equal(events.filter((event) => event.startsWith('refused')).length, 6);
  t.equal(events.filter((event) => event === 'refused workload_unknown').length, 3);
});

t.test('a line that is no message ends that stream alone, with the reason', async (t) => {
  const { connect, open, source, connection } = await serve(t, API);
  const bystander = await subscribed(open, 'api:80');
  const hello = `${JSON.stringify({ type: 'hello', version: 1, features: [], resume: {} })}\n`;
  let uid = 0;
  for (const [what, text, reason] of [
    ['no JSON', 'GET / HTTP/1.1\n', 'message_not_json'],
    ['no object', '5\n', 'message_unknown'],
    ['an unknown type', '{"type":"dance"}\n', 'message_unknown'],
    ['a type of the prototype', '{"type":"__proto__"}\n', 'message_unknown'],
    ['a subscription before the hello', '{"type":"subscribe","target":"api:80"}\n', 'hello_missing'],
    ['an unknown version', '{"type":"hello","version":2,"features":[],"resume":{}}\n', 'version_unsupported'],
    ['features that are none', '{"type":"hello","version":1,"features":{},"resume":{}}\n', 'message_malformed'],
    ['a resume that is none', '{"type":"hello","version":1,"features":[],"resume":[1]}\n', 'message_malformed'],
    ['two hellos', hello + hello, 'message_malformed'],
    ['a target that is no text', `${hello}{"type":"subscribe","target":5}\n`, 'message_malformed'],
    ['a target that is too long', `${hello}{"type":"subscribe","target":"${'a'.repeat(301)}"}\n`, 'message_malformed'],
    ['an ack without version', `${hello}{"type":"ack","target":"api:80"}\n`, 'message_malformed'],
    ['a nack without reason', `${hello}{"type":"nack","target":"api:80","version":"v"}\n`, 'message_malformed'],
  ] as const) {
    uid++;
    const credentials = authority.certify({
      namespace: 'default',
      serviceAccount: 'api',
      pod: `h${uid}`,
      uid: `h${uid}`,
    });
    const watch = connect({ ...connection, credentials });
    watch.sendsText(text);
    let message = await watch.next();
    while (['hello', 'trust', 'revoked'].includes(message?.type ?? '')) message = await watch.next();
    t.match(message, { type: 'error', target: null, reason }, what);
    t.equal(await watch.next(), null, 'then it is over');
  }
  source.put(slice('api', []));
  await bystander.expects('delta');
});

t.test('20 MiB without a line end are cut off; half a line is waited for', async (t) => {
  const { connect, open, server } = await serve(t, API);
  const endless = connect();
  const piece = 'x'.repeat(64 * 1024);
  for (let sent = 0; sent < 20 * 16 && !endless.stream.destroyed; sent++) {
    endless.sendsText(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await endless.ends();
  const watch = await open();
  await watch.expects('inbound');
  watch.sendsText('{"type":"subscr');
  await pause(50);
  watch.sendsText('ibe","target":"api:80"}\n{"type":"heart');
  await watch.expects('snapshot');
  watch.stream.end();
  await watch.ends();
  t.equal(server.streams.size, 0);
});

t.test('a target that is no address is unknown, and a flood of targets is refused one by one', async (t) => {
  const { open } = await serve(t, API);
  const watch = await open();
  await watch.expects('inbound');
  watch.sends({ type: 'subscribe', target: '../../etc' });
  t.match(await watch.expects('snapshot'), { target: '../../etc', outbound: null });
  for (let at = 0; at < 9_998; at++) watch.sends({ type: 'subscribe', target: `10.1.${at >> 8}.${at & 255}:80` });
  for (let at = 0; at < 9_998; at++) await watch.expects('snapshot');
  watch.sends({ type: 'subscribe', target: 'api:80' });
  t.match(
    await watch.expects('error'),
    { target: 'api:80', reason: 'too_many_targets' },
    'inbound and the first target count',
  );
  watch.sends({ type: 'unsubscribe', target: '10.1.0.0:80' }, { type: 'subscribe', target: 'api:80' });
  t.match(await watch.expects('snapshot'), { target: 'api:80' });
});

t.test('a reader that stops reading costs the others nothing and gets the newest state when it reads on', async (t) => {
  const many = Array.from({ length: 500 }, (_, at) => [`p${at}`, `10.245.${at >> 8}.${at & 255}`] as const);
  const { open, source, events, connection } = await serve(t, [
    service('api', '10.96.0.1'),
    ...many.map(([name, ip]) => pod(name, ip)),
    slice('api', many),
  ]);
  const slow = await open();
  const quick = await open({
    ...connection,
    credentials: authority.certify({ namespace: 'default', serviceAccount: 'api', pod: 'quick', uid: 'quick' }),
  });
  for (const watch of [slow, quick]) {
    watch.sends({ type: 'subscribe', target: 'api:80' });
    await watch.expects('snapshot');
  }
  slow.stream.pause();
  for (let round = 0; round < 30; round++) {
    const protocol = round % 2 === 0 ? 'http' : 'grpc';
    source.put(service('api', '10.96.0.1', { port: { appProtocol: protocol } }));
    const message = await quick.expects('snapshot');
    t.equal(message.outbound?.protocol, protocol === 'http' ? 'http1' : 'grpc');
  }
  source.put(service('api', '10.96.0.1', { port: { appProtocol: 'tcp' } }));
  await quick.expects('snapshot');
  t.ok(events.includes('skip'), 'versions were left out');
  slow.stream.resume();
  let last = await slow.expects('snapshot');
  let count = 1;
  while (last.outbound?.protocol !== 'opaque') {
    last = await slow.expects('snapshot');
    count++;
  }
  t.ok(count < 31, `${count} of 31 versions`);
});

t.test('a new bundle reaches every proxy, and half a file does not', async (t) => {
  const { open, bundle } = await serve(t, API);
  const watch = await open();
  await watch.expects('inbound');
  writeFileSync(bundle, authority.bundle.slice(0, 200));
  await pause(1200);
  const next = `${authority.bundle}${new TestAuthority().bundle}`;
  writeFileSync(bundle, next);
  t.match(await watch.expects('trust'), { bundle: next });
});

t.test('a client of a root that was added is let in without a restart', async (t) => {
  const { open, bundle, connection } = await serve(t, API);
  const watch = await open();
  const added = new TestAuthority();
  const credentials = added.certify({ namespace: 'default', serviceAccount: 'api', pod: 'b', uid: 'b' });
  writeFileSync(bundle, `${authority.bundle}${added.bundle}`);
  await watch.expectsAll(['inbound', 'trust']);
  const other = await open({ ...connection, credentials });
  await other.expects('inbound').catch(() => {});
  t.equal(other.status, 200);
});

t.test('who is revoked is told to everybody, cut off, and not served again', async (t) => {
  const { open, connect, source, server, events } = await serve(t, API);
  const bystander = await open();
  await bystander.expects('inbound');
  const certify = (serviceAccount: string) =>
    authority.certify({ namespace: 'default', serviceAccount, pod: serviceAccount, uid: serviceAccount });
  for (const { revoked, by } of [
    { revoked: certify('web'), by: () => ({ identities: 'spiffe://cluster.local/ns/default/sa/web # stolen' }) },
    {
      revoked: certify('worker'),
      by: (cert: string) => ({ serials: `\n${new X509Certificate(cert).serialNumber.toLowerCase()}` }),
    },
  ]) {
    const watch = await open({ credentials: revoked });
    source.put(revocations('default', by(revoked.chain)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.equal(server.streams.size, 2, 'a ConfigMap of another namespace says nothing');
    source.put(revocations('weft', by(revoked.chain)));
    const told = await bystander.expects('revoked');
    t.equal([...told.revocations.serials, ...told.revocations.identities].length, 1);
    bystander.sends({ type: 'ack', target: 'revoked', version: told.version });
    await watch.ends();
    const again = connect({ credentials: revoked });
    await again.ends();
    t.equal(again.status, 403);
  }
  for (const event of ['end revoked', 'refused revoked'])
    t.equal(events.filter((each) => each === event).length, 2, event);
  const statuses = [...server.streams.keys()].map((stream) => stream.status());
  t.match(statuses, [[{ target: 'trust' }, { target: 'revoked', applied: /./ }, { target: 'inbound' }]]);
  source.remove('RevocationList', 'weft-revocations', 'weft');
  t.same((await bystander.expects('revoked')).revocations, NO_REVOCATIONS);
});

t.test('a proxy that comes back takes the place of its older stream', async (t) => {
  const { open, events } = await serve(t, API);
  const first = await open();
  const second = await open();
  await first.ends();
  await second.expects('inbound');
  t.ok(events.includes('end replaced'));
  const third = await open();
  await second.ends();
  await third.expects('inbound');
  t.equal(events.filter((event) => event === 'end replaced').length, 2, 'however often it does');
});

t.test('a client that ends its stream is told from one whose connection breaks', async (t) => {
  const { open, events } = await serve(t, API);
  const workload = (uid: string) => ({ namespace: 'default', serviceAccount: 'api', pod: uid, uid });
  const leave = async (uid: string, how: (watch: TestWatch) => void) => {
    const watch = await open({ credentials: authority.certify(workload(uid)) });
    const { length } = events;
    how(watch);
    await eventually(() => events.length > length);
    return events.slice(length);
  };
  t.same(await leave('a', (watch) => watch.stream.end()), ['end client_ended']);
  t.same(await leave('b', (watch) => watch.session.destroy()), ['end client_closed']);
});

t.test('a stream ends with the certificate that it was opened with', async (t) => {
  const { open, events } = await serve(t, API);
  const workload = { namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'uid-api-1' };
  const watch = await open({ credentials: authority.certify(workload, { lifetimeMs: 1500 }) });
  await watch.ends();
  t.ok(events.includes('end certificate_expired'));
});

t.test('a drain ends the streams one by one and takes no new one', async (t) => {
  const { open, server, connection } = await serve(t, API);
  const watches = [];
  for (let at = 0; at < 5; at++) {
    const credentials = authority.certify({
      namespace: 'default',
      serviceAccount: 'api',
      pod: `p${at}`,
      uid: `p${at}`,
    });
    watches.push(await open({ ...connection, credentials }));
  }
  let at = 0;
  const drained = server.drain(300, () => at++ / 5);
  await watches[0]!.ends();
  t.equal(server.streams.size, 4);
  await drained;
  await Promise.all(watches.map((watch) => watch.ends()));
  t.equal(server.streams.size, 0);
});

t.test('a new certificate of the server is used at once, without closing a stream', async (t) => {
  const { open, server, source, connection } = await serve(t, API);
  const before = await subscribed(open, 'api:80');
  server.setCertificate(authority.serving('weft-destination'));
  const credentials = authority.certify({ namespace: 'default', serviceAccount: 'api', pod: 'b', uid: 'b' });
  const after = await open({ ...connection, credentials });
  const serial = (watch: TestWatch) => (watch.session.socket as unknown as TLSSocket).getPeerCertificate().serialNumber;
  t.not(serial(before), serial(after));
  source.put(slice('api', []));
  await before.expects('delta');
});

t.test('every connection proves its certificate anew', async (t) => {
  const { port, connection } = await serve(t, API);
  const { chain, key } = connection.credentials;
  const handshake = (session?: Buffer) =>
    new Promise<{ socket: TLSSocket; session: Buffer | null }>((resolve) => {
      const options = {
        cert: chain,
        key,
        ca: authority.bundle,
        checkServerIdentity: () => undefined,
        ALPNProtocols: ['h2'],
      };
      const socket = connect({ port, host: '127.0.0.1', ...options, ...(session && { session }) });
      let ticket: Buffer | null = null;
      socket.on('session', (bytes) => {
        ticket = bytes;
      });
      socket.on('data', () => {});
      socket.once('secureConnect', () => setTimeout(() => resolve({ socket, session: ticket }), 100));
    });
  const first = await handshake();
  const second = await handshake(first.session ?? first.socket.getSession());
  t.notOk(second.socket.isSessionReused());
  first.socket.destroy();
  second.socket.destroy();
});

t.test('any other request is told where the watch is, and one that is none what is wrong', async (t) => {
  const { connect } = await serve(t, API);
  const { session } = connect();
  const ask = async (headers: Record<string, string>) => {
    const stream = session.request(headers);
    stream.setEncoding('utf8').end(headers[':method'] === 'POST' ? 'x' : undefined);
    const status = await new Promise((resolve) => stream.once('response', (answer) => resolve(answer[':status'])));
    let text = '';
    for await (const piece of stream) text += piece;
    return { status, ...JSON.parse(text) };
  };
  t.match(await ask({ ':path': '/metrics' }), { status: 404, error: { reason: 'not_found', message: /v1\/watch/ } });
  t.match(await ask({ ':method': 'POST', ':path': WATCH_PATH, 'content-type': 'text/other' }), {
    status: 415,
    error: { reason: 'request_malformed', message: /Media Type/ },
  });
});

/** A stream that has its inbound configuration and the first state of a target. */
async function subscribed(open: () => Promise<TestWatch>, target: string): Promise<TestWatch> {
  const watch = await open();
  await watch.expects('inbound');
  watch.sends({ type: 'subscribe', target });
  await watch.expects('snapshot');
  return watch;
}

async function eventually(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await pause(5);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

t.test('serves on IPv4 where the kernel has no IPv6', async (t) => {
  withoutIpv6(t);
  const { open, address } = await serveWatch(t, authority, API, { host: '::', port: 0 });
  t.match(address, /^0\.0\.0\.0:\d+$/);
  t.ok(await (await open()).expects('inbound'));
});

t.test('clients of different nodes and zones are told what is near them, also when that changes', async (t) => {
  const node = (name: string, zone: string) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
  });
  const near = (spec: object) => service('api', '10.96.0.1', { spec });
  const endpoints = (hints: boolean) =>
    slice('api', [
      ['api-1', '10.244.0.1', { nodeName: 'a', ...(hints && { hints: { forZones: [{ name: 'west' }] } }) }],
      ['api-2', '10.244.0.2', { nodeName: 'b', ...(hints && { hints: { forZones: [{ name: 'east' }] } }) }],
    ]);
  const { open, source, connection } = await serve(t, [
    node('a', 'west'),
    node('b', 'east'),
    near({}),
    pod('api-1', '10.244.0.1', { spec: { nodeName: 'a' } }),
    pod('api-2', '10.244.0.2', { spec: { nodeName: 'b' } }),
    endpoints(false),
  ]);
  const second = { namespace: 'default', serviceAccount: 'api', pod: 'api-2', uid: 'uid-api-2' };
  const watches = [await open(), await open({ ...connection, credentials: authority.certify(second) })];
  const told = (watch: TestWatch) =>
    watch
      .expects('snapshot')
      .then(({ outbound }) => outbound?.backends['']?.endpoints.map(({ labels }) => labels.dst_pod));
  for (const watch of watches) {
    await watch.expects('inbound');
    watch.sends({ type: 'subscribe', target: '10.96.0.1:80' });
    t.same(await told(watch), ['api-1', 'api-2']);
  }
  source.put(endpoints(true));
  t.same(await Promise.all(watches.map(told)), [['api-1'], ['api-2']], 'hints for zones');
  source.put(near({ internalTrafficPolicy: 'Local' }), endpoints(false));
  t.same(await Promise.all(watches.map(told)), [['api-1'], ['api-2']], 'each node for itself');
});
