/**
 * How many certificates identity makes per CPU second: request body in, chain out, without sockets.
 *
 *   node bench/identity/certify.ts [seconds]
 */
import { TOKEN_AUDIENCE } from '../../api/names.ts';
import { NO_REVOCATIONS } from '../../api/revocations.ts';
import { DEFAULT_IDENTITY_DOMAIN } from '../../api/workload-identity.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createCsr } from '../../core/pki/certificate-request.ts';
import { generateKeyPair, privateKeyPem } from '../../core/pki/key-pair.ts';
import { signServiceAccountToken } from '../../core/pki/service-account-token.ts';
import { systemClock } from '../../core/time/clock.ts';
import { EmbeddedTokenAuthenticator } from '../../identity/authenticate/embedded-token.ts';
import { certify } from '../../identity/certify.ts';
import { checkCsr } from '../../identity/csr/check-csr.ts';
import { Issuer } from '../../identity/issue/issuer.ts';
import { Refusal } from '../../identity/refusal.ts';

const seconds = Number(process.argv[2] ?? 3);
const root = createRoot({ commonName: 'root', lifetimeMs: 864e5 });
const authority = createIssuer({ commonName: 'issuer', lifetimeMs: 864e5 }, root);
const files = { 'tls.crt': authority.certificate, 'tls.key': privateKeyPem(authority.keyPair) };
const issuer = new Issuer({ files, roots: root.certificate }, Date.now());
const names = {
  dns: 'web.shop.serviceaccount.identity.weft.cluster.local',
  uri: 'spiffe://cluster.local/ns/shop/sa/web',
};
const sans = { dns: [names.dns], uris: [names.uri] };
const workload = { pod: 'web-1', uid: '35412b0b-00b4-4e38-bc2f-62331016b676' };
const tokenKey = generateKeyPair();
const now = Date.now() / 1000;
const token = signServiceAccountToken(
  {
    iss: 'weft',
    aud: [TOKEN_AUDIENCE],
    exp: now + 3600,
    nbf: now,
    'kubernetes.io': {
      namespace: 'shop',
      pod: { name: workload.pod, uid: workload.uid },
      serviceaccount: { name: 'web', uid: 'x' },
    },
  },
  tokenKey.privateKey,
);
const csrs = Array.from({ length: 64 }, () => createCsr({ keyPair: generateKeyPair(), sans }));
const context = {
  authenticator: new EmbeddedTokenAuthenticator({ key: tokenKey.publicKey, issuer: 'weft', clock: systemClock }),
  issuer: () => issuer,
  domain: DEFAULT_IDENTITY_DOMAIN,
  lifetimeMs: 864e5,
  clock: systemClock,
  revocations: async () => NO_REVOCATIONS,
};

await measure('csr_in_chain_out', async (turn) => {
  const csr = checkCsr(csrs[turn % csrs.length]!, names);
  if (csr instanceof Refusal) throw new Error(csr.message);
  issuer.sign({ spki: csr.spki, sans, workload, lifetimeMs: 864e5 }, Date.now());
});
await measure('token_and_csr_in_chain_out', async (turn) => {
  const result = await certify({ token, csr: csrs[turn % csrs.length]! }, context);
  if (result instanceof Refusal) throw new Error(result.message);
});

async function measure(name: string, run: (turn: number) => Promise<void>): Promise<void> {
  for (let turn = 0; turn < 500; turn++) await run(turn);
  const before = process.cpuUsage();
  const until = performance.now() + seconds * 1000;
  let turns = 0;
  while (performance.now() < until) await run(turns++);
  const { user, system } = process.cpuUsage(before);
  console.log(
    JSON.stringify({ case: name, metric: 'per_cpu_second', value: Math.round((turns / (user + system)) * 1e6) }),
  );
}
