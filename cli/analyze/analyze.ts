import type { OutboundTarget } from '../../api/routing.ts';
import type { AuthorizationPolicy } from '../../destination/objects/istio/authorization-policy.ts';
import { selectsWorkload } from '../../destination/objects/istio/workload-selector.ts';
import { KINDS, type Kind, POLICY_KINDS } from '../../destination/objects/kinds.ts';
import type { Pod } from '../../destination/objects/kubernetes/pod.ts';
import { portsOf, type Server } from '../../destination/objects/linkerd/server.ts';
import { formatRef, parseRef, refOf } from '../../destination/objects/object-ref.ts';
import { rootNamespaces } from '../../destination/translate/istio/root-namespaces.ts';
import { type Survey, surveyAll } from '../../destination/translate/survey.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { type Finding, inOrder } from './finding.ts';
import { injectionFaults } from './injection.ts';
import { keysAway } from './keys-away.ts';
import { kindsNotRead } from './kinds-not-read.ts';
import { isCallOfGrpc, type Repeated, repeatedMethods, sentenceOfRepeated } from './repeated-methods.ts';
import { expectedPods } from './workloads.ts';

/** Everything that is wrong with a set of objects, by itself and together. Pure. */
export function analyze(state: MeshState): Finding[] {
  const expected = expectedPods(state);
  const survey = surveyAll(state, expected);
  return inOrder([
    ...state.reports.map(
      ({ object, place, path, message, severity }): Finding => ({
        severity: severity ?? 'error',
        check: 'read',
        object: object && { ...object, kind: calledKind(object.kind) },
        place,
        field: path,
        message,
      }),
    ),
    ...survey.complaints.map(
      ({ object, path, message }): Finding => ({
        severity: 'error',
        check: 'together',
        object,
        place: state.placeOf(object),
        field: path,
        message,
      }),
    ),
    ...kindsNotRead(state.others),
    ...injectionFaults(state),
    ...unused(state, survey, expected),
    ...repeated(state, survey.targets),
    ...keysAway(state),
  ]);
}

/** Objects of the mesh that no survey looked up: their Service is not there, or nothing refers to them. */
function unused(state: MeshState, { topics }: Survey, expected: readonly Pod[]): Finding[] {
  // Of what is for gateways alone that has been told.
  const told = new Set(
    state.reports.flatMap(({ object, path }) => (object && FOR_GATEWAYS.includes(path) ? [formatRef(object)] : [])),
  );
  const pods = [...state.objects.list('Pod'), ...expected];
  // A Server is looked up by every pod of its namespace, whether it selects that or not.
  const isIdle = (server: Server) =>
    !pods.some((pod) => pod.namespace === server.namespace && portsOf(server, pod).length > 0);
  const roots = rootNamespaces(state.domain);
  const selectsNone = ({ namespace, selector }: Selecting) =>
    !pods.some(
      (pod) => (pod.namespace === namespace || roots.includes(namespace)) && selectsWorkload(selector, pod.labels),
    );
  const idle = new Set([
    ...[...state.objects.list('Server')].filter(isIdle).map((server) => formatRef(refOf('Server', server))),
    ...SELECTING.flatMap((kind) =>
      [...state.objects.list(kind)].filter(selectsNone).map((each) => formatRef(refOf(kind, each))),
    ),
  ]);
  return POLICY_KINDS.flatMap((kind) =>
    [...state.objects.list(kind)]
      .filter((object) => !state.isLookedUp(kind, object, topics) || idle.has(formatRef(refOf(kind, object))))
      .filter((object) => !told.has(formatRef(refOf(kind, object))))
      .map(({ namespace, name }): Finding => {
        const object = { kind: KINDS[kind].name, namespace, name };
        return {
          severity: 'warning',
          check: 'unused',
          object,
          place: state.placeOf({ ...object, kind }),
          field: '',
          message: `has no effect: ${WHY_UNUSED[kind] ?? 'no Service that was read is its, and no object refers to it'}`,
        };
      }),
  );
}

/** What selects pods by their labels. */
type Selecting = Pick<AuthorizationPolicy, 'namespace' | 'selector'>;
const SELECTING = ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication'] as const;

const WHY_UNUSED: Partial<Record<Kind, string>> = {
  AuthorizationPolicy: 'it selects no pod that was read',
  PeerAuthentication: 'it selects no pod that was read',
  RequestAuthentication: 'it selects no pod that was read',
  TrafficTarget: 'no pod that was read has the service account of its destination',
  LinkerdAuthorizationPolicy: 'no Server that was read is in its namespace',
  ServerAuthorization: 'no Server that was read is in its namespace',
  MeshTLSAuthentication: 'no AuthorizationPolicy for a Server that was read requires it',
  NetworkAuthentication: 'no AuthorizationPolicy for a Server that was read requires it',
  Server: 'it names no port of a pod that was read; without a number, a container has to name that port',
  HTTPLocalRateLimitPolicy: 'its Server was not read, or names no port of a pod that was read',
};

/** Fields that say so. */
const FOR_GATEWAYS = ['spec.parentRefs', 'spec.gateways', 'spec.targetRef', 'spec.targetRefs', 'spec.selector'];

/** One finding for each object, however many of its rules it is about, and targets and clients that have them. */
function repeated(state: MeshState, targets: readonly OutboundTarget[]): Finding[] {
  const byOrigin = new Map<string, Map<string, Repeated>>();
  for (const { protocol, routes } of targets)
    for (const route of routes) {
      const methods = repeatedMethods(route);
      if (methods.length === 0) continue;
      const rules = byOrigin.get(route.origin) ?? new Map<string, Repeated>();
      byOrigin.set(route.origin, rules);
      const isGrpc = protocol === 'grpc' || isCallOfGrpc(route);
      rules.set(route.path ?? route.name, { route, methods: isGrpc ? ['call'] : methods });
    }
  return [...byOrigin].map(([origin, rules]): Finding => {
    const object = parseRef(origin);
    const found = [...rules.values()];
    const field = found.length === 1 ? (found[0]!.route.path ?? '') : '';
    const message = sentenceOfRepeated(found);
    return { severity: 'warning', check: 'retry', object, place: state.placeOf(object), field, message };
  });
}

/** As manifests call it. */
function calledKind(kind: string): string {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind as Kind].name : kind;
}
