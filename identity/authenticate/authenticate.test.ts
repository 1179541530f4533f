import { sign } from 'node:crypto';
import t from 'tap';

import { generateKeyPair } from '../../core/pki/key-pair.ts';
import { systemClock } from '../../core/time/clock.ts';
import { Refusal } from '../refusal.ts';
import type { AuthenticatedWorkload, Authenticator } from './authenticator.ts';
import { EmbeddedTokenAuthenticator } from './embedded-token.ts';
import { TokenReviewAuthenticator } from './token-review.ts';

const NOW = Date.UTC(2026, 10, 23);
const SECONDS = NOW / 1000;
const key = generateKeyPair();
const embedded = new EmbeddedTokenAuthenticator({
  key: key.publicKey,
  issuer: 'weft',
  clock: { ...systemClock, now: () => NOW },
});
const KUBERNETES = {
  namespace: 'shop',
  pod: { name: 'web-1', uid: 'a1b2' },
  serviceaccount: { name: 'web', uid: 'c3d4' },
};
const WEB: AuthenticatedWorkload = {
  identity: { namespace: 'shop', serviceAccount: 'web' },
  pod: { pod: 'web-1', uid: 'a1b2' },
};

/** Whose a token is, or why it is refused. */
async function verdict(authenticator: Authenticator, token: string): Promise<AuthenticatedWorkload | string> {
  const answer = await authenticator.authenticate(token);
  return answer instanceof Refusal ? answer.reason : answer;
}

function withClaims(change: object): Promise<AuthenticatedWorkload | string> {
  const claims = { iss: 'weft', aud: ['identity.weft.dev'], exp: SECONDS + 60, 'kubernetes.io': KUBERNETES, ...change };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return verdict(embedded, `${signed}.${signature.toString('base64url')}`);
}

t.test('a token of the operator names its service account and pod', async (t) => {
  t.same(await withClaims({}), WEB);
});

t.test('it is made for this audience, alone or among others', async (t) => {
  t.same(await withClaims({ aud: 'identity.weft.dev' }), WEB);
  t.same(await withClaims({ aud: ['api', 'identity.weft.dev'] }), WEB);
  for (const aud of ['api', ['api'], [], '', undefined, { 0: 'identity.weft.dev' }])
    t.equal(await withClaims({ aud }), 'token_audience_mismatch');
});

t.test('it is valid until its expiry and a minute, and from its beginning less a minute', async (t) => {
  t.same(await withClaims({ exp: SECONDS - 59 }), WEB);
  t.equal(await withClaims({ exp: SECONDS - 60 }), 'token_expired');
  t.equal(await withClaims({ exp: `${SECONDS + 60}` }), 'token_expired', 'a text is no time');
  t.same(await withClaims({ nbf: SECONDS + 60 }), WEB);
  t.equal(await withClaims({ nbf: SECONDS + 61 }), 'token_not_yet_valid');
  t.equal(await withClaims({ nbf: '0' }), 'token_not_yet_valid');
});

t.test('it comes from the issuer that is expected', async (t) => {
  for (const iss of ['other', '', undefined]) t.equal(await withClaims({ iss }), 'token_issuer_unknown');
});

t.test('it names a namespace, a service account, and a pod by name and UID', async (t) => {
  const withKubernetes = (change: object) => withClaims({ 'kubernetes.io': { ...KUBERNETES, ...change } });
  for (const change of [
    { namespace: '' },
    { namespace: 7 },
    { serviceaccount: { name: '' } },
    { serviceaccount: null },
  ])
    t.equal(await withKubernetes(change), 'token_not_service_account', JSON.stringify(change));
  for (const pod of [
    undefined,
    null,
    'web-1',
    { name: 'web-1' },
    { uid: 'a1b2' },
    { name: '', uid: 'a' },
    { name: 'a', uid: '' },
  ])
    t.equal(await withKubernetes({ pod }), 'token_without_pod', JSON.stringify(pod));
  t.equal(await withClaims({ 'kubernetes.io': null }), 'token_not_service_account');
});

t.test('names are of 253 characters at most', async (t) => {
  const [most, more] = ['a'.repeat(253), 'a'.repeat(254)];
  const withKubernetes = (change: object) => withClaims({ 'kubernetes.io': { ...KUBERNETES, ...change } });
  t.match(await withKubernetes({ namespace: most }), { identity: { namespace: most } });
  t.equal(await withKubernetes({ namespace: more }), 'token_not_service_account');
  t.equal(await withKubernetes({ pod: { name: more, uid: 'a' } }), 'token_without_pod');
});

const asked: unknown[] = [];

/** The verdict where the API server answers so; what it was asked is noted. */
async function reviewed(status: unknown): Promise<AuthenticatedWorkload | string> {
  const create = async (path: string, object: unknown) => {
    asked.push([path, object]);
    return status === undefined ? undefined : { status };
  };
  return verdict(new TokenReviewAuthenticator({ create }), 'x.y.z');
}

const USER = {
  username: 'system:serviceaccount:shop:web',
  extra: { 'authentication.kubernetes.io/pod-name': ['web-1'], 'authentication.kubernetes.io/pod-uid': ['a1b2'] },
};
const STATUS = { authenticated: true, audiences: ['identity.weft.dev'], user: USER };

t.test('the API server is asked whose a token is, for this audience', async (t) => {
  t.same(await reviewed(STATUS), WEB);
  t.same(asked, [
    [
      '/apis/authentication.k8s.io/v1/tokenreviews',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: 'x.y.z', audiences: ['identity.weft.dev'] },
      },
    ],
  ]);
  t.same(await reviewed({ ...STATUS, audiences: ['api', 'identity.weft.dev'] }), WEB);
  for (const audiences of [undefined, null, [], ['api'], 'identity.weft.dev'])
    t.equal(await reviewed({ ...STATUS, audiences }), 'token_audience_mismatch');
});

t.test('its word counts where it says yes, and its reasons are understood where it says no', async (t) => {
  for (const authenticated of [false, undefined, 'true', 1])
    t.equal(await reviewed({ ...STATUS, authenticated }), 'token_rejected', `${authenticated}`);
  t.equal(await reviewed({ error: 'Token has Expired' }), 'token_expired');
  t.equal(await reviewed({ error: 'invalid AUDIENCE' }), 'token_audience_mismatch');
  t.equal(await reviewed({ error: 'else' }), 'token_rejected');
  t.equal(await reviewed(undefined), 'token_rejected');
  t.equal(await reviewed(null), 'token_rejected');
});

t.test('who is authenticated is a service account with a pod', async (t) => {
  for (const username of [
    'admin',
    'system:serviceaccount:shop',
    'system:serviceaccount::web',
    'system:serviceaccount:shop:',
    'x:system:serviceaccount:shop:web',
    'system:serviceaccount:a:b:c',
  ])
    t.equal(await reviewed({ ...STATUS, user: { ...USER, username } }), 'token_not_service_account', username);
  t.equal(await reviewed({ ...STATUS, user: undefined }), 'token_not_service_account');
  const [pod, uid] = Object.entries(USER.extra);
  for (const extra of [undefined, {}, Object.fromEntries([pod!]), Object.fromEntries([uid!])])
    t.equal(await reviewed({ ...STATUS, user: { ...USER, extra } }), 'token_without_pod');
});
