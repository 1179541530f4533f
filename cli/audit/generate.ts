import type { CallerEntry } from '../../api/callers-page.ts';
import type { Pod } from '../../destination/objects/kubernetes/pod.ts';
import { compareText } from '../../destination/objects/meta.ts';
import { workloadOf } from '../../destination/translate/pod-endpoint.ts';
import type { Manifest } from '../../manifests/settings.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { ObservedCaller } from './observed.ts';

/** Whose words policies are written in. */
export type Dialect = 'istio' | 'linkerd';

/** Clients that have done the same, at one port of a workload. */
interface Allowance {
  readonly port: number;
  /** Sorted; null: whatever they send, because some of it was octets or of a method that nobody keeps. */
  readonly methods: readonly string[] | null;
  /** DNS identities and SPIFFE URIs, sorted. */
  readonly identities: readonly { readonly dns: string; readonly spiffe: string }[];
  /** Of those that prove nothing, sorted. */
  readonly addresses: readonly string[];
}

/**
 * The narrowest policies that let in what has been seen and was not refused: for each workload, who, at which port, with which
 * methods. Probes need none. Pure.
 */
export function generatePolicies(state: MeshState, callers: readonly ObservedCaller[], dialect: Dialect): Manifest[] {
  const byServer = Map.groupBy(
    callers.filter(({ entry }) => !entry.isProbe && entry.count > entry.refused),
    ({ server }) => server,
  );
  return [...byServer].flatMap(([server, seen]) => {
    const { pod } = seen[0]!;
    const place = { name: server.split('/').at(-1)!, namespace: pod.namespace, labels: selectorOf(state, pod) };
    const allowances = allowancesOf(seen.map(({ entry }) => entry));
    return dialect === 'istio' ? [istioPolicy(place, allowances)] : linkerdPolicies(place, allowances);
  });
}

interface Place {
  readonly name: string;
  readonly namespace: string;
  /** That select the workload's pods. */
  readonly labels: Readonly<Record<string, string>>;
}

function istioPolicy({ name, namespace, labels }: Place, allowances: readonly Allowance[]): Manifest {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: `${name}-observed`, namespace },
    spec: {
      selector: { matchLabels: labels },
      action: 'ALLOW',
      rules: allowances.map(({ port, methods, identities, addresses }) => ({
        from: [
          ...(identities.length > 0
            ? [{ source: { principals: identities.map(({ spiffe }) => spiffe.replace('spiffe://', '')) } }]
            : []),
          ...(addresses.length > 0 ? [{ source: { ipBlocks: addresses, notPrincipals: ['*'] } }] : []),
        ],
        to: [{ operation: { ports: [String(port)], ...(methods && { methods }) } }],
      })),
    },
  };
}

/**
 * A request is of one route alone, so that there is one for each method; where somebody may do anything at a port there is none, and
 * whoever may do something there may do anything.
 */
function linkerdPolicies({ name, namespace, labels }: Place, allowances: readonly Allowance[]): Manifest[] {
  const at = (kind: string, called: string, version: string, spec: object): Manifest => ({
    apiVersion: `${LINKERD}/${version}`,
    kind,
    metadata: { name: called, namespace },
    spec,
  });
  const lets = (kind: string, called: string, who: readonly Allowance[]) => {
    const identities = [...new Set(who.flatMap((each) => each.identities.map(({ dns }) => dns)))].sort(compareText);
    const networks = [...new Set(who.flatMap(({ addresses }) => addresses))].sort(compareText);
    const policy = (suffix: string, authentication: string) =>
      at('AuthorizationPolicy', `${called}${suffix}`, 'v1alpha1', {
        targetRef: { group: LINKERD, kind, name: called },
        requiredAuthenticationRefs: [{ group: LINKERD, kind: authentication, name: called }],
      });
    return [
      ...(identities.length > 0
        ? [at('MeshTLSAuthentication', called, 'v1alpha1', { identities }), policy('', 'MeshTLSAuthentication')]
        : []),
      ...(networks.length > 0
        ? [
            at('NetworkAuthentication', called, 'v1alpha1', { networks: networks.map((cidr) => ({ cidr })) }),
            policy('-plain', 'NetworkAuthentication'),
          ]
        : []),
    ];
  };
  const byPort = Map.groupBy(allowances, ({ port }) => port);
  return [...byPort].flatMap(([port, own]) => {
    const server = `${name}-${port}`;
    const spec = { podSelector: { matchLabels: labels }, port, accessPolicy: 'deny' };
    const isAnything = own.some(({ methods }) => methods === null);
    const methods = [...new Set(own.flatMap((each) => each.methods ?? []))].sort(compareText);
    const route = (method: string, called: string) =>
      at('HTTPRoute', called, 'v1beta3', {
        parentRefs: [{ group: LINKERD, kind: 'Server', name: server }],
        rules: [{ matches: [{ method }] }],
      });
    return [
      at('Server', server, 'v1beta3', spec),
      ...(isAnything
        ? lets('Server', server, own)
        : methods.flatMap((method) => {
            const called = `${server}-${method.toLowerCase()}`;
            const who = own.filter((each) => each.methods!.includes(method));
            return [route(method, called), ...lets('HTTPRoute', called, who)];
          })),
    ];
  });
}

/** Clients that have done the same at a port, together. */
function allowancesOf(entries: readonly CallerEntry[]): Allowance[] {
  const byClient = Map.groupBy(entries, ({ port, identity, spiffe, address }) =>
    JSON.stringify({ port, identity, spiffe, address }),
  );
  const doings = [...byClient.values()].map((of) => {
    const isAnything = of.some(({ carried, method }) => carried === 'octets' || method === '');
    const methods = isAnything ? null : [...new Set(of.map(({ method }) => method))].sort(compareText);
    return { entry: of[0]!, methods };
  });
  const together = Map.groupBy(doings, ({ entry, methods }) => JSON.stringify([entry.port, methods]));
  return [...together.values()]
    .map((of) => ({
      port: of[0]!.entry.port,
      methods: of[0]!.methods,
      identities: of
        .filter(({ entry }) => entry.identity !== '')
        .map(({ entry }) => ({ dns: entry.identity, spiffe: entry.spiffe }))
        .sort((a, b) => compareText(a.dns, b.dns)),
      addresses: of
        .filter(({ entry }) => entry.identity === '')
        .map(({ entry }) => `${entry.address}/${entry.address.includes(':') ? 128 : 32}`)
        .sort(compareText),
    }))
    .sort((a, b) => a.port - b.port || compareText(JSON.stringify(a.methods), JSON.stringify(b.methods)));
}

/** Labels that the workload's pods keep: those of its template, or its own without those that change with a revision. */
function selectorOf({ cluster }: MeshState, pod: Pod): Record<string, string> {
  const owner = workloadOf(cluster, pod);
  const deployment = owner?.kind === 'Deployment' ? cluster.get('Deployment', pod.namespace, owner.name) : undefined;
  const labels = Object.entries(deployment?.templateLabels ?? pod.labels);
  return Object.fromEntries(labels.filter(([name]) => !VOLATILE.test(name)).sort(([a], [b]) => compareText(a, b)));
}

const LINKERD = 'policy.linkerd.io';
/** Labels of a revision, of one pod alone, or of what injection adds. */
const VOLATILE =
  /^(pod-template-(hash|generation)|controller-(revision-hash|uid)|(batch|apps|statefulset)\.kubernetes\.io\/|(.*\.)?weft\.dev\/)/;
