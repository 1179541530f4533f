/**
 * The control plane of one linkerd2-proxy: certifies it, and knows one Service with one endpoint, whatever it is asked for.
 *
 *   linkerd-control.ts SETTINGS      JSON of {@link ControlSettings}; prints `ready`
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, type ServerCall, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { decodePem, encodePem } from '../../core/pki/pem.ts';
import { readCsr } from '../../core/pki/read-certificate-request.ts';

/** What a control plane is told when it starts. */
export interface ControlSettings {
  /** Where it listens, `host:port`. */
  readonly listen: string;
  /** Folder of the proxy API's proto files. */
  readonly api: string;
  /** Folder of the authority's `ca.crt` and `ca.key`. */
  readonly authority: string;
  /** IPv4 address of the one endpoint, or of the pod whose own proxy asks. */
  readonly server: string;
  /** Identity of the endpoint's proxy; null: it has none, and is spoken to in plain text. */
  readonly identity: string | null;
  /** The port on which no protocol is looked for. */
  readonly opaquePort: number;
  /** Where the endpoint's proxy takes octets with a header that names their port. */
  readonly inboundPort: number;
}

interface CertifyRequest {
  readonly identity: string;
  readonly certificateSigningRequest: Uint8Array;
}

interface Certificate {
  readonly leafCertificate: Uint8Array;
  readonly validUntil: { readonly seconds: number };
}

const settings = JSON.parse(process.argv[2]!) as ControlSettings;

const server = new Server();
const services = loadSync(
  ['identity', 'destination', 'outbound', 'inbound'].map((name) => join(settings.api, `${name}.proto`)),
  { includeDirs: [settings.api], longs: Number },
);
const serve = (name: string, handlers: object) => server.addService(services[`io.linkerd.proxy.${name}`]!, handlers);

serve('identity.Identity', {
  Certify({ request }: ServerCall<CertifyRequest>, answer: (error: Error | null, certificate?: Certificate) => void) {
    try {
      answer(null, certify(request));
    } catch (error) {
      answer(error as Error);
    }
  },
});
serve('destination.Destination', {
  Get: (call: ServerCall<{ path: string }>) => call.write({ add: { addrs: [endpoint(portOf(call.request.path))] } }),
  GetProfile: (call: ServerCall<{ path: string }>) => call.write(profile(portOf(call.request.path))),
});
serve('outbound.OutboundPolicies', {
  Watch: (call: ServerCall<{ addr?: { port: number }; authority?: string }>) =>
    call.write(outboundPolicy(call.request.addr?.port ?? portOf(call.request.authority ?? ''))),
});
serve('inbound.InboundServerPolicies', {
  WatchPort: (call: ServerCall<{ port: number }>) => call.write(inboundPolicy(call.request.port)),
});
server.bindAsync(settings.listen, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  process.stdout.write('ready\n');
});

/** Signs what is asked for, whoever asks. */
function certify({ identity, certificateSigningRequest }: CertifyRequest): Certificate {
  const request = readCsr(encodePem('CERTIFICATE REQUEST', certificateSigningRequest));
  if (typeof request === 'string') throw new Error(`the certificate request cannot be read: ${request}`);
  const authority = new X509Certificate(readFileSync(join(settings.authority, 'ca.crt')));
  const key = createPrivateKey(readFileSync(join(settings.authority, 'ca.key')));
  const notAfter = Date.now() + LIFETIME_MS;
  const leaf = createLeaf(
    {
      spki: request.spki,
      sans: { dns: [identity], uris: [] },
      workload: null,
      validity: { notBefore: Date.now() - CLOCK_SKEW_MS, notAfter },
    },
    signerOf(authority, key),
  );
  return {
    leafCertificate: decodePem(leaf, 'CERTIFICATE')![0]!,
    validUntil: { seconds: Math.floor(notAfter / 1000) },
  };
}

function endpoint(port: number): object {
  const { server, identity, inboundPort } = settings;
  const name = { name: identity };
  return {
    addr: { ip: ipv4(server), port },
    weight: 10_000,
    metricLabels: { pod: 'server-0' },
    ...(identity && {
      tlsIdentity: { dnsLikeIdentity: name, serverName: name },
      // Inbound looks for no TLS on an opaque port: octets come to the proxy's own port instead.
      protocolHint: isOpaque(port) ? { opaque: {}, opaqueTransport: { inboundPort } } : { h2: {} },
    }),
  };
}

function profile(port: number): object {
  return {
    fullyQualifiedName: SERVICE,
    opaqueProtocol: isOpaque(port),
    retryBudget: { retryRatio: 0.2, minRetriesPerSecond: 10, ttl: { seconds: 10 } },
  };
}

/** A Service without routes of its own: one route for everything, to one balanced backend. */
function outboundPolicy(port: number): object {
  const backend = {
    metadata: service(port),
    queue: { capacity: 100, failfastTimeout: { seconds: 3 } },
    balancer: {
      discovery: { dst: { path: `${SERVICE}:${port}` } },
      peakEwma: { defaultRtt: { nanos: 30_000_000 }, decay: { seconds: 10 } },
    },
  };
  const backends = { firstAvailable: { backends: [{ backend }] } };
  const http = { routes: [{ metadata: defaults('http'), rules: [{ matches: EVERY_PATH, backends }] }] };
  const opaque = { routes: [{ metadata: defaults('opaque'), rules: [{ backends }] }] };
  return {
    metadata: service(port),
    protocol: isOpaque(port) ? { opaque } : { detect: { timeout: DETECT_TIMEOUT, opaque, http1: http, http2: http } },
  };
}

/** The default policy of Linkerd: everybody may ask. */
function inboundPolicy(port: number): object {
  const name = 'all-unauthenticated';
  const authorization = {
    networks: [{ net: { ip: ipv4('0.0.0.0'), prefixLen: 0 } }],
    authentication: { unauthenticated: {} },
    metadata: defaults(name),
  };
  const route = { metadata: defaults('default'), rules: [{ matches: EVERY_PATH }], authorizations: [authorization] };
  return {
    protocol: isOpaque(port) ? { opaque: {} } : { detect: { timeout: DETECT_TIMEOUT, httpRoutes: [route] } },
    serverIps: [ipv4(settings.server)],
    authorizations: [authorization],
    labels: { group: '', kind: 'default', name },
  };
}

function service(port: number): object {
  const name = SERVICE.split('.')[0];
  return { resource: { group: 'core', kind: 'Service', name, namespace: 'default', port } };
}

function defaults(name: string): object {
  return { default: name };
}

function isOpaque(port: number): boolean {
  return port === settings.opaquePort;
}

/** Port of `host:port`. */
function portOf(authority: string): number {
  return Number(authority.split(':').at(-1));
}

function ipv4(address: string): object {
  return { ipv4: Buffer.from(address.split('.').map(Number)).readUInt32BE() };
}

const SERVICE = 'server.default.svc.cluster.local';
const EVERY_PATH = [{ path: { prefix: '/' } }];
const DETECT_TIMEOUT = { seconds: 10 };
const LIFETIME_MS = 86_400_000;
const CLOCK_SKEW_MS = 60_000;
