import { type Backend, OWN_BACKEND } from '../../api/routing.ts';
import type { Host } from '../objects/host.ts';
import type { TrafficPolicy } from '../objects/istio/destination-rule.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import { compareText } from '../objects/meta.ts';
import type { ObjectRef } from '../objects/object-ref.ts';
import { endpointsOf } from './endpoints.ts';
import type { ClientInquiry } from './inquiry.ts';
import { type ChosenRule, chooseRule, policyOn } from './istio/rule-choice.ts';
import { applyPolicy, endpointsInSubset } from './istio/service-policy.ts';
import type { ChosenProfile } from './linkerd/profile-choice.ts';
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
  readonly #inquiry: ClientInquiry;
  readonly #host: Host;
  readonly #port: ServicePort;
  readonly #profile: ChosenProfile | null;
  /** By the names of hosts. */
  readonly #rules = new Map<string, ChosenRule | null>();
  readonly #backends = new Map<string, Backend>();

  /** @param host that the target is, with the port and profile that its client has of it */
  constructor(inquiry: ClientInquiry, host: Host, port: ServicePort, profile: ChosenProfile | null) {
    this.#inquiry = inquiry;
    this.#host = host;
    this.#port = port;
    this.#profile = profile;
    this.#backends.set(OWN_BACKEND, this.#resolve(host, port, '', null));
  }

  /** What the DestinationRule of the target's own host says of retries. */
  get ownPolicy(): TrafficPolicy {
    const rule = this.#ruleOf(this.#host);
    return rule ? policyOn(rule, null, this.#port) : {};
  }

  /** Takes note of a backend. @returns the key under which routes name it */
  add(ref: BackendRef, reference: Reference): string {
    const target = { host: ref.host, isAddress: false, port: ref.port };
    const resolved = resolveTarget(this.#inquiry, target, ref.namespace);
    const found = resolved?.kind === 'host' ? resolved : null;
    const service = found?.host.name ?? ref.host;
    const port = found?.port.port ?? ref.port;
    const isOwn = service === this.#host.name && port === this.#port.port && ref.subset === '';
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
      this.#inquiry.complain(reference.object, reference.path, message);
    }
    const backend: Backend = found
      ? this.#resolve(found.host, found.port, ref.subset, reference)
      : { service, port, ...(ref.subset && { subset: ref.subset }), endpoints: [] };
    this.#backends.set(key, { ...backend, ...(status && { whenEmpty: status }) });
    return key;
  }

  /** Endpoints of a port with what its DestinationRule and the annotations of its Service say of them. */
  #resolve(host: Host, port: ServicePort, subset: string, reference: Reference | null): Backend {
    const profile = host.name === this.#host.name ? this.#profile : null;
    const all = endpointsOf(this.#inquiry, host, port, profile);
    const rule = this.#ruleOf(host);
    const found = rule?.subsets.find(({ name }) => name === subset) ?? null;
    if (subset !== '' && !found && reference) {
      const known = rule?.subsets.map(({ name }) => name).join(', ') || 'none';
      const message = `${host.shortName} has no subset "${subset}" (known are: ${known}); its share of the requests fails`;
      this.#inquiry.complain(reference.object, reference.path, message);
    }
    const policy = rule ? policyOn(rule, found, port) : {};
    const endpoints = subset === '' ? all : found ? endpointsInSubset(all, found) : [];
    return {
      service: host.name,
      port: port.port,
      ...(subset && { subset }),
      ...annotatedPolicy(host),
      ...applyPolicy(policy, endpoints, this.#inquiry.client),
    };
  }

  #ruleOf(host: Host): ChosenRule | null {
    let rule = this.#rules.get(host.name);
    if (rule === undefined) {
      rule = chooseRule(this.#inquiry, host);
      this.#rules.set(host.name, rule);
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
function annotatedPolicy({ kind, object }: Host): Pick<Backend, 'breaker'> {
  return kind === 'Service' && object.breaker ? { breaker: object.breaker } : {};
}
