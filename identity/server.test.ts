import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';

import { TOKEN_AUDIENCE } from '../api/names.ts';
import { ConfigError } from '../core/config/environment.ts';
import { parseSocketAddress } from '../core/config/socket-address.ts';
import { createLog } from '../core/log/log.ts';
import { createIssuer, createRoot } from '../core/pki/authority.ts';
import { createCsr } from '../core/pki/certificate-request.ts';
import { generateKeyPair, privateKeyPem } from '../core/pki/key-pair.ts';
import { signServiceAccountToken } from '../core/pki/service-account-token.ts';
import type { RunningProgram } from '../core/program/run-program.ts';
import { Crowd } from '../core/testing/crowd.ts';
import { withoutIpv6 } from '../core/testing/without-ipv6.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import { readConfig } from './config.ts';
import { startIdentity } from './identity.ts';

const IDENTITY_NAME = 'weft-identity.weft.serviceaccount.identity.weft.cluster.local';
const WEB = 'web.shop.serviceaccount.identity.weft.cluster.local';
const HOUR_MS = 3_600_000;
const log = createLog('test', 'silent');
const root = createRoot({ commonName: 'root', lifetimeMs: 100 * HOUR_MS });
const tokenKey = generateKeyPair();
const token = signServiceAccountToken(
  {
    iss: 'weft.dev/embedded',
    aud: [TOKEN_AUDIENCE],
    exp: Date.now() / 1000 + 3600,
    nbf: Date.now() / 1000 - 10,
    'kubernetes.io': {
      namespace: 'shop',
      pod: { name: 'web-1', uid: 'a1b2' },
      serviceaccount: { name: 'web', uid: 'c3d4' },
    },
  },
  tokenKey.privateKey,
);
const honest = JSON.stringify({
  token,
  csr: createCsr({ keyPair: generateKeyPair(), sans: { dns: [WEB], uris: ['spiffe://cluster.local/ns/shop/sa/web'] } }),
});

/** Files and environment of an embedded identity on free ports. */
function embedded(t: Test): { folder: string; variables: Record<string, string> } {
  const folder = mkdtempSync(join(tmpdir(), 'weft-identity-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const issuer = createIssuer({ commonName: 'issuer', lifetimeMs: 50 * HOUR_MS }, root);
  writeFileSync(join(folder, 'tls.crt'), issuer.certificate);
  writeFileSync(join(folder, 'tls.key'), privateKeyPem(issuer.keyPair));
  writeFileSync(join(folder, 'ca.crt'), root.certificate);
  writeFileSync(join(folder, 'token.pub'), tokenKey.publicKey.export({ type: 'spki', format: 'pem' }));
  const variables = {
    WEFT_IDENTITY_MODE: 'embedded',
    WEFT_IDENTITY_LISTEN: '127.0.0.1:0',
    WEFT_IDENTITY_ADMIN_LISTEN: '127.0.0.1:0',
    WEFT_IDENTITY_ISSUER_DIRECTORY: folder,
    WEFT_IDENTITY_TOKEN_KEY_FILE: join(folder, 'token.pub'),
    WEFT_IDENTITY_SHUTDOWN_GRACE: '1s',
  };
  return { folder, variables };
}

async function start(t: Test, clock: Clock = systemClock): Promise<RunningProgram> {
  const identity = await startIdentity(readConfig(embedded(t).variables), log, clock);
  t.teardown(() => identity.close());
  return identity;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of a test's own server
  readonly body: any;
}

/** A request over HTTP/1.1 by a client that checks the server's identity against the root. */
function post(
  identity: RunningProgram,
  body: string,
  options: { path?: string; method?: string; type?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      `https://${identity.address}${options.path ?? '/v1/certify'}`,
      {
        ca: root.certificate,
        servername: IDENTITY_NAME,
        agent: false,
        method: options.method ?? 'POST',
        headers: { 'content-type': options.type ?? 'application/json' },
      },
      async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve({ status: response.statusCode!, body: JSON.parse(text) });
      },
    );
    request.on('error', reject).end(body);
  });
}

function get(url: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve({ status: response.statusCode!, text });
    })
      .on('error', reject)
      .end();
  });
}

t.test('certifies over TLS 1.3, by HTTP/1.1 and HTTP/2 alike', async (t) => {
  const identity = await start(t);
  const first = await post(identity, honest);
  t.equal(first.status, 200);
  t.match(new X509Certificate(first.body.chain).subjectAltName, WEB);

  const session = connectHttp2(`https://${identity.address}`, { ca: root.certificate, servername: IDENTITY_NAME });
  const stream = session.request({ ':method': 'POST', ':path': '/v1/certify', 'content-type': 'application/json' });
  stream.end(honest);
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  session.close();
  t.match(new X509Certificate(JSON.parse(text).chain).subjectAltName, WEB);
});

t.test('refuses what is no certify request, and goes on serving', async (t) => {
  const identity = await start(t);
  for (const [reason, status, send] of [
    ['request_not_json', 400, () => post(identity, '{"token"')],
    ['request_not_json', 400, () => post(identity, '')],
    ['request_not_json', 400, () => post(identity, 'token=1', { type: 'application/x-www-form-urlencoded' })],
    ['request_not_json', 400, () => post(identity, '{"__proto__":{"token":"x"}}')],
    ['request_too_large', 400, () => post(identity, `{"token":"${'x'.repeat(70_000)}"}`)],
    ['request_not_json', 400, () => post(identity, 'x'.repeat(65_536))],
    ['request_too_large', 400, () => post(identity, 'x'.repeat(65_537))],
    ['request_malformed', 400, () => post(identity, '[]')],
    ['token_malformed', 401, () => post(identity, '{"token":"x","csr":"y"}')],
    ['csr_malformed', 400, () => post(identity, JSON.stringify({ token, csr: 'y' }))],
    ['not_found', 404, () => post(identity, honest, { path: '/v2/certify' })],
    ['not_found', 404, () => post(identity, honest, { method: 'PUT' })],
  ] as const) {
    const answer = await send();
    t.equal(answer.body.error.reason, reason);
    t.equal(answer.status, status, reason);
  }
  t.equal((await post(identity, honest)).status, 200);
});

t.test('answers 503 and keeps running when it fails unexpectedly', async (t) => {
  // The clock is asked on the way of every request; this one breaks once the server has started.
  let isBroken = false;
  const identity = await start(t, {
    ...systemClock,
    now() {
      if (isBroken) throw new Error('broken clock');
      return Date.now();
    },
  });
  isBroken = true;
  const answer = await post(identity, honest);
  t.equal(answer.status, 503);
  t.equal(answer.body.error.reason, 'unexpected');
  t.notMatch(answer.body.error.message, 'broken clock');
  isBroken = false;
  t.equal((await post(identity, honest)).status, 200);
});

t.test('speaks TLS 1.3 only', async (t) => {
  const { address } = await start(t);
  const [host, port] = address.split(':') as [string, string];
  const outcome = await new Promise((resolve) => {
    const socket = connectTls({ host, port: +port, ca: root.certificate, maxVersion: 'TLSv1.2' });
    socket.on('secureConnect', () => resolve('connected')).on('error', () => resolve('refused'));
  });
  t.equal(outcome, 'refused');
});

t.test('tells of health, refusals and the expiry of its authorities', async (t) => {
  const identity = await start(t);
  await post(identity, honest);
  await post(identity, '{"token":"x","csr":"y"}');
  t.equal((await get(`http://${identity.admin}/live`)).status, 200);
  t.equal((await get(`http://${identity.admin}/ready`)).status, 200);
  t.equal((await get(`http://${identity.admin}/other`)).status, 404);
  const { text } = await get(`http://${identity.admin}/metrics`);
  t.match(text, /^weft_identity_certificates_issued_total 1$/m);
  t.match(text, /^weft_identity_refusals_total\{reason="token_malformed"\} 1$/m);
  const expiry = /^weft_identity_authority_expiry_timestamp_seconds\{level="root"\} (\d+)$/m.exec(text);
  t.equal(Number(expiry?.[1]), new X509Certificate(root.certificate).validToDate.getTime() / 1000);
  const own = /^weft_identity_authority_expiry_timestamp_seconds\{level="issuer"\} (\d+)$/m.exec(text);
  t.ok(
    Number(own?.[1]) % 1 === 0 && Math.abs(Number(own?.[1]) - Date.now() / 1000 - 50 * 3600) < 120,
    'fifty hours from now',
  );
  t.match(text, /^weft_identity_issuer_rejected_changes_total 0$/m);
});

t.test('renews its own certificate while connections go on', async (t) => {
  let turn = () => {};
  const identity = await start(t, {
    ...systemClock,
    after(ms, task) {
      if (ms > HOUR_MS) turn = task;
      return systemClock.after(ms, task);
    },
  });
  const serial = () =>
    new Promise<string>((resolve, reject) => {
      const [host, port] = identity.address.split(':') as [string, string];
      const socket = connectTls({ host, port: +port, ca: root.certificate, servername: IDENTITY_NAME }, () => {
        resolve(socket.getPeerX509Certificate()!.serialNumber);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const before = await serial();
  t.equal(await serial(), before);
  turn();
  t.not(await serial(), before);
});

t.test('names everything that is wrong with its environment', async (t) => {
  t.throws(
    () =>
      readConfig({
        WEFT_IDENTITY_MODE: 'embedded',
        WEFT_IDENTITY_LISTEN: 'nowhere',
        WEFT_IDENTITY_ISSUANCE_LIFETIME: '1s',
      }),
    ConfigError,
  );
  try {
    readConfig({ WEFT_IDENTITY_MODE: 'embedded', WEFT_IDENTITY_LISTEN: 'nowhere' });
  } catch (error) {
    t.equal((error as ConfigError).problems.length, 3, 'listen, issuer directory, token key');
  }
});

t.test('does not start with a token key that is no P-256 public key', async (t) => {
  const { folder, variables } = embedded(t);
  writeFileSync(join(folder, 'token.pub'), 'no key');
  await t.rejects(startIdentity(readConfig(variables), log), { code: 'token_key_invalid' });
});

t.test('serves on IPv4 where the kernel has no IPv6', async (t) => {
  withoutIpv6(t);
  const config = readConfig({ ...embedded(t).variables, WEFT_IDENTITY_LISTEN: '[::]:0' });
  const identity = await startIdentity(config, log);
  t.teardown(() => identity.close());
  t.match(identity.address, /^0\.0\.0\.0:\d+$/);
});

t.test('a crowd of silent connections does not keep the certificate of another client', async (t) => {
  const identity = await start(t);
  const crowd = await Crowd.gather(t, parseSocketAddress(identity.address)!, 2_100, '127.0.0.2');
  t.comment(`${crowd.size} of them are open`);
  const begun = performance.now();
  const answer = await post(identity, honest).catch((error: Error) => ({ status: error.message }));
  t.match(answer, { status: 200 });
  t.ok(performance.now() - begun < 5_000);
});
