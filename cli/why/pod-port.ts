import type { WorkloadPod } from '../state/workload.ts';

/** A port of a pod that has a proxy. */
export interface PodPort extends WorkloadPod {
  readonly port: number;
}
