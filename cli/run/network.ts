import type { Addressing } from './addressing.ts';
import type { Plan, PlannedContainer, PlannedPod } from './plan.ts';

/** The ways to give the pods of a local mesh a network. */
export const NETWORK_MODES = ['namespaces', 'loopback'] as const;

/**
 * `namespaces`: a network namespace for each pod, with redirect rules; `loopback`: an address in 127.0.0.0/8, and the
 * proxy explicitly.
 */
export type NetworkMode = (typeof NETWORK_MODES)[number];

/** Where the programs and files of a local mesh lie. */
export interface Layout {
  /** Node of this mesh. */
  readonly node: string;
  /** Folder of the bundles. */
  readonly programs: string;
  /** Folder of keys, tokens, logs and generated manifests. */
  readonly state: string;
}

/** One way to give the pods of a local mesh a network: `namespaces.ts` and `loopback.ts`. */
export interface MeshNetwork extends Addressing {
  readonly mode: NetworkMode;
  readonly layout: Layout;
  /** CIDRs that count as the cluster for inbound policy; empty: destination's default. */
  readonly clusterNetworks: readonly string[];
  /** Owner of a proxy's token; null: this process's own user. */
  readonly proxyUid: number | null;
  /** What to do about a port that is taken. */
  readonly portAdvice: string;
  /** Makes ready for the pods of a plan. @throws WeftError where the network cannot carry them */
  prepare(plan: Plan): Promise<void>;
  /** Makes the network of a pod. @param index as for its addresses */
  attach(pod: PlannedPod, index: number): PodNetwork;
  /** How to look at the running mesh, lines for the user; the last begins with `logs: ` and the folder of the logs. */
  lookInside(plan: Plan): readonly string[];
  /** Gives back everything that would outlive this process, and removes the layout's state. */
  close(): Promise<void>;
}

/** The network of one pod: how its programs are started in it. */
export interface PodNetwork {
  proxy(command: readonly string[]): Program;
  container(container: PlannedContainer): Program;
  /** Whether the pod's application listens on a port. */
  listens(port: number): Promise<boolean>;
  /** What keeps the application from a port, as a sentence; empty: nothing that is known. */
  obstacle(port: number): string;
}

/** A command line with what the network adds to its environment. */
export interface Program {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}
