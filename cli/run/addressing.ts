/** Addresses of a pod, IPv4 first; IPv6 where the network has it. */
export type PodIps = readonly [string, ...string[]];

/** What the plan of a mesh asks of its network. Pure. */
export interface Addressing {
  /** Address that identity and destination listen on; for pods it is that of their node. */
  readonly controlHost: string;
  /** Annotations that tell discovery how pods are reached. */
  readonly podAnnotations: Readonly<Record<string, string>>;
  /** Addresses of a pod. @param index counted from 0 */
  podIps(index: number): PodIps;
}
