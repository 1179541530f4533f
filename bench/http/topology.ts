import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ALPN_WEFT_HTTP } from '../../api/proxy-headers.ts';
import { DEFAULT_IDENTITY_DOMAIN, dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import { BRIDGE } from '../../cli/run/bridge.ts';
import { type RunningMesh, startMesh } from '../../cli/run/mesh.ts';
import { openNamespaces } from '../../cli/run/namespaces.ts';
import { readFolder } from '../../cli/run/objects.ts';
import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import type { Case } from './cases.ts';
import type { ClientCredentials } from './connections.ts';

const PORT = 8080;
/** Routes that the mesh's Service has: the last one matches. */
const ROUTES = 20;

/** A mesh whose pods a contestant is. */
export interface MeshedPods {
  /** The command that enters the network of the bridge, from which every pod is reached; empty: it is our own. */
  readonly enter: readonly string[];
  /** Path of a pod's network namespace. */
  namespace(deployment: string): string;
  /** IPv4 address of a pod. */
  address(deployment: string): string;
  /** Address of a Service. */
  clusterIp(service: string): string;
  /** Process of a pod's proxy or container. */
  pid(deployment: string, container: string): number;
  /** A file with what the generator needs to speak mutual TLS to the server's proxy. */
  credentials(): string;
}

/**
 * The pods of a measurement: each contestant enters through the same redirect rules, written by the init program.
 *
 *     client ─▶ server        meshed by Weft          client ─▶ plain      one hop
 *     client ─▶ guarded       the same, with access policies, in cases about them
 *     peer-client ─▶ peer-server    for the other proxies, one at a time
 */
export class Topology implements MeshedPods {
  readonly folder: string;
  readonly mesh: RunningMesh;
  readonly enter = [];

  private constructor(folder: string, mesh: RunningMesh) {
    this.folder = folder;
    this.mesh = mesh;
  }

  /** Starts the mesh. @param folder of {@link makeFolder} */
  static async start(folder: string): Promise<Topology> {
    const manifests = manifestsIn(folder);
    const mesh = await startMesh({
      folder: manifests,
      objects: readFolder(manifests).objects,
      network: openNamespaces(),
      progress() {},
      onOutput() {},
      certificateLifetime: '24h',
      proxyFlags: process.env.PROXY_FLAGS?.split(' ').filter(Boolean) ?? [],
    });
    const topology = new Topology(folder, mesh);
    for (const pod of ['peer-client', 'peer-server']) {
      const { node, programs } = { node: '/run/weft/node', programs: '/run/weft' };
      execFileSync('nsenter', [`--net=${topology.namespace(pod)}`, '--', node, `${programs}/init.js`]);
    }
    return topology;
  }

  namespace(deployment: string): string {
    return `/run/netns/pod-${this.mesh.plan.pods.findIndex((pod) => pod.deployment === deployment)}`;
  }

  address(deployment: string): string {
    return this.mesh.plan.pods.find((pod) => pod.deployment === deployment)!.ips[0];
  }

  clusterIp(service: string): string {
    return this.mesh.plan.services.find(({ name }) => name === service)!.clusterIp!;
  }

  credentials(): string {
    return writeCredentials(join(this.folder, 'credentials-weft.json'), meshedCredentials(this.mesh.state));
  }

  /** A file with what the generator needs to speak mutual TLS to a peer. @param servername name in its certificate */
  peerCredentials(servername = 'server'): string {
    const text = (name: string) => readFileSync(join(this.folder, name), 'utf8');
    return writeCredentials(join(this.folder, 'credentials-peer.json'), {
      cert: text('client.crt'),
      key: text('client.key'),
      ca: text('ca.crt'),
      servername,
      alpn: 'h2',
    });
  }

  pid(deployment: string, container: string): number {
    return this.mesh.processes.find(`default.${deployment}-0.${container}`)!.process.pid!;
  }

  /** Ends everything, so that another one can be started. */
  async end(): Promise<void> {
    await this.mesh.end();
    // We are in namespaces of our own, which a mesh alone leaves to be swept away with them.
    execFileSync('ip', ['-all', 'netns', 'delete']);
    execFileSync('ip', ['link', 'delete', BRIDGE]);
  }
}

/**
 * Makes what the meshes of a case are started from, our own and those of other checkouts: the backend, the peers'
 * certificates, and manifests whose backends answer as the case wants it.
 */
export function makeFolder(each: Case): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const backend = join(folder, 'backend');
  const source = join(dirname(fileURLToPath(import.meta.url)), 'backend.c');
  execFileSync('cc', ['-O2', '-w', '-o', backend, source]);
  makeCertificates(folder);
  mkdirSync(manifestsIn(folder));
  writeFileSync(join(manifestsIn(folder), 'mesh.yaml'), manifestsOf(backend, each));
  return folder;
}

/** Where {@link makeFolder} writes manifests. */
export function manifestsIn(folder: string): string {
  return join(folder, 'manifests');
}

/** A certificate of a mesh's own issuer for a client that has no proxy. @param state folder of the mesh's state */
export function meshedCredentials(state: string): ClientCredentials {
  const issuer = join(state, 'issuer');
  const chain = readFileSync(join(issuer, 'tls.crt'), 'utf8');
  const keyPair = generateKeyPair();
  const workload = { namespace: 'default', serviceAccount: 'client' };
  const leaf = createLeaf(
    {
      spki: spkiOf(keyPair.publicKey),
      sans: {
        dns: [dnsIdentity(workload, DEFAULT_IDENTITY_DOMAIN)],
        uris: [spiffeIdentity(workload, DEFAULT_IDENTITY_DOMAIN)],
      },
      workload: { pod: 'client-0', uid: 'uid-client' },
      validity: { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 },
    },
    signerOf(new X509Certificate(chain), createPrivateKey(readFileSync(join(issuer, 'tls.key')))),
  );
  return {
    cert: leaf + chain,
    key: privateKeyPem(keyPair),
    ca: readFileSync(join(issuer, 'ca.crt'), 'utf8'),
    servername: dnsIdentity({ namespace: 'default', serviceAccount: 'server' }, DEFAULT_IDENTITY_DOMAIN),
    alpn: ALPN_WEFT_HTTP,
  };
}

/** @returns the file, which the user of a proxy may read */
export function writeCredentials(file: string, credentials: ClientCredentials): string {
  writeFileSync(file, JSON.stringify(credentials), { mode: 0o644 });
  return file;
}

/** The port of every backend. */
export const BACKEND_PORT = PORT;
/** The port of every iperf3. */
export const TRANSFER_PORT = 5201;

function manifestsOf(backend: string, { body, messages, kind, beside }: Case): string {
  const service = (name: string, app = name) => `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: default
  annotations: { config.linkerd.io/opaque-ports: "${TRANSFER_PORT}" }
spec: { selector: { app: ${app} }, ports: [{ name: web, port: ${PORT} }, { name: octets, port: ${TRANSFER_PORT} }] }
---
`;
  const deployment = (name: string, command: string, meshed: boolean, port = '') => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: default }
spec:
  template:
    metadata:
      labels: { app: ${name} }
      annotations:
        weft.dev/inject: ${meshed ? 'enabled' : 'disabled'}
        config.linkerd.io/opaque-ports: "${TRANSFER_PORT}"
    spec:
      serviceAccountName: ${name}
      containers: [{ name: main, command: ${command}${port} }]
---
`;
  const serves =
    kind === 'tcp'
      ? `[iperf3, -s, -p, "${TRANSFER_PORT}"], ports: [{ containerPort: ${TRANSFER_PORT} }]`
      : `[${backend}, "${PORT}", "${body}", "${messages}"], ports: [{ containerPort: ${PORT} }]`;
  const idles = '[sleep, infinity]';
  const routes = Array.from(
    { length: ROUTES },
    (_, i) => `    - { name: route ${i}, condition: { pathRegex: /route${i === ROUTES - 1 ? '' : `-${i}`}/.* } }\n`,
  );
  const profile = (name: string) => `apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: ${name}.default.svc.cluster.local, namespace: default }
spec:
  routes:
${routes.join('')}---
`;
  const isGuarded = beside === 'access-policies';
  const served = ['server', 'plain', ...(isGuarded ? ['guarded'] : [])];
  const ruled =
    beside === 'unused-policies'
      ? service('bare', 'server') + service('policies', 'server') + unusedPolicies()
      : served.map((name) => service(name) + profile(name)).join('');
  return (
    ruled +
    deployment('client', idles, true) +
    deployment('server', serves, true) +
    (isGuarded ? deployment('guarded', serves, true) + accessPolicies('guarded') : '') +
    deployment('plain', serves, false) +
    deployment('peer-client', idles, false) +
    deployment('peer-server', serves, false)
  );
}

/**
 * Rules of two Services of the same pods with the same routes, of which the last takes every request. The other routes of one of
 * them do everything that a route can do, and its pods have subsets with policies of their own.
 */
function unusedPolicies(): string {
  const match = (i: number) => `match: [{ uri: { prefix: /route${i === ROUTES - 1 ? '' : `-${i}`}/ } }]`;
  const destination = (host: string) => `route: [{ destination: { host: ${host} } }]`;
  const routes = (host: string, rich: boolean) =>
    Array.from({ length: ROUTES }, (_, i) =>
      rich && i < ROUTES - 1
        ? `    - name: route ${i}\n      ${match(i)}\n${FEATURES.replaceAll('HOST', host)}`
        : `    - { name: route ${i}, ${match(i)}, ${destination(host)} }\n`,
    ).join('');
  const virtualService = (host: string, rich: boolean) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host}, namespace: default }
spec:
  hosts: [${host}]
  http:
${routes(host, rich)}---
`;
  return virtualService('bare', false) + virtualService('policies', true) + SUBSETS;
}

/** A hundred policies of a pod: who may ask for what, refusals, and other people's permissions. The client needs the last one. */
function accessPolicies(app: string): string {
  return Array.from({ length: 100 }, (_, i) => {
    const account = i === 99 ? 'client' : `other-${i}`;
    const rule =
      i % 4 === 3 && i !== 99
        ? `{ from: [{ source: { namespaces: [away-${i}] } }] }`
        : `{ from: [{ source: { principals: [cluster.local/ns/default/sa/${account}] } }], to: [{ operation: { methods: [GET], paths: [/*] } }] }`;
    return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: policy-${i}, namespace: default }
spec:
  selector: { matchLabels: { app: ${app} } }
  action: ${i % 4 === 3 && i !== 99 ? 'DENY' : 'ALLOW'}
  rules: [${rule}]
---
`;
  }).join('');
}

const FEATURES = `      timeout: 5s
      retries: { attempts: 3, perTryTimeout: 1s, retryOn: "5xx,reset,connect-failure" }
      fault: { delay: { percentage: { value: 1 }, fixedDelay: 1s }, abort: { percentage: { value: 1 }, httpStatus: 503 } }
      mirror: { host: HOST, subset: v2 }
      mirrorPercentage: { value: 10 }
      headers: { request: { set: { x-a: "1" }, remove: [x-b] }, response: { add: { x-c: "2" } } }
      corsPolicy: { allowOrigins: [{ exact: "https://example.com" }], allowMethods: [GET] }
      rewrite: { uri: /other/ }
      route:
        - { destination: { host: HOST, subset: v1 }, weight: 90 }
        - { destination: { host: HOST, subset: v2 }, weight: 10 }
`;

const SUBSETS = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: policies, namespace: default }
spec:
  host: policies
  subsets:
    - name: v1
      labels: { app: server }
      trafficPolicy:
        loadBalancer: { simple: LEAST_REQUEST, warmup: { duration: 30s } }
        outlierDetection: { consecutive5xxErrors: 5 }
        connectionPool: { http: { http2MaxRequests: 1000, maxRetries: 3 } }
    - name: v2
      labels: { app: server }
      trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x-user } } }
---
`;

/** A P-256 authority with a leaf for each side, in the forms that the peers read. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = (name: string) => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  key('ca');
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-days', '2', '-subj', '/CN=bench', '-out', 'ca.crt');
  for (const name of ['client', 'server']) {
    key(name);
    writeFileSync(
      join(folder, `${name}.ext`),
      `subjectAltName=DNS:${name}\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n`,
    );
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.crt`);
    execFileSync('sh', ['-c', `cat ${name}.crt ${name}.key > ${name}.pem`], { cwd: folder });
  }
  execFileSync('sh', ['-c', `chmod 755 . && chmod 644 *`], { cwd: folder });
  execFileSync('chmod', ['755', 'backend'], { cwd: folder });
}
