import * as http from 'node:http';
import type * as net from 'node:net';
import t, { type Test } from 'tap';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { TokenIssuer } from '../../core/testing/token-issuer.ts';
import { freePort } from '../../test/support/free-port.ts';
import type { FetchedKeys } from '../objects/fetched-keys.ts';
import { clusterOf } from '../testing/cluster.ts';
import { istioSecurity } from '../testing/manifests.ts';
import { fetchKeys, type GotKeys, type KeyRequest } from './fetch-keys.ts';
import { KeyKeeper } from './key-keeper.ts';

const issuer = new TokenIssuer('ES256');
const SET = TokenIssuer.keySet(issuer);

/** A server of keys. @returns its URL */
async function serve(t: Test, listener: http.RequestListener): Promise<string> {
  const server = http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

const get = (url: string, more: Partial<KeyRequest> = {}) =>
  fetchKeys({ url, kind: 'url', issuer: 'me', timeoutMs: 2000, ...more }, new AbortController().signal);

t.test('keys are got, with how long they are good for', async (t) => {
  const url = await serve(t, (_, answer) => answer.writeHead(200, { 'cache-control': 'public, max-age=600' }).end(SET));
  t.match(await get(url), { keys: [{ kty: 'EC', kid: issuer.kid }], maxAgeMs: 600_000 });
  const plain = await serve(t, (_, answer) => answer.end(SET));
  t.match(await get(plain), { maxAgeMs: null });
});

t.test('a key set may be as long as its bound, and no longer', async (t) => {
  const ofLength = async (octets: number) => get(await serve(t, (_, answer) => answer.end(SET.padEnd(octets))));
  t.match(await ofLength(262_144), { keys: { length: 1 } });
  await t.rejects(ofLength(262_145), { message: 'the answer is longer than 262144 octets' });
});

t.test('an issuer’s description names its keys, where it is the issuer’s', async (t) => {
  const url: string = await serve(t, ({ url: path }, answer) => {
    if (path === '/keys') answer.end(SET);
    else answer.end(JSON.stringify({ issuer: 'me', jwks_uri: `${url}/keys` }));
  });
  t.match(await get(url, { kind: 'discovery' }), { keys: [{ kid: issuer.kid }] });
  await t.rejects(get(url, { kind: 'discovery', issuer: 'you' }), {
    message: 'what is there describes another issuer',
  });
});

t.test('an answer that is none says why, and nothing of what it has', async (t) => {
  const of = async (listener: http.RequestListener, more: Partial<KeyRequest> = {}) => {
    const url = await serve(t, listener);
    return get(url, more).then(
      () => 'got',
      (error: Error) => error.message,
    );
  };
  t.equal(await of((_, answer) => answer.writeHead(404).end('secret')), 'the answer has status 404');
  t.equal(await of((_, answer) => answer.end('secret')), 'what is there is no JSON');
  t.match(await of((_, answer) => answer.end('{"keys":[]}')), 'what is there has no key');
  t.equal(await of((_, answer) => answer.end(Buffer.alloc(300_000))), 'the answer is longer than 262144 octets');
  t.equal(await of(() => {}, { timeoutMs: 50 }), 'no answer within 50 ms');
  t.equal(
    await of(
      (_, answer) => {
        answer.write('{');
      },
      { timeoutMs: 50 },
    ),
    'no answer within 50 ms',
    'an answer that never ends',
  );
  const nobody = `http://127.0.0.1:${await freePort()}`;
  t.equal(await get(nobody).catch((error: Error) => error.message), 'ECONNREFUSED');
});

t.test('redirects are followed a few times, to http and https alone', async (t) => {
  const target = await serve(t, (_, answer) => answer.end(SET));
  const to = async (location: string) => {
    const url = await serve(t, (_, answer) => answer.writeHead(302, { location }).end());
    return get(url).then(
      () => 'got',
      (error: Error) => error.message,
    );
  };
  t.equal(await to(target), 'got');
  t.equal(await to('file:///etc/passwd'), 'it leads to a URL of file:, which is not followed');
  t.equal(await to('data:application/json,{}'), 'it leads to a URL of data:, which is not followed');
  t.equal(await to('/'), 'more than 3 redirects');
});

/** What a keeper makes of RequestAuthentications, with a source that the test answers for. */
function keeping(t: Test, ...objects: readonly object[]) {
  const { source } = clusterOf(...objects);
  const clock = new FakeClock();
  const asked: KeyRequest[] = [];
  const told: [string, FetchedKeys | null][] = [];
  let answer: () => Promise<GotKeys> = () => Promise.reject(new Error('away'));
  const keeper = new KeyKeeper({
    objects: source.objects,
    clock,
    fetch: (request) => {
      asked.push(request);
      return answer();
    },
    onFetched: (url, fetched) => told.push([url, fetched]),
  });
  t.teardown(() => keeper.close());
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const after = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { source, asked, told, after, settled, use: (next: typeof answer) => (answer = next) };
}

const URL = 'https://issuer.example/keys';
const authentication = (rule: object) =>
  istioSecurity('RequestAuthentication', 'a', { jwtRules: [{ issuer: 'https://issuer.example', ...rule }] });
const KEYS = [{ kty: 'OKP', crv: 'Ed25519', x: 'x' }] as const;

t.test('each source is asked once, with the time that it is given', async (t) => {
  const { asked } = keeping(
    t,
    authentication({ jwksUri: URL, timeout: '1s' }),
    istioSecurity('RequestAuthentication', 'b', {
      jwtRules: [
        { issuer: 'b', jwksUri: URL, timeout: '3s' },
        { issuer: 'https://c.example/' },
        { issuer: 'd', jwks: SET },
      ],
    }),
  );
  t.match(asked, [
    { url: URL, kind: 'url', timeoutMs: 3000 },
    { url: 'https://c.example/.well-known/openid-configuration', kind: 'discovery', issuer: 'https://c.example/' },
  ]);
});

t.test('keys are asked for anew as their answer says, from 5 to 20 minutes later', async (t) => {
  const { asked, after, settled, use } = keeping(t, authentication({ jwksUri: URL }));
  await settled();
  for (const [maxAgeMs, minutes] of [
    [null, 5],
    [1000, 5],
    [600_000, 10],
    [86_400_000, 20],
  ] as const) {
    use(() => Promise.resolve({ keys: KEYS, maxAgeMs }));
    await after(20 * 60_000);
    const before = asked.length;
    await after(minutes * 60_000 - 1);
    t.equal(asked.length, before, `${maxAgeMs}: not before`);
    await after(1);
    t.equal(asked.length, before + 1, `${maxAgeMs}`);
  }
});

t.test('a source that is away is asked again soon, and what it gave stays', async (t) => {
  const { asked, told, after, settled, use } = keeping(t, authentication({ jwksUri: URL }));
  await settled();
  t.same(told, [[URL, { keys: null, fault: 'away' }]]);
  await after(1000);
  t.equal(asked.length, 2);
  t.equal(told.length, 1, 'the same is not told twice');
  use(() => Promise.resolve({ keys: KEYS, maxAgeMs: null }));
  await after(2000);
  t.same(told.at(-1), [URL, { keys: KEYS, fault: '' }]);
  use(() => Promise.reject(new Error('away again')));
  await after(5 * 60_000);
  t.same(told.at(-1), [URL, { keys: KEYS, fault: 'away again' }]);
});

t.test('what nobody names any more is forgotten', async (t) => {
  const { source, asked, told, after, settled } = keeping(t, authentication({ jwksUri: URL }));
  await settled();
  source.put(authentication({ jwks: SET }));
  t.same(told.at(-1), [URL, null]);
  await after(60 * 60_000);
  t.equal(asked.length, 1);
});
