import type { Host } from '../objects/host.ts';
import { keysCovering } from '../objects/istio/host.ts';
import { KINDS, type Kind, POLICY_KINDS } from '../objects/kinds.ts';
import { type Complaint, Complaints, formatRef, refOf } from '../objects/object-ref.ts';
import { isObjectFinder } from '../objects/object-store.ts';
import type { Report, Reports } from '../objects/reports.ts';
import { inboundConfig } from '../translate/inbound-config.ts';
import { rootNamespaces } from '../translate/istio/root-namespaces.ts';
import { hostsOf, type Surveyed, surveyHost } from '../translate/survey.ts';
import { clientsOf } from '../translate/survey-clients.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** An object with a verdict on it. */
export interface Judged {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly verdict: Verdict;
}

/**
 * Judges every route and policy in namespaces that have pods of this mesh: what is wrong with it by itself, and what its
 * Services' clients and the pods of its Servers make of it. It says the same whoever is connected, so that replicas agree.
 *
 * @param rest called between Services, and between pods, so that proxies are served meanwhile
 */
export async function judgePolicies(
  surveyed: Surveyed,
  reports: Reports,
  rest: () => Promise<void>,
): Promise<{ readonly judged: readonly Judged[]; readonly complaints: readonly Complaint[] }> {
  const { cluster, objects, domain } = surveyed;
  const complaints = new Complaints();
  const clients = clientsOf(objects);
  const profiles = new Set([...objects.list('ServiceProfile')].map(({ name }) => name));
  const inquiry = { cluster, domain, complain: complaints.add };
  for (const host of hostsOf(surveyed)) {
    if (!hasPolicy(surveyed, host, profiles)) continue;
    surveyHost(inquiry, host, clients);
    await rest();
  }
  const pods = [...objects.list('Pod')].filter(({ controlNamespace }) => controlNamespace === domain.controlNamespace);
  const meshed = new Set(pods.map(({ namespace }) => namespace));
  for (const pod of pods) {
    if (!hasPodPolicy(surveyed, pod.namespace)) continue;
    inboundConfig(inquiry, pod);
    await rest();
  }
  const faults = reports.current(isObjectFinder);
  const problemsOf = Map.groupBy(faults, ({ object }) => object && formatRef(object));
  const complaintsOf = Map.groupBy(complaints.all, ({ object }) => formatRef(object));
  const judged = POLICY_KINDS.flatMap((kind) =>
    namesOf(kind, surveyed, faults)
      .filter(({ namespace }) => meshed.has(namespace))
      .map((object): Judged => {
        // What reads objects names them by the key of their kind, what translates them as manifests do.
        const problems = problemsOf.get(formatRef(refOf(kind, object))) ?? [];
        const told = complaintsOf.get(formatRef(refOf(KINDS[kind].name, object))) ?? [];
        return { ...refOf(kind, object), kind, verdict: verdictOf(problems, told) };
      }),
  );
  return { judged, complaints: complaints.all };
}

/** Objects that were read, and those that could not be. */
function namesOf(kind: Kind, { objects }: Surveyed, faults: readonly Report[]): { namespace: string; name: string }[] {
  const read = [...objects.list(kind)].map(({ namespace, name }) => ({ namespace, name }));
  const unread = faults.flatMap(({ object }) => (object?.kind === kind && object.name !== '' ? [object] : []));
  return [...new Map([...read, ...unread].map((each) => [`${each.namespace}/${each.name}`, each])).values()];
}

/** Whether any object speaks of pods of a namespace of which more shows where it is read together with them. */
function hasPodPolicy({ cluster, domain }: Surveyed, namespace: string): boolean {
  return (
    cluster.serversOf(namespace).length > 0 ||
    [namespace, ...rootNamespaces(domain)].some(
      (each) => cluster.requestAuthenticationsOf(each).length > 0 || cluster.authorizationPoliciesOf(each).length > 0,
    )
  );
}

/** Whether any object speaks of a host, to whichever client. */
function hasPolicy({ cluster }: Surveyed, host: Host, profiles: ReadonlySet<string>): boolean {
  if (host.kind !== 'Service') return true;
  return (
    profiles.has(host.name) ||
    cluster.trafficSplitsOf(host.object).length > 0 ||
    cluster.meshRoutesOf(host.object).length > 0 ||
    keysCovering(host)
      .flat()
      .some((key) => cluster.virtualServicesOf(key).length > 0 || cluster.destinationRulesOf(key).length > 0)
  );
}
