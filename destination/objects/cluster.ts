import type { FetchedKeys } from './fetched-keys.ts';
import type { MeshRoute } from './gateway-api/mesh-route.ts';
import type { AuthorizationPolicy } from './istio/authorization-policy.ts';
import type { DestinationRule } from './istio/destination-rule.ts';
import { hostKey } from './istio/host.ts';
import type { PeerAuthentication } from './istio/peer-authentication.ts';
import type { RequestAuthentication } from './istio/request-authentication.ts';
import type { ServiceEntry } from './istio/service-entry.ts';
import type { VirtualService } from './istio/virtual-service.ts';
import { type Change, type Kind, type Kinds, mapOfEachKind } from './kinds.ts';
import type { Deployment } from './kubernetes/deployment.ts';
import type { EndpointSlice } from './kubernetes/endpoint-slice.ts';
import { isFinished, type Pod } from './kubernetes/pod.ts';
import type { Service } from './kubernetes/service.ts';
import type { LinkerdAuthorizationPolicy } from './linkerd/authorization-policy.ts';
import type { RateLimitPolicy } from './linkerd/rate-limit-policy.ts';
import type { Server } from './linkerd/server.ts';
import type { ServerAuthorization } from './linkerd/server-authorization.ts';
import { byAge, compareText, isSelected, type Meta } from './meta.ts';
import type { TrafficSplit } from './smi/traffic-split.ts';
import type { TrafficTarget } from './smi/traffic-target.ts';

/**
 * What is known of the cluster, found by name, address and selector.
 *
 * Every look-up is remembered as a *topic* while {@link observe} runs, also one that finds nothing, and
 * {@link apply} answers with the topics that a change touches. So whoever computes something from the cluster learns
 * when to compute it again without saying what it depends on.
 */
export class Cluster {
  readonly #objects = mapOfEachKind() as { readonly [K in Kind]: Map<string, Kinds[K]> };
  /** Objects by topic: `address/10.0.0.1`, `services/default`, `slices/default/api`, `deployments/default`. */
  readonly #groups = new Map<string, Set<Meta>>();
  /** What is known of the keys at a URL. */
  readonly #keySets = new Map<string, FetchedKeys>();
  #topics: Set<string> | null = null;

  /** Takes over changes, in order, and returns the topics that they touch. */
  apply(changes: readonly Change[]): Set<string> {
    const touched = new Set<string>();
    for (const { kind, before, after } of changes) {
      if (before) {
        this.#objects[kind].delete(keyOf(before));
        for (const topic of groupsOf(kind, before)) this.#groupOf(topic).delete(before);
      }
      if (after) {
        (this.#objects[kind] as Map<string, Meta>).set(keyOf(after), after);
        for (const topic of groupsOf(kind, after)) this.#groupOf(topic).add(after);
      }
      for (const object of [before, after]) {
        if (!object) continue;
        touched.add(`${kind}/${keyOf(object)}`);
        for (const topic of groupsOf(kind, object)) {
          touched.add(topic);
          if (this.#groups.get(topic)?.size === 0) this.#groups.delete(topic);
        }
      }
    }
    return touched;
  }

  /** Takes over what is known of the keys at a URL; null: nothing any more. @returns the topics that it touches */
  applyKeys(url: string, fetched: FetchedKeys | null): Set<string> {
    if (fetched) this.#keySets.set(url, fetched);
    else this.#keySets.delete(url);
    return new Set([`keys/${url}`]);
  }

  /** What is known of the keys at a URL; undefined: nobody has fetched them yet. */
  keysAt(url: string): FetchedKeys | undefined {
    this.#topics?.add(`keys/${url}`);
    return this.#keySets.get(url);
  }

  /** Runs `compute` and returns its result with the topics that it looked up. Not re-entrant. */
  observe<T>(compute: () => T): { readonly value: T; readonly topics: ReadonlySet<string> } {
    const topics = new Set<string>();
    this.#topics = topics;
    try {
      return { value: compute(), topics };
    } finally {
      this.#topics = null;
    }
  }

  /** The object of a kind; `namespace` is empty for a Namespace. */
  get<K extends Kind>(kind: K, namespace: string, name: string): Kinds[K] | undefined {
    const key = `${namespace}/${name}`;
    this.#topics?.add(`${kind}/${key}`);
    return this.#objects[kind].get(key) as Kinds[K] | undefined;
  }

  /** The Service with a ClusterIP (in canonical spelling). */
  serviceByAddress(ip: string): Service | undefined {
    return (this.#lookUp(`service-address/${ip}`) as Service[])[0];
  }

  /** The oldest Service that claims an address (in canonical spelling) from outside the cluster by `externalIPs`. */
  serviceByExternalAddress(ip: string): Service | undefined {
    return (this.#lookUp(`external-address/${ip}`) as Service[]).sort(byAge)[0];
  }

  /**
   * The pod that has an address (in canonical spelling) and has not ended; of several the one that is not going, then
   * the youngest, because addresses are used again while the old object still lives. Pods on the host's network share
   * its address and are never found.
   */
  podByAddress(ip: string): Pod | undefined {
    const pods = (this.#lookUp(`pod-address/${ip}`) as Pod[]).filter((pod) => !isFinished(pod));
    return pods.sort((a, b) => Number(a.isTerminating) - Number(b.isTerminating) || byAge(b, a))[0];
  }

  /** EndpointSlices of a Service, by name. */
  slicesOf(namespace: string, service: string): readonly EndpointSlice[] {
    const slices = this.#lookUp(`slices/${namespace}/${service}`) as EndpointSlice[];
    return slices.sort((a, b) => compareText(a.name, b.name));
  }

  /** Services of the pod's namespace that select it, by name. */
  servicesSelecting(pod: Pod): readonly Service[] {
    const services = this.#lookUp(`services/${pod.namespace}`) as Service[];
    return services
      .filter((service) => isSelected(pod.labels, service.selector))
      .sort((a, b) => compareText(a.name, b.name));
  }

  /** Deployments whose pods the Service selects, older first. */
  deploymentsBehind(service: Service): readonly Deployment[] {
    const deployments = this.#lookUp(`deployments/${service.namespace}`) as Deployment[];
    return deployments.filter((each) => isSelected(each.templateLabels, service.selector)).sort(byAge);
  }

  /** HTTPRoutes and GRPCRoutes that are attached to a Service, in no order. */
  meshRoutesOf(service: Service): readonly MeshRoute[] {
    return this.#lookUp(`mesh-routes/${service.namespace}/${service.name}`) as unknown as MeshRoute[];
  }

  /** TrafficSplits of a Service, older first. */
  trafficSplitsOf(service: Service): readonly TrafficSplit[] {
    return (this.#lookUp(`traffic-splits/${service.namespace}/${service.name}`) as TrafficSplit[]).sort(byAge);
  }

  /** TrafficTargets of a service account, in no order. */
  trafficTargetsOf(namespace: string, account: string): readonly TrafficTarget[] {
    return this.#lookUp(`traffic-targets/${namespace}/${account}`) as TrafficTarget[];
  }

  /** Servers of Linkerd in a namespace, in no order. */
  serversOf(namespace: string): readonly Server[] {
    return this.#lookUp(`servers/${namespace}`) as Server[];
  }

  /** HTTPLocalRateLimitPolicies of a Server, in no order. */
  rateLimitsOf(server: Server): readonly RateLimitPolicy[] {
    return this.#lookUp(`rate-limits/${server.namespace}/${server.name}`) as RateLimitPolicy[];
  }

  /** HTTPRoutes and GRPCRoutes that are attached to a Server, in no order. */
  serverRoutesOf(server: Server): readonly MeshRoute[] {
    return this.#lookUp(`server-routes/${server.namespace}/${server.name}`) as unknown as MeshRoute[];
  }

  /** AuthorizationPolicies of Linkerd in a namespace, in no order. */
  linkerdPoliciesOf(namespace: string): readonly LinkerdAuthorizationPolicy[] {
    return this.#lookUp(`linkerd-policies/${namespace}`) as LinkerdAuthorizationPolicy[];
  }

  /** ServerAuthorizations of a namespace, in no order. */
  serverAuthorizationsOf(namespace: string): readonly ServerAuthorization[] {
    return this.#lookUp(`server-authorizations/${namespace}`) as ServerAuthorization[];
  }

  /** VirtualServices that name a host, by its {@link hostKey}, in no order. */
  virtualServicesOf(key: string): readonly VirtualService[] {
    return this.#lookUp(`virtual-services/${key}`) as VirtualService[];
  }

  /** DestinationRules for a host, by its {@link hostKey}, in no order. */
  destinationRulesOf(key: string): readonly DestinationRule[] {
    return this.#lookUp(`destination-rules/${key}`) as DestinationRule[];
  }

  /** ServiceEntries that name a host, wildcards as they are written; older first. */
  serviceEntriesOf(host: string): readonly ServiceEntry[] {
    return (this.#lookUp(`service-entries/${host}`) as ServiceEntry[]).sort(byAge);
  }

  /** ServiceEntries with a port of that number, older first. */
  serviceEntriesOnPort(port: number): readonly ServiceEntry[] {
    return (this.#lookUp(`service-entry-ports/${port}`) as ServiceEntry[]).sort(byAge);
  }

  /** PeerAuthentications of a namespace, in no order. */
  peerAuthenticationsOf(namespace: string): readonly PeerAuthentication[] {
    return this.#lookUp(`peer-authentications/${namespace}`) as PeerAuthentication[];
  }

  /** AuthorizationPolicies of Istio in a namespace, in no order. */
  authorizationPoliciesOf(namespace: string): readonly AuthorizationPolicy[] {
    return this.#lookUp(`authorization-policies/${namespace}`) as AuthorizationPolicy[];
  }

  /** RequestAuthentications of a namespace, in no order. */
  requestAuthenticationsOf(namespace: string): readonly RequestAuthentication[] {
    return this.#lookUp(`request-authentications/${namespace}`) as RequestAuthentication[];
  }

  #lookUp(topic: string): Meta[] {
    this.#topics?.add(topic);
    return [...(this.#groups.get(topic) ?? [])];
  }

  #groupOf(topic: string): Set<Meta> {
    let group = this.#groups.get(topic);
    if (!group) {
      group = new Set();
      this.#groups.set(topic, group);
    }
    return group;
  }
}

/** `namespace/name`; a kind without a namespace has an empty one. */
export function keyOf(object: { readonly namespace: string; readonly name: string }): string {
  return `${object.namespace}/${object.name}`;
}

/** Topics under which an object is found other than by its name. */
function groupsOf(kind: Kind, object: Meta): string[] {
  switch (kind) {
    case 'Service':
      return [
        `services/${object.namespace}`,
        ...(object as Service).clusterIPs.map((ip) => `service-address/${ip}`),
        ...(object as Service).externalIPs.map((ip) => `external-address/${ip}`),
      ];
    case 'Pod':
      return (object as Pod).isHostNetwork ? [] : (object as Pod).ips.map((ip) => `pod-address/${ip}`);
    case 'EndpointSlice':
      return [`slices/${object.namespace}/${(object as EndpointSlice).service}`];
    case 'HTTPRoute':
    case 'GRPCRoute':
    case 'LinkerdHTTPRoute':
      return [
        ...(object as MeshRoute).parents.map(({ namespace, name }) => `mesh-routes/${namespace}/${name}`),
        ...(object as MeshRoute).servers.map(({ namespace, name }) => `server-routes/${namespace}/${name}`),
      ];
    case 'LinkerdAuthorizationPolicy':
      return [`linkerd-policies/${object.namespace}`];
    case 'ServerAuthorization':
      return [`server-authorizations/${object.namespace}`];
    case 'TrafficSplit':
      return [`traffic-splits/${object.namespace}/${(object as TrafficSplit).service}`];
    case 'TrafficTarget': {
      const { namespace, name } = (object as TrafficTarget).destination;
      return [`traffic-targets/${namespace}/${name}`];
    }
    case 'Server':
      return [`servers/${object.namespace}`];
    case 'HTTPLocalRateLimitPolicy':
      return [`rate-limits/${object.namespace}/${(object as RateLimitPolicy).server}`];
    case 'VirtualService':
      return (object as VirtualService).hosts.map((host) => `virtual-services/${hostKey(host, object.namespace)}`);
    case 'DestinationRule':
      return [`destination-rules/${hostKey((object as DestinationRule).host, object.namespace)}`];
    case 'ServiceEntry': {
      const { hosts, ports } = object as ServiceEntry;
      return [
        ...hosts.map((host) => `service-entries/${host}`),
        ...ports.map(({ port }) => `service-entry-ports/${port}`),
      ];
    }
    case 'PeerAuthentication':
      return [`peer-authentications/${object.namespace}`];
    case 'AuthorizationPolicy':
      return [`authorization-policies/${object.namespace}`];
    case 'RequestAuthentication':
      return [`request-authentications/${object.namespace}`];
    case 'Deployment':
      return [`deployments/${object.namespace}`];
    default:
      return [];
  }
}
