import type { AccessLayer, AccessRule } from '../../api/access-policy.ts';
import type { InboundConfig, InboundPolicy } from '../../api/routing.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { WorkloadPod } from '../state/workload.ts';
import { placeOf } from '../why/route-name.ts';
import { conditionWords, predicateWords } from './condition-words.ts';

/** One thing that says who may come in. Rows of one port are of one layer, unless they say otherwise. */
export interface AccessRow {
  /** null: every port. `other`: every one that has no rows of its own. */
  readonly port: number | 'other' | null;
  /** The route on whose requests alone it has a say; null: all. */
  readonly route: string | null;
  /**
   * `default`: whom the port lets in of itself. `allow`, `deny`: a rule. `require`: an identity, or else a reset. `404`: requests that are
   * of no route. `audit`, `would allow`, `would deny`: told of, and not enforced.
   */
  readonly effect: 'default' | 'allow' | 'deny' | 'require' | '404' | 'audit' | 'would allow' | 'would deny';
  /** Whom or what it takes, in words. */
  readonly who: string;
  /** `AuthorizationPolicy/default/api`, or what else says it; `default`: nobody has said. */
  readonly origin: string;
  /** Where in it; empty: the object as a whole. */
  readonly field: string;
  /** `path:line`; empty: it came from an API server, or from no object. */
  readonly place: string;
}

/** Pods that let the same clients in. */
export interface PodsAccess {
  /** `default/api-0`; `Deployment/default/api`: those that its template makes. */
  readonly pods: readonly string[];
  readonly rows: readonly AccessRow[];
}

/** Who may use the pods of a workload, those that let the same in together, in the order of the pods. */
export function accessOf(state: MeshState, pods: readonly WorkloadPod[]): PodsAccess[] {
  const { cluster, domain } = state;
  const groups = new Map<string, PodsAccess & { readonly pods: string[] }>();
  for (const { pod, deployment } of pods) {
    const rows = rowsOf(state, inboundConfig({ cluster, domain, complain: () => {} }, pod));
    const own = `${pod.namespace}/${pod.name}`;
    const called = deployment === null ? own : `Deployment/${own}`;
    const key = JSON.stringify(
      rows.map((row) => (row.origin.endsWith(`/${own}`) ? { ...row, origin: '', place: '' } : row)),
    );
    const group = groups.get(key);
    if (group) group.pods.push(called);
    else groups.set(key, { pods: [called], rows });
  }
  return [...groups.values()];
}

function rowsOf(state: MeshState, { ports, defaultPolicy, access }: InboundConfig): AccessRow[] {
  const row = (
    port: AccessRow['port'],
    route: string | null,
    effect: AccessRow['effect'],
    who: string,
    by: Said,
  ): AccessRow => ({
    port,
    route,
    effect,
    who,
    origin: by.origin,
    field: by.path ?? '',
    place: placeOf(state, by.origin),
  });
  const policy = (port: AccessRow['port'], { mode, origin }: InboundPolicy) =>
    row(port, null, 'default', MODES[mode], { origin });
  const rule = (port: AccessRow['port'], route: string | null, effect: AccessRow['effect'], each: AccessRule) =>
    row(port, route, effect, conditionWords(each.when), each);
  const ofLayer = ({ deny, allow, audit = [], dryRun, origin }: AccessLayer) => [
    ...deny.map((each) => rule(null, null, 'deny', each)),
    ...(allow ?? []).map((each) => rule(null, null, 'allow', each)),
    ...(allow?.length === 0 ? [row(null, null, 'allow', 'nobody', { origin })] : []),
    ...audit.map((each) => rule(null, null, 'audit', each)),
    ...(dryRun?.deny ?? []).map((each) => rule(null, null, 'would deny', each)),
    ...(dryRun?.allow ?? []).map((each) => rule(null, null, 'would allow', each)),
  ];
  const tls = [
    ...Object.entries(access?.mutualTlsPorts ?? {}).map(([port, mode]) => ({ port: Number(port), ...mode })),
    ...(access ? [{ port: null, ...access.mutualTls }] : []),
  ];
  return [
    ...ports.flatMap(({ port, policy: own, authorizations = [], accessRoutes }) => [
      policy(port, own),
      ...authorizations.map((each) => rule(port, null, 'allow', each)),
      ...(accessRoutes ?? []).flatMap((route) => [
        ...(route.authorizations.length === 0
          ? [row(port, route.name, 'default', `whom the port lets in, for ${predicateWords(route.when)}`, route)]
          : []),
        ...route.authorizations.map((each) =>
          row(port, route.name, 'allow', `${conditionWords(each.when)}, for ${predicateWords(route.when)}`, each),
        ),
      ]),
      ...(accessRoutes ? [row(port, null, '404', 'requests of no route', { origin: own.origin })] : []),
    ]),
    policy('other', defaultPolicy),
    ...tls
      .filter(({ mode, origin }) => mode === 'strict' || origin !== 'default')
      .map(({ port, mode, origin }) =>
        mode === 'strict'
          ? row(port, null, 'require', 'an identity', { origin })
          : row(port, null, 'default', 'with an identity or without', { origin }),
      ),
    ...(access?.layers ?? []).flatMap(ofLayer),
  ];
}

interface Said {
  readonly origin: string;
  readonly path?: string;
}

/** Default inbound policies, as what they let in. */
const MODES: Readonly<Record<InboundPolicy['mode'], string>> = {
  'all-unauthenticated': 'everybody (all-unauthenticated)',
  'all-authenticated': 'whoever has an identity (all-authenticated)',
  'cluster-unauthenticated': 'everybody of the cluster’s networks (cluster-unauthenticated)',
  'cluster-authenticated': 'whoever has an identity, of the cluster’s networks (cluster-authenticated)',
  audit: 'everybody, and tells of it (audit)',
  deny: 'nobody (deny)',
};
