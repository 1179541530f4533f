/**
 * End users by their JSON Web Tokens, as destination reads RequestAuthentications and a proxy enforces them: real sockets, tokens
 * that are signed here, and a source of keys that turns them round.
 */
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type * as net from 'node:net';
import t, { type Test } from 'tap';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { TokenIssuer } from '../../core/testing/token-issuer.ts';
import { fetchKeys } from '../../destination/keys/fetch-keys.ts';
import { KeyKeeper } from '../../destination/keys/key-keeper.ts';
import { clusterOf } from '../../destination/testing/cluster.ts';
import { istioSecurity } from '../../destination/testing/manifests.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import { request } from '../support/http-request.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
/** No address of the pod's own. */
const STRANGER = '127.0.0.2';
const ISSUER = 'https://issuer.example';
const issuer = new TokenIssuer('RS256');

const authentication = (rule: object = {}) =>
  istioSecurity('RequestAuthentication', 'users', {
    selector: { matchLabels: { app: 'api' } },
    jwtRules: [{ issuer: ISSUER, jwks: TokenIssuer.keySet(issuer), ...rule }],
  });
const policy = (action: string, rule: object, name = 'users') =>
  istioSecurity('AuthorizationPolicy', name, { action, rules: [rule] });

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const tokenOf = (claims: object = {}) => issuer.token({ iss: ISSUER, sub: 'alice', exp: inAnHour(), ...claims });

/** The proxy of a pod that answers what it was asked, and what is known of the keys at URLs, live. */
async function pod(t: Test, ...objects: readonly object[]) {
  const application = http.createServer((asked, answer) => {
    if (asked.url === '/goes-on') answer.write('begun');
    else answer.end(JSON.stringify({ url: asked.url, headers: asked.headers }));
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const { port } = application.address() as net.AddressInfo;
  const proxy = new TestProxy('api', authority);
  const { inquiry, cluster, source, complaints } = clusterOf(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name: 'api-1', labels: { app: 'api' } },
      spec: { serviceAccountName: 'api', containers: [{ name: 'api', ports: [{ containerPort: port }] }] },
      status: { phase: 'Running', podIP: '127.0.0.1' },
    },
    ...objects,
  );
  const update = () => {
    complaints.length = 0;
    proxy.ports.update(inboundConfig(inquiry, [...source.objects.list('Pod')][0]!));
  };
  update();
  const inbound = await proxy.listenInbound(port);
  const clock = new FakeClock();
  const keeper = new KeyKeeper({
    objects: source.objects,
    clock,
    fetch: fetchKeys,
    onFetched: (url, fetched) => {
      cluster.applyKeys(url, fetched);
      update();
    },
  });
  t.teardown(() => {
    keeper.close();
    proxy.close();
    application.close();
    application.closeAllConnections();
  });
  const ask = async (headers: http.OutgoingHttpHeaders = {}, more: http.RequestOptions = {}) => {
    const options = { localAddress: STRANGER, ...more, headers: { host: 'api', ...headers } };
    const answer = await request(inbound, options);
    const heard = answer.status === 200 ? (JSON.parse(answer.body.toString()) as Heard) : { url: '', headers: {} };
    return { ...answer, heard };
  };
  const bearing = (text: string, more: { path?: string } = {}) => ask({ authorization: `Bearer ${text}` }, more);
  const put = (...next: readonly object[]) => {
    source.put(...next);
    update();
  };
  return { proxy, port, inbound, ask, bearing, put, clock, complaints };
}

interface Heard {
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
}

t.test('who shows no token is let on, who shows a bad one gets 401, and a good one is taken off', async (t) => {
  const { ask, bearing, proxy } = await pod(t, authentication());
  t.equal((await ask()).status, 200);
  const good = await bearing(tokenOf(), { path: '/a?b=c' });
  t.equal(good.status, 200);
  t.equal(good.heard.headers.authorization, undefined);
  const inQuery = await ask({}, { path: `/a?access_token=${tokenOf()}&b=c` });
  t.match(inQuery, { status: 200, heard: { url: '/a?b=c' } });
  const bad = await bearing(tokenOf({ exp: 1 }), { path: '/a?b=c' });
  t.equal(bad.status, 401);
  t.equal(bad.headers['www-authenticate'], 'Bearer realm="http://api/a", error="invalid_token"');
  t.equal(bad.body.length, 0, 'a stranger is not told why');
  t.match(proxy.failures.entries.at(-1), {
    reason: 'token_invalid',
    message: 'RequestAuthentication/default/users spec.jwtRules[0] refuses it: it has a token that has expired',
  });
  const text = proxy.metrics.registry.text();
  t.match(
    text,
    /inbound_http_authz_deny_total\{[^}]*authz_kind="requestauthentication"[^}]*authz_name="users"[^}]*\} 1/,
  );
});

t.test('a token for somebody else gets 403, as from Envoy', async (t) => {
  const { bearing } = await pod(t, authentication({ audiences: ['api'] }));
  t.equal((await bearing(tokenOf({ aud: 'web' }))).status, 403);
  t.equal((await bearing(tokenOf({ aud: ['web', 'api'] }))).status, 200);
});

t.test('a policy that demands a token refuses who shows none with 403', async (t) => {
  const { ask, bearing } = await pod(
    t,
    authentication(),
    policy('ALLOW', { from: [{ source: { requestPrincipals: [`${ISSUER}/alice`] } }] }),
  );
  t.equal((await ask()).status, 403);
  t.equal((await bearing(tokenOf())).status, 200);
  t.equal((await bearing(tokenOf({ sub: 'bob' }))).status, 403);
  t.equal((await bearing('forged')).status, 401, 'a token that is none comes first');
});

t.test('claims are asked for, nested ones and lists, to let in and to refuse', async (t) => {
  const { bearing, ask, put } = await pod(
    t,
    authentication(),
    policy('ALLOW', {
      when: [
        { key: 'request.auth.claims[groups]', values: ['admin', 'op*'] },
        { key: 'request.auth.claims[org][team]', values: ['blue'] },
        { key: 'request.auth.audiences', values: ['api'] },
        { key: 'request.auth.presenter', notValues: ['rogue'] },
        { key: 'request.auth.claims[scope]', values: ['write'] },
      ],
    }),
  );
  const claims = { groups: ['users', 'ops'], org: { team: 'blue' }, aud: 'api', azp: 'app', scope: 'read write' };
  const status = async (more: object = {}) => (await bearing(tokenOf({ ...claims, ...more }))).status;
  t.equal(await status(), 200);
  t.equal(await status({ groups: ['users'] }), 403);
  t.equal(await status({ groups: 'admin' }), 200);
  t.equal(await status({ org: { team: 'red' } }), 403);
  t.equal(await status({ org: 'blue' }), 403);
  t.equal(await status({ aud: 'web' }), 403);
  t.equal(await status({ azp: 'rogue' }), 403);
  t.equal(await status({ azp: undefined }), 200);
  t.equal(await status({ scope: 'read' }), 403);
  put(policy('DENY', { from: [{ source: { notRequestPrincipals: ['*'] } }] }));
  t.equal((await ask()).status, 403, 'whoever has no token');
  t.equal(await status(), 200);
  put(policy('DENY', { when: [{ key: 'request.auth.claims[groups]', values: ['banned'] }] }));
  t.equal((await ask()).status, 200);
  t.equal(await status({ groups: ['banned'] }), 403);
});

t.test('headers of claims are the token’s, and nobody lends himself one', async (t) => {
  const { ask, bearing } = await pod(
    t,
    authentication({
      forwardOriginalToken: true,
      outputPayloadToHeader: 'X-Payload',
      outputClaimToHeaders: [{ header: 'X-Sub', claim: 'sub' }],
    }),
  );
  const lent = await ask({ 'x-sub': 'mallory', x_sub: 'mallory', 'X-PAYLOAD': 'e30' });
  t.equal(lent.status, 200);
  for (const name of ['x-sub', 'x_sub', 'x-payload']) t.equal(lent.heard.headers[name], undefined, name);
  const text = tokenOf();
  const { heard } = await ask({ authorization: `Bearer ${text}`, 'x-sub': 'mallory' });
  t.match(heard.headers, { 'x-sub': 'alice', 'x-payload': text.split('.')[1]!, authorization: `Bearer ${text}` });
  t.equal((await bearing(tokenOf())).status, 200);
});

t.test('a token that has expired on an open connection is taken no more', async (t) => {
  const { ask } = await pod(t, authentication());
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  // Clocks may differ by a minute, so that it has a second or two left.
  const exp = Math.floor(Date.now() / 1000) - 58;
  const authorization = `Bearer ${tokenOf({ exp })}`;
  t.equal((await ask({ authorization }, { agent })).status, 200);
  t.equal((await ask({ authorization }, { agent })).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  t.equal((await ask({ authorization }, { agent })).status, 401);
});

t.test('keys of a URL are fetched, turned round, and kept while it is away', async (t) => {
  const [first, second] = [new TokenIssuer('ES256', 'first'), new TokenIssuer('EdDSA', 'second')];
  let keys: string | null = null;
  let asked = 0;
  const source = http.createServer((_, answer) => {
    asked++;
    if (keys === null) answer.writeHead(503).end('secret');
    else answer.writeHead(200, { 'cache-control': 'public, max-age=60' }).end(keys);
  });
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
  t.teardown(() => source.close());
  const url = `http://127.0.0.1:${(source.address() as net.AddressInfo).port}/keys`;
  const { bearing, ask, clock, complaints } = await pod(t, authentication({ jwks: undefined, jwksUri: url }));
  const claims = { iss: ISSUER, sub: 'alice', exp: inAnHour() };
  const statuses = async () => [
    (await bearing(first.token(claims))).status,
    (await bearing(second.token(claims))).status,
  ];
  const fetched = async (ms: number) => {
    const before = asked;
    clock.advance(ms);
    while (asked === before) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  while (complaints.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.same(await statuses(), [401, 401], 'no key is known');
  t.equal((await ask()).status, 200, 'who shows none is let on');
  t.match(complaints, [
    new RegExp(`the keys of ${url} cannot be got: the answer has status 503; until then every token`),
  ]);
  keys = TokenIssuer.keySet(first);
  await fetched(1000);
  t.same(await statuses(), [200, 401]);
  t.same(complaints, []);
  keys = TokenIssuer.keySet(first, second);
  await fetched(5 * 60_000);
  t.same(await statuses(), [200, 200], 'a key has come');
  keys = TokenIssuer.keySet(second);
  await fetched(5 * 60_000);
  t.same(await statuses(), [401, 200], 'a key has gone');
  keys = null;
  await fetched(5 * 60_000);
  t.same(await statuses(), [401, 200], 'the source is away');
  t.match(complaints, [/status 503; the keys that were got before stay in use/]);
});

t.test('a RequestAuthentication that cannot be read refuses everybody until it is mended', async (t) => {
  const { ask, bearing, put } = await pod(t, authentication({ jwks: 'none' }));
  t.equal((await ask()).status, 403);
  t.equal((await bearing(tokenOf())).status, 403);
  put(authentication());
  t.equal((await ask()).status, 200);
  put(authentication({ issuer: 7 }));
  t.equal((await bearing(tokenOf())).status, 200, 'the last that could be read holds');
});

t.test('what goes on with a token that a change makes a bad one ends', async (t) => {
  const { bearing, put, inbound } = await pod(t, authentication());
  const text = tokenOf();
  const begun = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const headers = { host: 'api', authorization: `Bearer ${text}` };
    const asked = http.get({ port: inbound, localAddress: STRANGER, path: '/goes-on', headers, agent: false }, resolve);
    asked.on('error', reject);
  });
  const ended = new Promise((resolve) => begun.on('error', resolve).on('end', resolve).resume());
  put(authentication({ jwks: TokenIssuer.keySet(issuer, new TokenIssuer('ES256')) }));
  t.equal(begun.destroyed, false, 'its key is there still');
  put(authentication({ jwks: TokenIssuer.keySet(new TokenIssuer('RS256')) }));
  await ended;
  t.equal((await bearing(text)).status, 401);
});

t.test('a peer hears why, its proxy blames nobody for it, and gRPC gets the status of gRPC', async (t) => {
  const { proxy, port } = await pod(t, authentication());
  const tls = { ...endpoint(port, 'api').tls!, mode: 'direct', inboundPort: await proxy.listenDirect() } as const;
  const peer = new TestProxy('web', authority);
  t.teardown(() => peer.close());
  peer.describe('10.96.0.1:80', service('api', [{ ...endpoint(port, 'api'), tls }], { protocol: 'http1' }));
  const outbound = await peer.listenOutbound();
  const ask = (text: string) => request(outbound, { headers: { host: 'api', authorization: `Bearer ${text}` } });
  for (let i = 0; i < 10; i++) {
    const refused = await ask('forged');
    t.match(refused, { status: 401, headers: { 'weft-proxy-error': 'token_invalid' } });
    t.match(refused.body.toString(), 'is not of the form header.payload.signature');
  }
  t.equal((await ask(tokenOf())).status, 200);
  const client = http2.connect(`http://127.0.0.1:${outbound}`);
  t.teardown(() => client.close());
  const stream = client.request({
    ':method': 'POST',
    ':path': '/a.B/C',
    ':authority': 'api',
    'content-type': 'application/grpc',
    authorization: 'Bearer forged',
  });
  const [head] = (await once(stream.end(), 'response')) as [http2.IncomingHttpHeaders];
  t.match(head, { ':status': 200, 'grpc-status': '16', 'www-authenticate': /error="invalid_token"/ });
});

t.test('who has to prove who it is hears nothing of its token before it has', async (t) => {
  const strict = istioSecurity('PeerAuthentication', 'strict', { mtls: { mode: 'STRICT' } });
  const { ask } = await pod(t, authentication(), strict);
  await t.rejects(ask({ authorization: 'Bearer forged' }), { code: 'ECONNRESET' });
});
