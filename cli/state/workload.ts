import { fieldsOf } from '../../destination/objects/checked-fields.ts';
import type { Fields } from '../../destination/objects/json.ts';
import type { Deployment } from '../../destination/objects/kubernetes/deployment.ts';
import { isFinished, type Pod } from '../../destination/objects/kubernetes/pod.ts';
import { compareText } from '../../destination/objects/meta.ts';
import { workloadOf } from '../../destination/translate/pod-endpoint.ts';
import { UsageError } from '../command.ts';
import { someOf } from '../some-of.ts';
import type { MeshState } from './mesh-state.ts';
import { podOfTemplate } from './pod-of-template.ts';

/** A workload as a command line names it: `deploy/web`, `pod/web-0`. */
export interface Workload {
  readonly namespace: string;
  readonly kind: 'deployment' | 'statefulset' | 'daemonset' | 'pod';
  readonly name: string;
}

/** A pod of a workload, or the one that its template would make. */
export interface WorkloadPod {
  readonly pod: Pod;
  /** As it was written. */
  readonly raw: Fields;
  /** Name of the Deployment that would make it; null: it is there. */
  readonly deployment: string | null;
}

/** How workloads are written. */
export const WORKLOAD_FORMS = 'deploy/NAME, statefulset/NAME, daemonset/NAME, pod/NAME';

/** Reads a workload; null: it is none of {@link WORKLOAD_FORMS}. */
export function parseWorkload(text: string, namespace: string): Workload | null {
  const [kind = '', name = '', ...rest] = text.split('/');
  const known = Object.hasOwn(KINDS, kind) ? KINDS[kind]! : null;
  return known && name !== '' && rest.length === 0 ? { namespace, kind: known, name } : null;
}

/**
 * The pods of a workload that run or will, by name; of a Deployment without any, what its template makes.
 *
 * @param asked what names the workload, for the error
 * @throws UsageError when there are none
 */
export function podsOf(state: MeshState, { namespace, kind, name }: Workload, asked: string): WorkloadPod[] {
  const { objects, cluster } = state;
  const pods = [...objects.list('Pod')].filter((pod) => pod.namespace === namespace);
  const owns = (pod: Pod) => {
    if (kind === 'pod') return pod.name === name;
    const owner = workloadOf(cluster, pod);
    return owner?.kind.toLowerCase() === kind && owner.name === name;
  };
  const own = pods.filter((pod) => owns(pod) && !isFinished(pod)).sort((a, b) => compareText(a.name, b.name));
  if (own.length > 0) return own.map((pod) => ({ pod, deployment: null, raw: rawOf(state, pod) }));
  const deployment = kind === 'deployment' ? cluster.get('Deployment', namespace, name) : undefined;
  const made = deployment && templateOf(state, deployment);
  if (made) return [made];
  const known = kind === 'pod' ? pods.map((each) => each.name) : deploymentsOf(objects, namespace);
  const hint = known.length > 0 ? `there are ${someOf(known, MOST_KNOWN)}` : `namespace ${namespace} has none`;
  throw new UsageError(`${asked}: there is no ${kind} ${name} in namespace ${namespace}`, hint);
}

/** A pod as it was written. */
export function rawOf(state: MeshState, { namespace, name }: Pod): Fields {
  return state.written({ kind: 'Pod', namespace, name })?.raw ?? {};
}

/** The pod that the template of a Deployment makes; null: none. */
export function templateOf(state: MeshState, { namespace, name }: Deployment): WorkloadPod | null {
  const ref = { kind: 'Deployment', namespace, name };
  const made = podOfTemplate(ref, fieldsOf(state.written(ref)!.raw.spec, 'spec').template);
  return made && { ...made, deployment: name };
}

function deploymentsOf(objects: MeshState['objects'], namespace: string): string[] {
  return [...objects.list('Deployment')].filter((each) => each.namespace === namespace).map(({ name }) => name);
}

const KINDS: Readonly<Record<string, Workload['kind']>> = {
  deploy: 'deployment',
  deployment: 'deployment',
  statefulset: 'statefulset',
  daemonset: 'daemonset',
  pod: 'pod',
};
/** Names that an error gives. */
const MOST_KNOWN = 10;
