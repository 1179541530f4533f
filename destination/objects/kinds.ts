import { REVOCATIONS_CONFIG_MAP } from '../../api/revocations.ts';
import type { MeshRoute } from './gateway-api/mesh-route.ts';
import { closedRoute, readGrpcRoute, readHttpRoute, readLinkerdHttpRoute } from './gateway-api/read-route.ts';
import type { AuthorizationPolicy } from './istio/authorization-policy.ts';
import type { DestinationRule } from './istio/destination-rule.ts';
import { type PeerAuthentication, readPeerAuthentication, strictForAll } from './istio/peer-authentication.ts';
import { denialOfAll, readAuthorizationPolicy } from './istio/read-authorization-policy.ts';
import { readDestinationRule } from './istio/read-destination-rule.ts';
import { readRequestAuthentication, refusalOfAll } from './istio/read-request-authentication.ts';
import { readServiceEntry } from './istio/read-service-entry.ts';
import { readVirtualService } from './istio/read-virtual-service.ts';
import type { RequestAuthentication } from './istio/request-authentication.ts';
import type { ServiceEntry } from './istio/service-entry.ts';
import type { VirtualService } from './istio/virtual-service.ts';
import type { Fields } from './json.ts';
import { type Deployment, readDeployment } from './kubernetes/deployment.ts';
import { type EndpointSlice, readEndpointSlice } from './kubernetes/endpoint-slice.ts';
import { type Namespace, readNamespace } from './kubernetes/namespace.ts';
import { type Node, readNode } from './kubernetes/node.ts';
import { type Pod, readPod } from './kubernetes/pod.ts';
import { type ReplicaSet, readReplicaSet } from './kubernetes/replica-set.ts';
import { type RevocationList, readRevocationList } from './kubernetes/revocations.ts';
import { readService, type Service } from './kubernetes/service.ts';
import { type LinkerdAuthorizationPolicy, readLinkerdAuthorizationPolicy } from './linkerd/authorization-policy.ts';
import { type MeshTlsAuthentication, readMeshTlsAuthentication } from './linkerd/mesh-tls-authentication.ts';
import { type NetworkAuthentication, readNetworkAuthentication } from './linkerd/network-authentication.ts';
import { type RateLimitPolicy, readRateLimitPolicy } from './linkerd/rate-limit-policy.ts';
import { closedServer, readServer, type Server } from './linkerd/server.ts';
import { readServerAuthorization, type ServerAuthorization } from './linkerd/server-authorization.ts';
import { readServiceProfile, type ServiceProfile } from './linkerd/service-profile.ts';
import type { Problem } from './problem.ts';
import { type RouteGroup, readRouteGroup } from './smi/route-group.ts';
import { readTcpRoute, type TcpRoute } from './smi/tcp-route.ts';
import { readTrafficSplit, type TrafficSplit } from './smi/traffic-split.ts';
import { nothingLetIn, readTrafficTarget, type TrafficTarget } from './smi/traffic-target.ts';

/** Every kind of object that decides where requests go, by name of the kind. */
export interface Kinds {
  Namespace: Namespace;
  Node: Node;
  Service: Service;
  Pod: Pod;
  EndpointSlice: EndpointSlice;
  Deployment: Deployment;
  ReplicaSet: ReplicaSet;
  RevocationList: RevocationList;
  ServiceProfile: ServiceProfile;
  HTTPRoute: MeshRoute;
  GRPCRoute: MeshRoute;
  LinkerdHTTPRoute: MeshRoute;
  TrafficSplit: TrafficSplit;
  HTTPRouteGroup: RouteGroup;
  SmiTCPRoute: TcpRoute;
  TrafficTarget: TrafficTarget;
  VirtualService: VirtualService;
  DestinationRule: DestinationRule;
  ServiceEntry: ServiceEntry;
  PeerAuthentication: PeerAuthentication;
  AuthorizationPolicy: AuthorizationPolicy;
  RequestAuthentication: RequestAuthentication;
  Server: Server;
  HTTPLocalRateLimitPolicy: RateLimitPolicy;
  LinkerdAuthorizationPolicy: LinkerdAuthorizationPolicy;
  MeshTLSAuthentication: MeshTlsAuthentication;
  NetworkAuthentication: NetworkAuthentication;
  ServerAuthorization: ServerAuthorization;
}

/** Name that a kind has here. It is not always that of its manifests: two API groups have an HTTPRoute. */
export type Kind = keyof Kinds;

/** How a kind is called by the API server, and how its objects are read. */
export interface KindDefinition<K extends Kind> {
  /** As manifests call it; two API groups may have kinds of one name. */
  readonly name: string;
  /** API group, empty for the core group. */
  readonly group: string;
  /**
   * Every version that clusters serve or have served, in the order to ask an API server for them: the first that it serves
   * is read. A file that says another is refused, as a cluster refuses it.
   */
  readonly versions: readonly [string, ...string[]];
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Whether the metadata says enough, so that the rest need not be fetched. */
  readonly metadataOnly: boolean;
  /** Whether a cluster may lack the kind, because somebody else installs its definition. */
  readonly isOptional: boolean;
  /** The one name that objects must have to be of the kind. Absent: any. */
  readonly only?: string;
  /** Keeps what decides; notes faults that harm a part of the object. @throws MalformedObject when it is unusable */
  readonly read: (raw: Fields, problems: Problem[]) => Kinds[K];
  /**
   * What stands for an object that cannot be read and of which there is no good earlier version. Absent: nothing does. It throws
   * where not even the metadata can be read.
   */
  readonly whenMalformed?: (raw: Fields) => Kinds[K];
}

/** What clusters serve of the archived Service Mesh Interface; Linkerd's extension serves the second. */
const SMI_VERSIONS = ['v1alpha4', 'v1alpha2', 'v1alpha3', 'v1alpha1'] as const;

const ISTIO = 'networking.istio.io';
/** One schema under three names. */
const ISTIO_VERSIONS = ['v1', 'v1beta1', 'v1alpha3'] as const;
const ISTIO_SECURITY = 'security.istio.io';
/** Its oldest version had another schema, and is served no more. */
const ISTIO_SECURITY_VERSIONS = ['v1', 'v1beta1'] as const;
const GATEWAY = 'gateway.networking.k8s.io';
const LINKERD_POLICY = 'policy.linkerd.io';
const LINKERD_ROUTE_VERSIONS = ['v1beta3', 'v1beta2', 'v1beta1', 'v1alpha1'] as const;

export const KINDS: { readonly [K in Kind]: KindDefinition<K> } = {
  Namespace: kind('Namespace', '', 'v1', 'namespaces', readNamespace, { isNamespaced: false, metadataOnly: true }),
  Node: kind('Node', '', 'v1', 'nodes', readNode, { isNamespaced: false, metadataOnly: true }),
  Service: kind('Service', '', 'v1', 'services', readService),
  Pod: kind('Pod', '', 'v1', 'pods', readPod),
  EndpointSlice: kind('EndpointSlice', 'discovery.k8s.io', 'v1', 'endpointslices', readEndpointSlice),
  Deployment: kind('Deployment', 'apps', 'v1', 'deployments', readDeployment),
  ReplicaSet: kind('ReplicaSet', 'apps', 'v1', 'replicasets', readReplicaSet, { metadataOnly: true }),
  RevocationList: kind('ConfigMap', '', 'v1', 'configmaps', readRevocationList, { only: REVOCATIONS_CONFIG_MAP }),
  HTTPRoute: kind('HTTPRoute', GATEWAY, ['v1', 'v1beta1', 'v1alpha2'], 'httproutes', readHttpRoute, {
    isOptional: true,
    whenMalformed: closedRoute('HTTPRoute', GATEWAY),
  }),
  GRPCRoute: kind('GRPCRoute', GATEWAY, ['v1', 'v1alpha2'], 'grpcroutes', readGrpcRoute, {
    isOptional: true,
    whenMalformed: closedRoute('GRPCRoute', GATEWAY),
  }),
  LinkerdHTTPRoute: kind('HTTPRoute', LINKERD_POLICY, LINKERD_ROUTE_VERSIONS, 'httproutes', readLinkerdHttpRoute, {
    isOptional: true,
    whenMalformed: closedRoute('HTTPRoute', LINKERD_POLICY),
  }),
  TrafficSplit: kind('TrafficSplit', 'split.smi-spec.io', SMI_VERSIONS, 'trafficsplits', readTrafficSplit, {
    isOptional: true,
  }),
  HTTPRouteGroup: kind('HTTPRouteGroup', 'specs.smi-spec.io', SMI_VERSIONS, 'httproutegroups', readRouteGroup, {
    isOptional: true,
  }),
  SmiTCPRoute: kind('TCPRoute', 'specs.smi-spec.io', SMI_VERSIONS, 'tcproutes', readTcpRoute, { isOptional: true }),
  TrafficTarget: kind(
    'TrafficTarget',
    'access.smi-spec.io',
    ['v1alpha3', 'v1alpha2', 'v1alpha1'],
    'traffictargets',
    readTrafficTarget,
    { isOptional: true, whenMalformed: nothingLetIn },
  ),
  VirtualService: kind('VirtualService', ISTIO, ISTIO_VERSIONS, 'virtualservices', readVirtualService, {
    isOptional: true,
  }),
  DestinationRule: kind('DestinationRule', ISTIO, ISTIO_VERSIONS, 'destinationrules', readDestinationRule, {
    isOptional: true,
  }),
  ServiceEntry: kind('ServiceEntry', ISTIO, ISTIO_VERSIONS, 'serviceentries', readServiceEntry, { isOptional: true }),
  PeerAuthentication: kind(
    'PeerAuthentication',
    ISTIO_SECURITY,
    ISTIO_SECURITY_VERSIONS,
    'peerauthentications',
    readPeerAuthentication,
    { isOptional: true, whenMalformed: strictForAll },
  ),
  AuthorizationPolicy: kind(
    'AuthorizationPolicy',
    ISTIO_SECURITY,
    ISTIO_SECURITY_VERSIONS,
    'authorizationpolicies',
    readAuthorizationPolicy,
    { isOptional: true, whenMalformed: denialOfAll },
  ),
  RequestAuthentication: kind(
    'RequestAuthentication',
    ISTIO_SECURITY,
    ISTIO_SECURITY_VERSIONS,
    'requestauthentications',
    readRequestAuthentication,
    { isOptional: true, whenMalformed: refusalOfAll },
  ),
  Server: kind('Server', LINKERD_POLICY, ['v1beta3', 'v1beta2', 'v1beta1'], 'servers', readServer, {
    isOptional: true,
    whenMalformed: closedServer,
  }),
  HTTPLocalRateLimitPolicy: kind(
    'HTTPLocalRateLimitPolicy',
    LINKERD_POLICY,
    'v1alpha1',
    'httplocalratelimitpolicies',
    readRateLimitPolicy,
    { isOptional: true },
  ),
  LinkerdAuthorizationPolicy: kind(
    'AuthorizationPolicy',
    LINKERD_POLICY,
    'v1alpha1',
    'authorizationpolicies',
    readLinkerdAuthorizationPolicy,
    { isOptional: true },
  ),
  MeshTLSAuthentication: kind(
    'MeshTLSAuthentication',
    LINKERD_POLICY,
    'v1alpha1',
    'meshtlsauthentications',
    readMeshTlsAuthentication,
    { isOptional: true },
  ),
  NetworkAuthentication: kind(
    'NetworkAuthentication',
    LINKERD_POLICY,
    'v1alpha1',
    'networkauthentications',
    readNetworkAuthentication,
    { isOptional: true },
  ),
  ServerAuthorization: kind(
    'ServerAuthorization',
    LINKERD_POLICY,
    ['v1beta1', 'v1alpha1'],
    'serverauthorizations',
    readServerAuthorization,
    { isOptional: true },
  ),
  ServiceProfile: kind(
    'ServiceProfile',
    'linkerd.io',
    ['v1alpha2', 'v1alpha1'],
    'serviceprofiles',
    readServiceProfile,
    {
      isOptional: true,
    },
  ),
};

/** Kinds of routes and policies: those that a cluster may lack, because somebody else installs them. */
export const POLICY_KINDS: readonly Kind[] = (Object.keys(KINDS) as Kind[]).filter((kind) => KINDS[kind].isOptional);

/** An object came (`before` is null), changed, or went (`after` is null). Both have the same kind and name. */
export type Change = {
  [K in Kind]: { readonly kind: K; readonly before: Kinds[K] | null; readonly after: Kinds[K] | null };
}[Kind];

/** Makes an empty map for every kind; the caller says what it holds. */
export function mapOfEachKind(): { readonly [K in Kind]: Map<string, unknown> } {
  return Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, new Map()])) as never;
}

function kind<K extends Kind>(
  name: string,
  group: string,
  versions: string | readonly [string, ...string[]],
  plural: string,
  read: (raw: Fields, problems: Problem[]) => Kinds[K],
  options: Partial<
    Pick<KindDefinition<K>, 'isNamespaced' | 'metadataOnly' | 'isOptional' | 'only' | 'whenMalformed'>
  > = {},
): KindDefinition<K> {
  const asked = typeof versions === 'string' ? ([versions] as const) : versions;
  return {
    name,
    group,
    versions: asked,
    plural,
    read,
    isNamespaced: true,
    metadataOnly: false,
    isOptional: false,
    ...options,
  };
}
