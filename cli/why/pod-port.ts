import type { Fields } from '../../destination/objects/json.ts';
import type { Pod } from '../../destination/objects/kubernetes/pod.ts';

/** A port of a pod that has a proxy. */
export interface PodPort {
  readonly pod: Pod;
  readonly port: number;
  /** Name of the Deployment that would make it; null: it is there. */
  readonly deployment: string | null;
  /** As it was written. */
  readonly raw: Fields;
}
