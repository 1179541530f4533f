import { type Backend, OWN_BACKEND } from '../../api/routing.ts';
import type { ClientView } from './client-view.ts';
import type { Cluster } from './cluster.ts';
import type { Complain, ObjectRef } from './complain.ts';
import { endpointsOf } from './endpoints.ts';
import { compareText } from './kinds/meta.ts';
import type { Service, ServicePort } from './kinds/service.ts';
import type { Profile } from './linkerd/service-profile.ts';
import { type MeshDomain, serviceName } from './mesh-domain.ts';
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
}

/** The backends that a target's routes name, by the key that stands in the routes. */
export class BackendRefs {
  readonly #own: { readonly service: Service; readonly port: ServicePort; readonly name: string };
  readonly #cluster: Cluster;
  readonly #client: ClientView;
  readonly #domain: MeshDomain;
  readonly #complain: Complain;
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
    const endpoints = endpointsOf(cluster, service, port, profile, client, domain);
    this.#backends.set(OWN_BACKEND, { service: this.#own.name, port: port.port, endpoints, ...policyOf(service) });
  }

  /** Takes note of a backend. @returns the key under which routes name it */
  add(ref: BackendRef, reference: Reference): string {
    const found = this.#resolve(ref);
    const { service, port } = found ?? { service: ref.host, port: ref.port };
    const isOwn = service === this.#own.name && port === this.#own.port.port && ref.subset === '';
    const key = isOwn ? OWN_BACKEND : `${service}:${port}${ref.subset && `/${ref.subset}`}`;
    const known = this.#backends.get(key);
    if (known) {
      if (reference.whenEmpty && !known.whenEmpty)
        this.#backends.set(key, { ...known, whenEmpty: reference.whenEmpty });
      return key;
    }
    if (!found) {
      const message = `${ref.host}:${ref.port} is no port of a Service; its share of the requests fails`;
      this.#complain(reference.object, reference.path, message);
    }
    this.#backends.set(key, {
      service,
      port,
      ...(ref.subset && { subset: ref.subset }),
      endpoints: found?.endpoints ?? [],
      ...found?.policy,
      ...(reference.whenEmpty && { whenEmpty: reference.whenEmpty }),
    });
    return key;
  }

  /** Whether a reference leads to a port of a Service. */
  isKnown(ref: BackendRef): boolean {
    return this.#resolve(ref) !== null;
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

  #resolve({ host, namespace, port }: BackendRef) {
    const found = resolveTarget(this.#cluster, { host, isAddress: false, port }, namespace, this.#domain);
    if (found?.kind !== 'service') return null;
    const endpoints = endpointsOf(this.#cluster, found.service, found.port, null, this.#client, this.#domain);
    const policy = policyOf(found.service);
    return { service: serviceName(found.service, this.#domain), port: found.port.port, endpoints, policy };
  }
}

/** What a Service's own annotations say of its endpoints. */
function policyOf({ breaker }: Service): Pick<Backend, 'breaker'> {
  return breaker ? { breaker } : {};
}
