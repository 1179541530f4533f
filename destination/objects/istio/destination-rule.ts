import type { RetryBudget } from '../../../api/routing.ts';
import type { Balancer, ConnectionLimits, OutlierDetection } from '../../../api/traffic-policy.ts';
import type { Meta } from '../meta.ts';
import type { ExportTo } from './visibility.ts';

/**
 * A DestinationRule as it is written.
 *
 * Source: https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */
export interface DestinationRule extends Meta {
  /** In lower case, without a dot at the end; not yet expanded. */
  readonly host: string;
  readonly exportTo: ExportTo;
  /** Labels of the clients that it is for, in its own namespace; null: every client. */
  readonly workloadSelector: Readonly<Record<string, string>> | null;
  readonly policy: PolicyByPort | null;
  readonly subsets: readonly Subset[];
}

/** Pods of a host that are told apart by labels, under a name that routes use. Source: DestinationRule, "Subset". */
export interface Subset {
  readonly name: string;
  /** `spec.subsets[0]`. */
  readonly path: string;
  /** Labels that a pod has to have besides those of the Service's selector; empty: all. */
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: PolicyByPort | null;
}

/** What holds on every port but those that have a policy of their own. */
export interface PolicyByPort {
  readonly policy: TrafficPolicy;
  readonly ports: ReadonlyMap<number, TrafficPolicy>;
}

/** Blocks that are there or not; each is replaced as a whole. */
export interface TrafficPolicy {
  readonly loadBalancer?: LoadBalancer;
  readonly limits?: ConnectionLimits;
  readonly breaker?: OutlierDetection;
  readonly tls?: TlsOrigination;
  readonly retryBudget?: RetryBudget;
}

/** How endpoints are chosen, and which are near. Source: DestinationRule, "LoadBalancerSettings". */
export interface LoadBalancer {
  /** null: it does not say. */
  readonly balancer: Omit<Balancer, 'localities'> | null;
  readonly locality: LocalitySetting | null;
}

/** Localities are `region/zone/subzone`, in part or with `*` at the end. */
export interface LocalitySetting {
  readonly isEnabled: boolean;
  readonly distribute: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[];
  /** Region that takes over from another. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Names of labels, with `=value` or as the client has it; the more of the first ones an endpoint shares the nearer it is. */
  readonly failoverPriority: readonly string[];
  /** Zones take what they can bear of their own clients; null: they are not told apart by that. */
  readonly zoneAware: { readonly minEndpoints: number } | null;
}

/** `plain`: no TLS at all; `mesh`: mutual TLS between proxies, as without the block; `origination`: the application's own, which no proxy here begins. */
export type TlsOrigination = 'plain' | 'mesh' | 'origination';
