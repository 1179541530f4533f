import { type Backend, OWN_BACKEND } from '../../api/routing.ts';
import type { Cluster } from '../objects/cluster.ts';
import type { TrafficPolicy } from '../objects/istio/destination-rule.ts';
import type { Service } from '../objects/kubernetes/service.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import type { Profile } from '../objects/linkerd/service-profile.ts';
import { type MeshDomain, serviceName } from '../objects/mesh-domain.ts';
import { compareText } from '../objects/meta.ts';
import type { Complain, ObjectRef } from '../objects/object-ref.ts';
import type { ClientView } from './client-view.ts';
import { endpointsOf } from './endpoints.ts';
import { type ChosenRule, chooseRule, policyOn } from './istio/rule-choice.ts';
import { applyPolicy, endpointsInSubset } from './istio/service-policy.ts';
import { resolveTarget } from './target.ts';

/** Endpoints that requests may be sent to, as an object names them. */
export interface BackendRef {
  /** DNS name in lower case, without a dot at the end; short names are looked up from `namespace`. */
  readonly host: string;
  readonly namespace: string;
  readonly port: number;
  /** Empty: every endpoint of the Service. */
  readonly subset: string;
}

/** Who names a backend, for complaints, and what its share of the requests gets while it has no endpoint. */
export interface Reference {
  readonly object: ObjectRef;
  readonly path: string;
  readonly whenEmpty?: 500 | 503;
  /** Where it is no port of a Service; absent: as `whenEmpty`. */
  readonly whenUnknown?: 500 | 503;
}

/** The backends that a target's routes name, by the key that stands in the routes. */
export class BackendRefs {
  readonly #own: { readonly service: Service; readonly port: ServicePort; readonly name: string };
  readonly #cluster: Cluster;
  readonly #client: ClientView;
  readonly #domain: MeshDomain;
  readonly #complain: Complain;
  readonly #profile: Profile | null;
  readonly #rules = new Map<Service, ChosenRule | null>();
  readonly #backends = new Map<string, Backend>();

  constructor(options: {
    service: Service;
    port: ServicePort;
    profile: Profile | null;
    cluster: Cluster;
    client: ClientView;
    domain: MeshDomain;
    complain: Complain;
  }) {
    const { service, port, profile, cluster, client, domain } = options;
    this.#own = { service, port, name: serviceName(service, domain) };
    this.#cluster = cluster;
    this.#client = client;
    this.#domain = domain;
    this.#complain = options.complain;
    this.#profile = profile;
    this.#backends.set(OWN_BACKEND, this.#resolve(service, port, '', null));
  }

  /** What the DestinationRule of the target's own Service says of retries. */
  get ownPolicy(): TrafficPolicy {
    const rule = this.#ruleOf(this.#own.service);
    return rule ? policyOn(rule, null, this.#own.port) : {};
  }

  /** Takes note of a backend. @returns the key under which routes name it */
  add(ref: BackendRef, reference: Reference): string {
    const target = { host: ref.host, isAddress: false, port: ref.port };
    const resolved = resolveTarget(this.#cluster, target, ref.namespace, this.#domain);
    const found = resolved?.kind === 'service' ? resolved : null;
    const service = found ? serviceName(found.service, this.#domain) : ref.host;
    const port = found?.port.port ?? ref.port;
    const isOwn = service === this.#own.name && port === this.#own.port.port && ref.subset === '';
    const key = isOwn ? OWN_BACKEND : `${service}:${port}${ref.subset && `/${ref.subset}`}`;
    const { whenEmpty, whenUnknown = whenEmpty } = reference;
    const status = found ? whenEmpty : whenUnknown;
    const known = this.#backends.get(key);
    if (known) {
      if (status && !known.whenEmpty) this.#backends.set(key, { ...known, whenEmpty: status });
      return key;
    }
    if (!found) {
      const message = `${ref.host}:${ref.port} is no port of a Service; its share of the requests fails`;
      this.#complain(reference.object, reference.path, message);
    }
    const backend: Backend = found
      ? this.#resolve(found.service, found.port, ref.subset, reference)
      : { service, port, ...(ref.subset && { subset: ref.subset }), endpoints: [] };
    this.#backends.set(key, { ...backend, ...(status && { whenEmpty: status }) });
    return key;
  }

  /** Endpoints of a port with what its DestinationRule and the annotations of its Service say of them. */
  #resolve(service: Service, port: ServicePort, subset: string, reference: Reference | null): Backend {
    const profile = service === this.#own.service ? this.#profile : null;
    const all = endpointsOf(this.#cluster, service, port, profile, this.#client, this.#domain);
    const rule = this.#ruleOf(service);
    const found = rule?.subsets.find(({ name }) => name === subset) ?? null;
    if (subset !== '' && !found && reference) {
      const known = rule?.subsets.map(({ name }) => name).join(', ') || 'none';
      const message = `${service.name} has no subset "${subset}" (known are: ${known}); its share of the requests fails`;
      this.#complain(reference.object, reference.path, message);
    }
    const policy = rule ? policyOn(rule, found, port) : {};
    const endpoints = subset === '' ? all : found ? endpointsInSubset(all, found) : [];
    return {
      service: serviceName(service, this.#domain),
      port: port.port,
      ...(subset && { subset }),
      ...annotatedPolicy(service),
      ...applyPolicy(policy, endpoints, this.#client),
    };
  }

  #ruleOf(service: Service): ChosenRule | null {
    let rule = this.#rules.get(service);
    if (rule === undefined) {
      rule = chooseRule(this.#cluster, service, this.#client, this.#domain, this.#complain);
      this.#rules.set(service, rule);
    }
    return rule;
  }

  /** A backend that does not exist, for a share of the requests that has nowhere to go. @returns its key */
  nothing(whenEmpty: 500 | 503): string {
    const key = `none/${whenEmpty}`;
    this.#backends.set(key, { service: 'none', port: 0, endpoints: [], whenEmpty });
    return key;
  }

  /** Every backend by its key, in the order of the keys. */
  get all(): Readonly<Record<string, Backend>> {
    return Object.fromEntries([...this.#backends].sort(([a], [b]) => compareText(a, b)));
  }
}

/** What a Service's own annotations say of its endpoints; a DestinationRule's outlier detection takes its place. */
function annotatedPolicy({ breaker }: Service): Pick<Backend, 'breaker'> {
  return breaker ? { breaker } : {};
}
