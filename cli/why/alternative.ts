import { type Backend, OWN_BACKEND, type Route, type WeightedBackend } from '../../api/routing.ts';
import type { Complain } from '../../destination/objects/object-ref.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { rawOf } from '../state/workload.ts';
import { type Arrival, type ExplainedInbound, explainInbound, policyOf } from './inbound.ts';
import type { PodPort } from './pod-port.ts';
import { standInsOf } from './stand-ins.ts';

/** One way that a request may go. */
export interface ExplainedAlternative {
  /** `api.default.svc.cluster.local:80/v1`. */
  readonly backend: string;
  /** Of the requests, 0 to 1. */
  readonly share: number;
  readonly filters?: Route['filters'];
  readonly policy: Omit<Backend, 'service' | 'port' | 'subset' | 'endpoints'>;
  readonly endpoints: readonly ExplainedEndpoint[];
  /**
   * What the proxies of the endpoints do with it; one group where they all do the same. Without an endpoint those of the
   * pods that would be, with a proxy; of a subset nothing is known then.
   */
  readonly inbound: readonly ExplainedInbound[];
}

/** An endpoint as an explanation shows it: where it is, and who guards it. */
export interface ExplainedEndpoint {
  readonly address: string;
  /** Empty: it is no pod. */
  readonly pod: string;
  /** Identity that its certificate must carry; null: it is spoken to in the clear. */
  readonly identity: string | null;
  /** Name of its group of nearness; empty: there is one. */
  readonly locality: string;
  /** Who may call it, and what says so; null: no proxy guards it. */
  readonly inbound: { readonly mode: string; readonly origin: string } | null;
}

/** A backend that gets some of the requests. */
export interface Share extends WeightedBackend {
  /** Of the requests, 0 to 1. */
  readonly share: number;
}

/** How a split shares requests out; without any weight all go to the target's own backend. */
export function sharesOf(split: readonly WeightedBackend[]): Share[] {
  const weighted = split.filter(({ weight }) => weight > 0);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return [{ backend: OWN_BACKEND, weight: 1, share: 1 }];
  return weighted.map((each) => ({ ...each, share: each.weight / total }));
}

/** Says what becomes of the requests that a backend gets. @param arrival as they come to its endpoints */
export function explainAlternative(
  state: MeshState,
  { service, port, subset, endpoints, ...policy }: Backend,
  { share, filters }: Share,
  arrival: Arrival,
  complain: Complain,
): ExplainedAlternative {
  const placed = endpoints.map((endpoint) => ({ endpoint, guarded: guardedPod(state, endpoint) }));
  const guarded = placed.flatMap(({ guarded }) => guarded ?? []);
  const arrivedAt = endpoints.length > 0 || subset !== undefined ? guarded : standInsOf(state, service, port);
  return {
    backend: `${service}:${port}${subset ? `/${subset}` : ''}`,
    share,
    ...(filters && { filters }),
    policy,
    endpoints: placed.map(({ endpoint, guarded }) => explainEndpoint(state, endpoint, guarded, policy)),
    inbound: explainInbound(state, arrivedAt, arrival, complain),
  };
}

/** The pod whose proxy an endpoint's connections reach; null: there is none on the way. */
function guardedPod(state: MeshState, { port, tls, labels }: Backend['endpoints'][number]): PodPort | null {
  const { dst_pod: name = '', dst_namespace: namespace = '' } = labels;
  const pod = tls ? state.cluster.get('Pod', namespace, name) : undefined;
  return pod ? { pod, port, deployment: null, raw: rawOf(state, pod) } : null;
}

function explainEndpoint(
  state: MeshState,
  { address, port, tls, labels, locality = 0 }: Backend['endpoints'][number],
  guarded: PodPort | null,
  { balancer }: Pick<Backend, 'balancer'>,
): ExplainedEndpoint {
  const { dst_pod: name = '', dst_namespace: namespace = '' } = labels;
  return {
    address: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    pod: name && `${namespace}/${name}`,
    identity: tls?.identity ?? null,
    locality: balancer?.localities?.[locality]?.name ?? '',
    inbound: guarded && policyOf(state, guarded),
  };
}
