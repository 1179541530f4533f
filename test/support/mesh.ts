import { X509Certificate } from 'node:crypto';

import type { DiscoveryFailurePolicy } from '../../api/names.ts';
import {
  DEFAULT_RETRY_BUDGET,
  type Endpoint,
  type InboundConfig,
  type InboundPort,
  type OutboundTarget,
  OWN_BACKEND,
  type Protocol,
  type Route,
} from '../../api/routing.ts';
import { DEFAULT_IDENTITY_DOMAIN, dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import { PortRanges } from '../../core/config/port-ranges.ts';
import { type Authority, createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { systemClock } from '../../core/time/clock.ts';
import { DataPath, type DataPathConfig, type Way } from '../../proxy/data-path.ts';
import { Log } from '../../proxy/log.ts';
import { type ClientLimits, DEFAULT_CLIENT_LIMITS } from '../../proxy/transport/client-limits.ts';
import type { Listening } from '../../proxy/transport/listen.ts';
import type { Credentials } from '../../proxy/transport/mutual-tls.ts';

const HOUR = 3_600_000;

/** A root and an issuer for a test. */
export class TestAuthority {
  readonly root: Authority = createRoot({ commonName: 'test root', lifetimeMs: 24 * HOUR });
  readonly #issuer: Authority = createIssuer({ commonName: 'test issuer', lifetimeMs: 12 * HOUR }, this.root);

  /** Credentials of a service account, valid for `lifetimeMs`. */
  credentials(serviceAccount: string, lifetimeMs = HOUR): Credentials {
    const keyPair = generateKeyPair();
    const workload = { namespace: 'default', serviceAccount };
    const now = Date.now();
    const leaf = createLeaf(
      {
        spki: spkiOf(keyPair.publicKey),
        sans: {
          dns: [dnsIdentity(workload, DEFAULT_IDENTITY_DOMAIN)],
          uris: [spiffeIdentity(workload, DEFAULT_IDENTITY_DOMAIN)],
        },
        workload: { pod: `${serviceAccount}-0`, uid: `uid-${serviceAccount}` },
        validity: { notBefore: now - 60_000, notAfter: now + lifetimeMs },
      },
      signerOf(new X509Certificate(this.#issuer.certificate), this.#issuer.keyPair.privateKey),
    );
    return {
      chain: leaf + this.#issuer.certificate,
      key: privateKeyPem(keyPair),
      trustBundle: this.root.certificate,
      notAfter: now + lifetimeMs,
    };
  }
}

export function identityOf(serviceAccount: string): string {
  return dnsIdentity({ namespace: 'default', serviceAccount }, DEFAULT_IDENTITY_DOMAIN);
}

/** The data path of one pod's proxy, on loopback: real sockets, what iptables and destination would say given by the test. */
export class TestProxy {
  readonly #path: DataPath;
  readonly #servers: Listening[] = [];
  /** Where a connection to this proxy's outbound listeners was going. */
  outboundDestination = { host: '10.96.0.1', port: 80 };
  /** By the port of ours that they came to; every other port is an outbound listener's. */
  readonly #inboundDestinations = new Map<number, { host: string; port: number }>();
  readonly #described = new Map<string, OutboundTarget | null>();

  constructor(
    serviceAccount: string,
    authority: TestAuthority,
    options: {
      inbound?: Partial<InboundConfig>;
      credentials?: Credentials | null;
      ingress?: boolean;
      limits?: Partial<ClientLimits>;
      maxConnections?: number;
      /** Addresses of the pod; none: every destination is taken for its own, and no endpoint is. */
      podIps?: readonly string[];
      undecidedMs?: number;
      discoveryFailurePolicy?: DiscoveryFailurePolicy;
      clusterNetworks?: readonly string[];
    } = {},
  ) {
    const config: DataPathConfig = {
      identity: identityOf(serviceAccount),
      spiffe: spiffeIdentity({ namespace: 'default', serviceAccount }, DEFAULT_IDENTITY_DOMAIN),
      trustDomain: DEFAULT_IDENTITY_DOMAIN.trustDomain,
      podIps: options.podIps ?? [],
      applicationAddress: null,
      clusterDomain: 'cluster.local',
      defaultInboundPolicy: 'all-unauthenticated',
      opaquePorts: PortRanges.EMPTY,
      halfClosedPorts: PortRanges.EMPTY,
      probePaths: {},
      ingress: options.ingress ?? false,
      outboundConnectTimeoutMs: 1000,
      inboundConnectTimeoutMs: 1000,
      silenceMs: 20,
      undecidedMs: options.undecidedMs ?? 200,
      discoveryFailurePolicy: options.discoveryFailurePolicy ?? 'fail-cluster',
      clusterNetworks: options.clusterNetworks ?? [],
      maxConnections: options.maxConnections ?? 16_384,
      limits: { ...DEFAULT_CLIENT_LIMITS, ...options.limits },
    };
    this.#path = new DataPath(config, {
      originalDestination: {
        of: ({ localPort = 0 }) => this.#inboundDestinations.get(localPort) ?? this.outboundDestination,
      },
      clock: systemClock,
      log: new Log('silent'),
      onTrust() {},
      onTold() {},
    });
    if (options.credentials !== null) this.mutualTls.use(options.credentials ?? authority.credentials(serviceAccount));
    if (options.inbound) this.ports.update({ ...this.ports.config, ...options.inbound });
    this.discovery.use({
      subscribe: (key) => queueMicrotask(() => this.#tell(key)),
      unsubscribe() {},
    });
  }

  get metrics() {
    return this.#path.metrics;
  }

  get failures() {
    return this.#path.failures;
  }

  get mutualTls() {
    return this.#path.mutualTls;
  }

  get connections() {
    return this.#path.connections;
  }

  get ports() {
    return this.#path.ports;
  }

  get discovery() {
    return this.#path.discovery;
  }

  get targets() {
    return this.#path.targets;
  }

  /** Says what destination knows at an address. */
  describe(key: string, target: OutboundTarget | null): void {
    this.#described.set(key, target);
    this.#tell(key);
  }

  /** Says what a port of the application is declared to speak, and whatever else holds for it. */
  declare(port: number, protocol: Protocol, rules: Partial<InboundPort> = {}): void {
    const { config } = this.ports;
    this.ports.update({ ...config, ports: [{ port, protocol, policy: config.defaultPolicy, routes: {}, ...rules }] });
  }

  /** Listens for the application's outgoing connections. @returns the port */
  listenOutbound(): Promise<number> {
    return this.#listen('outbound');
  }

  /** Listens as an explicit proxy (`HTTP_PROXY`). @returns the port */
  listenExplicit(): Promise<number> {
    return this.#listen('explicit');
  }

  /** Listens for connections that were not redirected: direct mode. @returns the port */
  async listenDirect(): Promise<number> {
    const port = await this.#listen('inbound');
    this.#inboundDestinations.set(port, { host: '127.0.0.1', port });
    return port;
  }

  /** Listens for connections that iptables would redirect, all of them meant for `applicationPort`. @returns the port */
  async listenInbound(applicationPort: number): Promise<number> {
    const port = await this.#listen('inbound');
    this.#inboundDestinations.set(port, { host: '127.0.0.1', port: applicationPort });
    return port;
  }

  /** Has connections to a port of {@link listenInbound} meant for another one from now on. */
  redirectInbound(port: number, applicationPort: number): void {
    this.#inboundDestinations.set(port, { host: '127.0.0.1', port: applicationPort });
  }

  close(): void {
    for (const server of this.#servers) server.close();
    this.connections.destroy();
    for (const target of this.targets.all()) target.retire();
  }

  #tell(key: string): void {
    if (!this.#described.has(key)) return;
    this.discovery.onMessage({
      type: 'snapshot',
      target: key,
      version: String(performance.now()),
      requires: [],
      outbound: this.#described.get(key) ?? null,
    });
  }

  async #listen(way: Way): Promise<number> {
    const server = await this.#path.listen(way, { host: '127.0.0.1', port: 0 });
    this.#servers.push(server);
    return server.port;
  }
}

/** A target of one Service with these endpoints. */
export function service(
  name: string,
  endpoints: readonly Endpoint[],
  options: Partial<OutboundTarget> = {},
): OutboundTarget {
  return {
    name: `${name}.default.svc.cluster.local`,
    kind: 'service',
    port: 80,
    protocol: 'detect',
    labels: { dst_service: name, dst_namespace: 'default' },
    routes: [],
    retryBudget: DEFAULT_RETRY_BUDGET,
    backends: { [OWN_BACKEND]: { service: name, port: 80, endpoints } },
    ...options,
  };
}

/** An endpoint on loopback; `serviceAccount`: meshed, with that identity. */
export function endpoint(port: number, serviceAccount?: string): Endpoint {
  return {
    uid: `uid-${port}`,
    address: '127.0.0.1',
    port,
    tls:
      serviceAccount === undefined
        ? null
        : { identity: identityOf(serviceAccount), mesh: 'weft', mode: 'transparent', inboundPort: 4143 },
    protocol: 'detect',
    labels: { dst_pod: `pod-${port}` },
  };
}

/** A route of a profile. */
export function route(name: string, options: Partial<Route>): Route {
  return {
    name,
    when: { all: [] },
    split: [],
    timeouts: {},
    retry: null,
    classes: [],
    origin: `ServiceProfile/${name}`,
    ...options,
  };
}
