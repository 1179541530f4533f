import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import t from 'tap';

import { TOKEN_AUDIENCE } from '../api/names.ts';
import { NO_REVOCATIONS } from '../api/revocations.ts';
import { DEFAULT_IDENTITY_DOMAIN } from '../api/workload-identity.ts';
import { ApiError } from '../core/kubernetes/api-client.ts';
import { createIssuer, createRoot } from '../core/pki/authority.ts';
import { createCsr } from '../core/pki/certificate-request.ts';
import { bitString, implicit, octetString, sequence } from '../core/pki/der.ts';
import { basicConstraints, extension, subjectAltName } from '../core/pki/extension.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../core/pki/key-pair.ts';
import { KEY_USAGE, SUBJECT_ALT_NAME } from '../core/pki/object-identifiers.ts';
import { type ServiceAccountTokenClaims, signServiceAccountToken } from '../core/pki/service-account-token.ts';
import { readWorkloadExtension } from '../core/pki/workload-extension.ts';
import { systemClock } from '../core/time/clock.ts';
import { EmbeddedTokenAuthenticator } from './authenticate/embedded-token.ts';
import { TokenReviewAuthenticator } from './authenticate/token-review.ts';
import { type CertifyContext, certify, namesOf } from './certify.ts';
import { Issuer } from './issue/issuer.ts';
import { REFUSAL_STATUS, Refusal, type RefusalReason } from './refusal.ts';
import { forgeRequest } from './testing/forged-request.ts';

const NOW = Date.UTC(2026, 10, 23);
const HOUR_MS = 3_600_000;
const clock = { ...systemClock, now: () => NOW };
const root = createRoot({ commonName: 'root', lifetimeMs: 1000 * HOUR_MS, now: NOW });
const authority = createIssuer({ commonName: 'issuer', lifetimeMs: 500 * HOUR_MS, now: NOW }, root);
const issuer = new Issuer(
  {
    files: { 'tls.crt': authority.certificate, 'tls.key': privateKeyPem(authority.keyPair) },
    roots: root.certificate,
  },
  NOW,
);
const tokenKey = generateKeyPair();
const keyPair = generateKeyPair();
const own = {
  dns: ['web.shop.serviceaccount.identity.weft.cluster.local'],
  uris: ['spiffe://cluster.local/ns/shop/sa/web'],
};
const honestCsr = createCsr({ keyPair, sans: own });
const context: CertifyContext = {
  authenticator: new EmbeddedTokenAuthenticator({ key: tokenKey.publicKey, issuer: 'weft', clock }),
  issuer: () => issuer,
  domain: DEFAULT_IDENTITY_DOMAIN,
  lifetimeMs: 24 * HOUR_MS,
  clock,
  revocations: async () => NO_REVOCATIONS,
};

function claims(change: Partial<ServiceAccountTokenClaims> = {}): ServiceAccountTokenClaims {
  return {
    iss: 'weft',
    aud: [TOKEN_AUDIENCE],
    exp: NOW / 1000 + 3600,
    nbf: NOW / 1000 - 10,
    'kubernetes.io': workload(),
    ...change,
  };
}

function workload(change: object = {}): ServiceAccountTokenClaims['kubernetes.io'] {
  return {
    namespace: 'shop',
    pod: { name: 'web-1', uid: 'a1b2' },
    serviceaccount: { name: 'web', uid: 'c3d4' },
    ...change,
  };
}

function token(change: Partial<ServiceAccountTokenClaims> = {}): string {
  return signServiceAccountToken(claims(change), tokenKey.privateKey);
}

/** The reason with which a request body is refused, or `issued`. */
async function reasonOf(body: unknown, change: Partial<CertifyContext> = {}): Promise<string> {
  const result = await certify(body, { ...context, ...change });
  return result instanceof Refusal ? result.reason : 'issued';
}

const withToken = (text: string) => reasonOf({ token: text, csr: honestCsr });
const withCsr = (csr: string) => reasonOf({ token: token(), csr });
/** TokenReview through an API server that answers `status`, or throws it. */
function withReview(status: unknown): Promise<string> {
  const create = async () => {
    if (status instanceof Error) throw status;
    return { status };
  };
  return reasonOf({ token: 'x', csr: honestCsr }, { authenticator: new TokenReviewAuthenticator({ create }) });
}

t.test('turns a token and a request into a chain', async (t) => {
  const result = await certify({ token: token(), csr: honestCsr }, context);
  if (result instanceof Refusal) throw new Error(result.message);
  const leaf = new X509Certificate(result.response.chain);
  t.equal(leaf.subjectAltName, `DNS:${own.dns[0]}, URI:${own.uris[0]}`);
  t.same(readWorkloadExtension(leaf.raw), { pod: 'web-1', uid: 'a1b2' });
  t.ok(leaf.publicKey.equals(keyPair.publicKey));
  t.ok(leaf.verify(new X509Certificate(authority.certificate).publicKey));
  t.equal(result.response.chain.split('BEGIN CERTIFICATE').length - 1, 2, 'leaf and issuer, without the root');
  t.equal(result.response.trustBundle.trim(), root.certificate.trim());
  t.equal(result.serial, leaf.serialNumber);
});

t.test('sets validity back and forth by the skew that clocks may have', async (t) => {
  const result = await certify({ token: token(), csr: honestCsr }, context);
  if (result instanceof Refusal) throw new Error(result.message);
  const leaf = new X509Certificate(result.response.chain);
  t.equal(leaf.validFromDate.getTime(), NOW - 60_000);
  t.equal(leaf.validToDate.getTime(), NOW + 24 * HOUR_MS + 60_000);
  t.equal(result.response.notBefore, leaf.validFromDate.toISOString());
  t.equal(result.response.notAfter, leaf.validToDate.toISOString());
});

t.test('issues nothing that outlives the chain', async (t) => {
  const late = { ...clock, now: () => NOW + 499 * HOUR_MS };
  const issued = issuer.sign(
    { spki: spkiOf(keyPair.publicKey), sans: own, workload: null, lifetimeMs: 24 * HOUR_MS },
    late.now(),
  );
  t.equal(issued?.validity.notAfter, NOW + 500 * HOUR_MS);
});

t.test('takes names from the token when the request asks for none', async (t) => {
  const result = await certify({ token: token(), csr: forgeRequest({}) }, context);
  if (result instanceof Refusal) throw new Error(result.message);
  t.match(new X509Certificate(result.response.chain).subjectAltName, own.dns[0]!);
});

t.test('accepts the common name of the identity and tokens with 60 s of clock skew', async (t) => {
  t.equal(await withCsr(forgeRequest({ commonName: own.dns[0]! })), 'issued');
  t.equal(await withToken(token({ exp: NOW / 1000 - 59 })), 'issued');
  t.equal(await withToken(token({ nbf: NOW / 1000 + 59 })), 'issued');
});

t.test('authenticates through TokenReview, for its own audience only', async (t) => {
  const user = {
    username: 'system:serviceaccount:shop:web',
    extra: {
      'authentication.kubernetes.io/pod-name': ['web-1'],
      'authentication.kubernetes.io/pod-uid': ['a1b2'],
    },
  };
  const status = { authenticated: true, audiences: [TOKEN_AUDIENCE], user };
  t.equal(await withReview(status), 'issued');
  t.equal(await withReview({ ...status, audiences: undefined }), 'token_audience_mismatch', 'audiences unknown');
  t.equal(await withReview({ error: 'token audiences ["x"] is invalid' }), 'token_audience_mismatch');
  t.equal(await withReview({ error: 'service account token has expired' }), 'token_expired');
  t.equal(await withReview({}), 'token_rejected');
  t.equal(await withReview({ ...status, user: { ...user, extra: {} } }), 'token_without_pod');
  t.equal(await withReview({ ...status, user: { ...user, username: 'admin' } }), 'token_not_service_account');
  t.equal(await withReview(undefined), 'token_rejected', 'an answer without status');
});

/** How each refusal that needs no server comes about. The compiler demands that none is left out. */
const PROVOKED: Record<Exclude<RefusalReason, ServerReason>, () => Promise<string>> = {
  request_malformed: () => reasonOf(['token', 'csr']),
  token_missing: () => reasonOf({ csr: honestCsr }),
  token_too_large: () => withToken('x'.repeat(16 * 1024 + 1)),
  token_malformed: () => withToken('a.b'),
  token_algorithm_unsupported: () => withToken(withHeader(token(), { alg: 'none' })),
  token_signature_invalid: () => withToken(signServiceAccountToken(claims(), generateKeyPair().privateKey)),
  token_issuer_unknown: () => withToken(token({ iss: 'somebody' })),
  token_audience_mismatch: () => withToken(token({ aud: ['api'] })),
  token_expired: () => withToken(token({ exp: NOW / 1000 - 61 })),
  token_not_yet_valid: () => withToken(token({ nbf: NOW / 1000 + 61 })),
  token_rejected: () => withReview({ authenticated: false, error: 'invalid bearer token' }),
  token_not_service_account: () => withToken(token({ 'kubernetes.io': workload({ serviceaccount: {} }) })),
  token_without_pod: () => withToken(token({ 'kubernetes.io': workload({ pod: undefined }) })),
  identity_name_invalid: () =>
    withToken(token({ 'kubernetes.io': workload({ serviceaccount: { name: 'w'.repeat(64), uid: 'c' } }) })),
  csr_missing: () => reasonOf({ token: token() }),
  csr_too_large: () => withCsr('x'.repeat(8 * 1024 + 1)),
  csr_malformed: () => withCsr(honestCsr.slice(0, 100)),
  csr_key_not_p256: () => withCsr(forgeRequest({ key: generateKeyPairSync('rsa', { modulusLength: 2048 }) })),
  csr_key_invalid: () => withCsr(forgeRequest({ spki: offCurve() })),
  csr_signature_algorithm_unsupported: () => withCsr(forgeRequest({ signatureAlgorithm: '1.2.840.10045.4.3.3' })),
  csr_signature_invalid: () => withCsr(forgeRequest({ spoilSignature: true })),
  csr_subject_not_owned: () => withCsr(forgeRequest({ commonName: 'db.shop' })),
  csr_san_kind_unsupported: () =>
    withCsr(forgeRequest({ extensions: [extension(SUBJECT_ALT_NAME, 'optional', sequence(ipAddress()))] })),
  csr_san_not_owned: () =>
    withCsr(createCsr({ keyPair, sans: { ...own, uris: ['spiffe://cluster.local/ns/a/sa/b'] } })),
  csr_asks_for_authority: () => withCsr(forgeRequest({ extensions: [basicConstraints({ pathLength: null })] })),
  csr_critical_extension_unknown: () =>
    withCsr(forgeRequest({ extensions: [extension('1.2.3.4', 'critical', octetString(Buffer.of(1)))] })),
  identity_revoked: () => withRevocations(async () => ({ serials: [], identities: own.uris })),
  revocations_unavailable: () => withRevocations(() => Promise.reject(new ApiError(0, 'Unreachable', 'no answer'))),
  token_review_unavailable: () => withReview(new ApiError(0, 'Unreachable', 'connection refused')),
  issuer_expired: () => {
    const late = { ...clock, now: () => NOW + 501 * HOUR_MS };
    const key = { key: tokenKey.publicKey, issuer: 'weft', clock };
    return reasonOf(
      { token: token(), csr: honestCsr },
      { clock: late, authenticator: new EmbeddedTokenAuthenticator(key) },
    );
  },
};
/** Refusals that the server makes, before or around certify: see server.test.ts. */
type ServerReason = 'not_found' | 'request_not_json' | 'request_too_large' | 'unexpected';

t.test('refuses with each of its reasons', async (t) => {
  for (const [reason, provoke] of Object.entries(PROVOKED)) t.equal(await provoke(), reason);
  t.equal(Object.keys(PROVOKED).length + 4, Object.keys(REFUSAL_STATUS).length);
});

t.test('others than those that are revoked get theirs', async (t) => {
  const others = { serials: ['AB'], identities: ['spiffe://cluster.local/ns/shop/sa/api'] };
  t.equal(await withRevocations(async () => others), 'issued');
});

t.test('refuses what is close to a right request', async (t) => {
  const p384 = forgeRequest({ key: generateKeyPairSync('ec', { namedCurve: 'secp384r1' }) });
  t.equal(await withCsr(p384), 'csr_key_not_p256', 'P-384');
  const otherName = 'db.shop.serviceaccount.identity.weft.cluster.local';
  t.equal(await withCsr(createCsr({ keyPair, sans: { ...own, dns: [otherName] } })), 'csr_san_not_owned');
  t.equal(await withCsr(createCsr({ keyPair, sans: { ...own, dns: [...own.dns, otherName] } })), 'csr_san_not_owned');
  const upper = own.dns[0]!.toUpperCase();
  t.equal(await withCsr(createCsr({ keyPair, sans: { ...own, dns: [upper] } })), 'csr_san_not_owned');
  const keyCertSign = extension(KEY_USAGE, 'critical', bitString(Uint8Array.of(0x04), 2));
  t.equal(await withCsr(forgeRequest({ extensions: [keyCertSign] })), 'csr_asks_for_authority', 'keyCertSign');
  const names = subjectAltName(own, 'optional');
  t.equal(await withCsr(forgeRequest({ extensions: [names, names] })), 'csr_malformed', 'one extension twice');
  t.equal(await withToken(token({ aud: undefined as never })), 'token_audience_mismatch', 'no audience');
  t.equal(await withToken(token({ exp: undefined as never })), 'token_expired', 'no expiry');
  t.equal(
    await withToken(token({ 'kubernetes.io': workload({ namespace: 'a.b' }) })),
    'identity_name_invalid',
    'a namespace with a dot would make the names of another',
  );
  t.equal(await withToken(token({ 'kubernetes.io': { serviceaccount: [] } as never })), 'token_not_service_account');
  for (const body of [null, 7, 'text', {}, { token: 7, csr: 7 }]) t.not(await reasonOf(body), 'issued');
});

t.test('token and request may be as long as the contract allows', async (t) => {
  t.equal(await withToken('x'.repeat(16 * 1024)), 'token_malformed');
  t.equal(await withToken('x'.repeat(16 * 1024 + 1)), 'token_too_large');
  t.equal(await withToken(`\n ${token()} \n`), 'issued', 'as it stands in a file');
  t.equal(await withToken(' \n'), 'token_missing');
  t.equal(await withCsr('x'.repeat(8 * 1024)), 'csr_malformed');
  t.equal(await withCsr('x'.repeat(8 * 1024 + 1)), 'csr_too_large');
  t.equal(await withCsr(''), 'csr_missing');
});

t.test('names are those of a TLS client: 63 characters a label, 253 in all, no dots in a namespace', async (t) => {
  const names = (serviceAccount: string, namespace = 'shop') => {
    const found = namesOf({ namespace, serviceAccount }, DEFAULT_IDENTITY_DOMAIN);
    return found instanceof Refusal ? found.reason : found;
  };
  t.same(names('web'), { dns: own.dns[0], uri: own.uris[0] });
  const rest = '.shop.serviceaccount.identity.weft.cluster.local';
  t.match(names('a'.repeat(63)), { dns: 'a'.repeat(63) + rest });
  t.match(names('a.b'), { dns: `a.b${rest}` });
  const long = (length: number) => `${'a.'.repeat(200).slice(0, length - rest.length - 1)}b`;
  t.match(names(long(253)), { dns: /^a\./ });
  for (const account of ['a'.repeat(64), 'A', 'a_b', '-a', '', long(255)])
    t.equal(names(account), 'identity_name_invalid', account.slice(0, 20));
  for (const namespace of ['a.b', '', 'A']) t.equal(names('web', namespace), 'identity_name_invalid', namespace);
});

t.test('the bundle holds every root, one after another', async (t) => {
  const other = createRoot({ commonName: 'other', lifetimeMs: HOUR_MS, now: NOW });
  const files = { 'tls.crt': authority.certificate, 'tls.key': privateKeyPem(authority.keyPair) };
  const roots = root.certificate + other.certificate;
  t.equal(new Issuer({ files, roots }, NOW).trustBundle, roots);
});

t.test('holds no secret in a refusal', async (t) => {
  const text = token({ aud: ['api'] });
  const result = await certify({ token: text, csr: honestCsr }, context);
  t.notMatch(JSON.stringify((result as Refusal).toBody()), text.split('.')[2]!);
});

function withRevocations(revocations: CertifyContext['revocations']): Promise<string> {
  return reasonOf({ token: token(), csr: honestCsr }, { revocations });
}

function withHeader(text: string, header: object): string {
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...text.split('.').slice(1)].join('.');
}

/** A P-256 key whose point lies nowhere. */
function offCurve(): Buffer {
  const spki = Buffer.from(spkiOf(keyPair.publicKey));
  spki.fill(1, spki.length - 64);
  return spki;
}

function ipAddress() {
  return implicit(7, Uint8Array.of(10, 0, 0, 1));
}
