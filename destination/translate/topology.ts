import type { Service } from '../objects/kubernetes/service.ts';
import type { ClientView } from './client-view.ts';

/** Where something that can be reached is, and for whom it is meant. */
export interface Placed {
  /** Empty: not known. */
  readonly node: string;
  /** Zones that the EndpointSlice wants it used from; empty: it does not say. */
  readonly hintedZones: readonly string[];
}

/**
 * Those of a Service's endpoints that a client uses, as kube-proxy decides it:
 *
 * - `internalTrafficPolicy: Local`: those of the client's own node, and none where it has none. An endpoint whose node is
 *   not known, and everything where the client's is not, counts as its own.
 * - Otherwise, where every endpoint has zone hints and one of them is for the client's zone: those for that zone.
 *
 * Source: kubernetes `pkg/proxy/topology.go`. Its hints for nodes (`trafficDistribution: PreferSameNode`) are not followed;
 * the hints for zones beside them are.
 */
export function nearEndpoints<T extends Placed>(service: Service, all: readonly T[], client: ClientView): readonly T[] {
  if (service.isLocal) {
    const { node } = client;
    return all.filter((each) => node === '' || each.node === '' || each.node === node);
  }
  if (all.length === 0 || all.some(({ hintedZones }) => hintedZones.length === 0)) return all;
  const { zone } = client;
  const near = all.filter(({ hintedZones }) => hintedZones.includes(zone));
  return near.length > 0 ? near : all;
}
