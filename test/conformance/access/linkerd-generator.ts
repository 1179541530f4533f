import { NETWORKS, POD, podManifest, randomAsks } from './ask.ts';
import type { Choice } from './choice.ts';
import type { Dialect } from './dialect.ts';
import { RouteGenerator } from './route-generator.ts';

/** Linkerd's Servers and what authorizes clients of them, against its reference pages and Gateway API's. */
export const LINKERD: Dialect = {
  key: 'linkerd',
  author: 'Linkerd',
  evaluator: 'linkerd_policy.py',
  generate: (choice) => {
    const isAboutRoutes = choice.chance(2);
    const routes = new RouteGenerator(choice, isAboutRoutes ? [SERVERS[0]!] : SERVERS);
    const policies = new LinkerdGenerator(choice);
    const objects = isAboutRoutes ? policies.ofRoutes(routes.targets) : policies.ofAll();
    const manifests = choice.shuffled([...objects, ...routes.manifests(isAboutRoutes)]);
    const ports = isAboutRoutes ? [8080] : [8080, 9090, 7070];
    return { manifests, told: { manifests }, asks: randomAsks(choice, { ports, ...routes.asked }) };
  },
};

/** Few values of each kind, so that most references lead somewhere, and some nowhere. */
class LinkerdGenerator {
  readonly #choice: Choice;

  constructor(choice: Choice) {
    this.#choice = choice;
  }

  /** Objects of every kind. */
  ofAll(): object[] {
    const choice = this.#choice;
    return [
      this.#pod(),
      ...(choice.chance(2) ? [this.#namespace()] : []),
      ...choice.different(6, SERVERS).map((name) => this.#server(name)),
      ...choice.upTo(3, (at) => this.#policy(`policy-${at}`)),
      ...choice.upTo(1, (at) => this.#oldAuthorization(`old-${at}`)),
      ...HOMES.flatMap((home) => [
        ...choice
          .different(3, WORKLOADS)
          .map((name) => linkerdObject('MeshTLSAuthentication', home, name, this.#workloads())),
        ...choice
          .different(2, PLACES)
          .map((name) => linkerdObject('NetworkAuthentication', home, name, { networks: this.#networks() })),
      ]),
    ];
  }

  /** One Server that lets nobody in but for its routes, so that it shows of which of them a request is. */
  ofRoutes(targets: readonly object[]): object[] {
    const spec = { podSelector: {}, port: 8080 };
    return [
      podManifest([{ name: 'http', containerPort: 8080 }]),
      linkerdObject('Server', POD.namespace, SERVERS[0]!, spec, { version: 'v1beta3' }),
      ...this.#choice.some(4, (at) =>
        linkerdObject('AuthorizationPolicy', POD.namespace, `policy-${at}`, {
          targetRef: this.#choice.pick(...targets),
          requiredAuthenticationRefs: this.#choice.chance(2) ? [this.#account()] : [],
        }),
      ),
    ];
  }

  /** A name of a port may stand in two containers. */
  #pod(): object {
    const ports = [
      { name: 'http', containerPort: 8080 },
      { name: this.#choice.pick('admin', 'admin', 'http'), containerPort: 9090 },
    ];
    return podManifest(ports, this.#annotations());
  }

  #namespace(): object {
    const annotations = this.#annotations();
    return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: POD.namespace, annotations } };
  }

  #annotations(): Record<string, string> {
    return {
      ...(this.#choice.chance(3) && { 'config.linkerd.io/default-inbound-policy': this.#choice.pick(...POLICIES) }),
      ...(this.#choice.chance(8) && {
        'config.linkerd.io/proxy-require-identity-inbound-ports': this.#choice.pick('8080', 'http', '7000-7999,9090'),
      }),
    };
  }

  #server(name: string): object {
    const isElsewhere = this.#choice.chance(15);
    const spec = {
      ...(isElsewhere ? { externalWorkloadSelector: {} } : { podSelector: this.#selector() }),
      port: this.#choice.pick<number | string>(8080, 8080, 'http', 'http', 9090, 'admin', 7070),
      ...(this.#choice.chance(3) && { proxyProtocol: this.#choice.pick(...PROTOCOLS) }),
      ...(this.#choice.chance(3) && { accessPolicy: this.#choice.pick(...POLICIES) }),
    };
    const labels = this.#choice.pick({}, { tier: 'back' }, { tier: 'front', app: 'api' });
    return linkerdObject('Server', this.#home(), name, spec, { version: 'v1beta3', labels, createdOn: this.#day() });
  }

  #selector(): object {
    return this.#choice.pick<object>(
      {},
      { matchLabels: { app: 'api' } },
      { matchLabels: { app: 'api', tier: 'back' } },
      { matchLabels: { app: 'web' } },
      { matchExpressions: [{ key: 'tier', operator: 'In', values: ['front', 'back'] }] },
      { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] },
      { matchExpressions: [{ key: 'app', operator: 'Exists' }], matchLabels: { tier: 'back' } },
      { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
    );
  }

  #policy(name: string): object {
    const home = this.#home();
    const workloads = this.#choice.pick<'MeshTLSAuthentication' | 'ServiceAccount' | null>(
      'MeshTLSAuthentication',
      'MeshTLSAuthentication',
      'ServiceAccount',
      null,
    );
    return linkerdObject('AuthorizationPolicy', home, name, {
      targetRef: this.#target(home),
      requiredAuthenticationRefs: this.#choice.shuffled([
        ...(workloads === 'ServiceAccount' ? [this.#account()] : []),
        ...(workloads === 'MeshTLSAuthentication' ? [this.#authentication(workloads, WORKLOADS)] : []),
        ...(this.#choice.chance(3) ? [this.#authentication('NetworkAuthentication', PLACES)] : []),
      ]),
    });
  }

  #target(home: string): object {
    const gateway = 'gateway.networking.k8s.io';
    return this.#choice.pick<() => object>(
      () => ({ group: LINKERD_GROUP, kind: 'Server', name: this.#choice.pick(...SERVERS) }),
      () => ({ group: LINKERD_GROUP, kind: 'HTTPRoute', name: this.#choice.pick(...RouteGenerator.NAMES) }),
      () => ({ group: gateway, kind: 'HTTPRoute', name: this.#choice.pick(...RouteGenerator.NAMES) }),
      () => ({ group: gateway, kind: 'GRPCRoute', name: this.#choice.pick(...RouteGenerator.NAMES) }),
      () => ({ ...(this.#choice.chance(2) && { group: 'core' }), kind: 'Namespace', name: home }),
    )();
  }

  #authentication(kind: string, names: readonly string[]): object {
    return { group: LINKERD_GROUP, kind, name: this.#choice.pick(...names), ...this.#elsewhere('default', 'team-a') };
  }

  #workloads(): object {
    return this.#choice.chance(2)
      ? { identities: this.#choice.some(2, () => this.#choice.pick(...IDENTITIES)) }
      : { identityRefs: this.#choice.some(2, () => (this.#choice.chance(2) ? this.#account() : this.#namespaceRef())) };
  }

  #account(): object {
    const namespace = this.#elsewhere('default', 'team-a', 'team-b');
    return { kind: 'ServiceAccount', name: this.#choice.pick('web', 'job', 'api'), ...namespace };
  }

  #namespaceRef(): object {
    const name = this.#choice.chance(2) ? {} : { name: this.#choice.pick('default', 'team-a', 'team-b') };
    return { kind: 'Namespace', ...name };
  }

  /** A namespace, or none: that of the object. */
  #elsewhere(...namespaces: readonly string[]): { namespace?: string } {
    return this.#choice.chance(2) ? {} : { namespace: this.#choice.pick(...namespaces) };
  }

  #networks(): object[] {
    return this.#choice.some(2, () => ({
      cidr: this.#choice.pick(...NETWORKS),
      ...(this.#choice.chance(3) && { except: this.#choice.some(2, () => this.#choice.pick(...NETWORKS)) }),
    }));
  }

  /** The older way to let clients in. */
  #oldAuthorization(name: string): object {
    const server = this.#choice.pick<object>({ selector: this.#selector() }, { name: this.#choice.pick(...SERVERS) });
    const meshTLS = this.#choice.pick<object>(
      { unauthenticatedTLS: true },
      { identities: [this.#choice.pick(...IDENTITIES)] },
      { serviceAccounts: [this.#oldAccount()] },
      { identities: [this.#choice.pick(...IDENTITIES)], serviceAccounts: [this.#oldAccount()] },
    );
    const client = {
      ...(this.#choice.chance(2) && { networks: this.#networks() }),
      ...(this.#choice.chance(4) ? { unauthenticated: true } : { meshTLS }),
    };
    return linkerdObject('ServerAuthorization', this.#home(), name, { server, client }, { version: 'v1beta1' });
  }

  #oldAccount(): object {
    return { name: this.#choice.pick('web', 'job', 'api'), ...this.#elsewhere('default', 'team-a', 'team-b') };
  }

  #home(): string {
    return this.#choice.chance(6) ? 'team-a' : POD.namespace;
  }

  #day(): number {
    return this.#choice.pick(1, 2, 3);
  }
}

function linkerdObject(
  kind: string,
  namespace: string,
  name: string,
  spec: object,
  { version = 'v1alpha1', labels = {}, createdOn = 1 } = {},
): object {
  const metadata = { namespace, name, labels, creationTimestamp: `2026-01-0${createdOn}T00:00:00Z` };
  return { apiVersion: `${LINKERD_GROUP}/${version}`, kind, metadata, spec };
}

const LINKERD_GROUP = 'policy.linkerd.io';
const HOMES = ['default', 'team-a'];
const SERVERS = ['back', 'front', 'side'];
const WORKLOADS = ['anyone', 'team', 'web'];
const PLACES = ['inside', 'outside'];
const POLICIES = [
  'all-unauthenticated',
  'all-authenticated',
  'cluster-unauthenticated',
  'cluster-authenticated',
  'deny',
  'audit',
] as const;
const PROTOCOLS = ['unknown', 'HTTP/1', 'HTTP/2', 'gRPC', 'opaque', 'TLS'] as const;
const IDENTITIES = [
  '*',
  'web.default.serviceaccount.identity.linkerd.cluster.local',
  'web.default.serviceaccount.identity.weft.cluster.local',
  'job.default.serviceaccount.identity.linkerd.other.example',
  '*.default.serviceaccount.identity.linkerd.cluster.local',
  '*.team-a.serviceaccount.identity.weft.cluster.local',
  '*.serviceaccount.identity.linkerd.cluster.local',
  '*.linkerd.cluster.local',
  '*.cluster.local',
  '*.other.example',
  'stranger.example',
] as const;
