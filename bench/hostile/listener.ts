/**
 * The server that listeners.ts attacks, in a process of its own, with the bounds that it has in a cluster. Told which, it
 * says where it listens, what a client shows it, and what an honest client sends.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { TOKEN_AUDIENCE } from '../../api/names.ts';
import { WATCH_VERSION } from '../../api/watch.ts';
import { parseSocketAddress } from '../../core/config/socket-address.ts';
import { createLog } from '../../core/log/log.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createCsr } from '../../core/pki/certificate-request.ts';
import { generateKeyPair, privateKeyPem } from '../../core/pki/key-pair.ts';
import { signServiceAccountToken } from '../../core/pki/service-account-token.ts';
import { readConfig } from '../../identity/config.ts';
import { startIdentity } from '../../identity/identity.ts';
import { FailureLog } from '../../proxy/admin/failure-log.ts';
import { AdminServer } from '../../proxy/admin/server.ts';
import { Log } from '../../proxy/log.ts';
import type { Metrics } from '../../proxy/telemetry/metrics.ts';
import { destinationServer } from '../../test/support/destination-server.ts';
import { identityOf, TestAuthority, TestProxy } from '../../test/support/mesh.ts';
import { reviewInjection } from '../../webhook/admission/inject-review.ts';
import { WebhookMetrics } from '../../webhook/admission/metrics.ts';
import { AdmissionServer } from '../../webhook/admission/server.ts';
import { askingNamespace } from '../../webhook/inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS } from '../../webhook/inject/settings.ts';
import { podReview } from './pod-review.ts';

/** A listener of a program. */
export type Listener = 'proxy inbound' | 'proxy admin' | 'identity' | 'destination' | 'webhook';

/** Where it is and what is sent there. */
export interface Shown {
  readonly port: number;
  /** SNI of handshakes that are its own to do. */
  readonly servername: string;
  /** null: it speaks in plaintext. */
  readonly tls: {
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
  } | null;
  readonly protocol: 'http/1.1' | 'h2';
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

const HOUR_MS = 3_600_000;
const LOOPBACK = { host: '127.0.0.1', port: 0 };
const log = createLog('bench', 'silent');
const authority = new TestAuthority();

/** @param application port of an application, in a process of its own */
const LISTENERS: Record<Listener, (application: number) => Promise<Shown>> = {
  async 'proxy inbound'(application) {
    const proxy = new TestProxy('server', authority);
    process.on('message', () => process.send!(countSeries(proxy.metrics)));
    const port = await proxy.listenInbound(application);
    return {
      port,
      servername: identityOf('server'),
      tls: null,
      protocol: 'http/1.1',
      method: 'GET',
      path: '/',
      body: '',
    };
  },
  async 'proxy admin'() {
    const { metrics } = new TestProxy('server', authority);
    const admin = new AdminServer({
      metrics,
      failures: new FailureLog(),
      log: new Log('silent'),
      notReady: () => '',
      identity: () => ({}) as never,
      callers: () => ({}) as never,
      state: () => ({}),
      endpoints: () => [],
      shutdown: null,
    });
    const [port] = await admin.listen([LOOPBACK]);
    return {
      port: port!,
      servername: 'server',
      tls: null,
      protocol: 'http/1.1',
      method: 'GET',
      path: '/metrics',
      body: '',
    };
  },
  async identity() {
    const folder = mkdtempSync(join(tmpdir(), 'weft-identity-'));
    process.on('exit', () => rmSync(folder, { recursive: true }));
    const root = createRoot({ commonName: 'root', lifetimeMs: 100 * HOUR_MS });
    const issuer = createIssuer({ commonName: 'issuer', lifetimeMs: 50 * HOUR_MS }, root);
    const tokenKey = generateKeyPair();
    writeFileSync(join(folder, 'tls.crt'), issuer.certificate);
    writeFileSync(join(folder, 'tls.key'), privateKeyPem(issuer.keyPair));
    writeFileSync(join(folder, 'ca.crt'), root.certificate);
    writeFileSync(join(folder, 'token.pub'), tokenKey.publicKey.export({ type: 'spki', format: 'pem' }));
    const config = readConfig({
      WEFT_IDENTITY_MODE: 'embedded',
      WEFT_IDENTITY_LISTEN: '127.0.0.1:0',
      WEFT_IDENTITY_ADMIN_LISTEN: '127.0.0.1:0',
      WEFT_IDENTITY_ISSUER_DIRECTORY: folder,
      WEFT_IDENTITY_TOKEN_KEY_FILE: join(folder, 'token.pub'),
    });
    const { address } = await startIdentity(config, log);
    const now = Date.now() / 1000;
    const claims = {
      iss: 'weft.dev/embedded',
      aud: [TOKEN_AUDIENCE],
      exp: now + 3600,
      nbf: now - 10,
      'kubernetes.io': {
        namespace: 'shop',
        pod: { name: 'web-1', uid: 'a1b2' },
        serviceaccount: { name: 'web', uid: 'c3d4' },
      },
    };
    const sans = {
      dns: ['web.shop.serviceaccount.identity.weft.cluster.local'],
      uris: ['spiffe://cluster.local/ns/shop/sa/web'],
    };
    const body = {
      token: signServiceAccountToken(claims, tokenKey.privateKey),
      csr: createCsr({ keyPair: generateKeyPair(), sans }),
    };
    return {
      port: parseSocketAddress(address)!.port,
      servername: 'weft-identity.weft.serviceaccount.identity.weft.cluster.local',
      tls: {
        ca: root.certificate,
        cert: '',
        key: '',
      },
      protocol: 'http/1.1',
      method: 'POST',
      path: '/v1/certify',
      body: JSON.stringify(body),
    };
  },
  async destination() {
    const server = await destinationServer(certificate(), authority.root.certificate);
    const hello = JSON.stringify({ type: 'hello', version: WATCH_VERSION, features: [], resume: {} });
    return {
      port: await listen(server),
      ...shown(),
      protocol: 'h2',
      method: 'POST',
      path: '/v1/watch',
      body: `${hello}\n`,
    };
  },
  async webhook() {
    const settings = { ...DEFAULT_INJECT_SETTINGS, image: 'weft:bench' };
    const namespaces = { get: async (name: string) => askingNamespace(name) };
    const server = new AdmissionServer({
      certificate: certificate(),
      reviewers: { '/inject': (request) => reviewInjection(request, namespaces, settings) },
      onReviewed() {},
      metrics: new WebhookMetrics(),
      log,
    });
    return {
      port: await listen(server),
      ...shown(),
      protocol: 'http/1.1',
      method: 'POST',
      path: '/inject',
      body: podReview({ metadata: { name: 'web-1' }, spec: { containers: [{ name: 'web', image: 'web:1' }] } }),
    };
  },
};

/** Of the largest family, and of all. */
export interface SeriesCount {
  readonly total: number;
  readonly largest: number;
  readonly family: string;
}

function countSeries({ registry }: Metrics): SeriesCount {
  const families = [...registry.families].sort((a, b) => b.series.size - a.series.size);
  const total = families.reduce((sum, { series }) => sum + series.size, 0);
  return { total, largest: families[0]!.series.size, family: families[0]!.name };
}

function certificate() {
  const { chain, key } = authority.credentials('server');
  return { cert: chain, key };
}

function shown() {
  const { chain, key, trustBundle } = authority.credentials('client');
  return { servername: identityOf('server'), tls: { ca: trustBundle, cert: chain, key } };
}

async function listen(server: { listen(address: typeof LOOPBACK): Promise<string> }): Promise<number> {
  return parseSocketAddress(await server.listen(LOOPBACK))!.port;
}

process.once('message', async ({ listener, application }: { listener: Listener; application: number }) =>
  process.send!(await LISTENERS[listener](application)),
);
process.on('disconnect', () => process.exit());
