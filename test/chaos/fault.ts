import type { Manifest } from './manifests.ts';

/** A program or a link: of a pod, or of the control plane. */
export const PARTS = ['application', 'proxy', 'link', 'identity', 'destination', 'manifest'] as const;
export type Part = (typeof PARTS)[number];

/**
 * What is done to it.
 *
 * - `kill`: SIGKILL; the program is started again at the end
 * - `freeze`: SIGSTOP, and SIGCONT at the end
 * - `cut`: the pod's link carries nothing
 * - `lose`: one packet in ten is lost, each way
 * - `late`: packets wait
 * - `break`: a manifest gets a line that is not YAML
 * - `halve`: a manifest ends in the middle, as if it were still being written
 * - `misspell`: a manifest gets a field that nobody knows and a value that is none
 * - `delete`: a manifest is away
 */
export type Deed = 'kill' | 'freeze' | 'cut' | 'lose' | 'late' | 'break' | 'halve' | 'misspell' | 'delete';

/** Something that is done to the mesh for a time. */
export interface Fault {
  /** From 1 on. */
  readonly number: number;
  readonly deed: Deed;
  readonly part: Part;
  /** Pods whose part it is; empty for the control plane and manifests. More than one: an outage of their Service. */
  readonly pods: readonly string[];
  readonly manifest: Manifest | null;
  /** Of `halve`: how much of the text stays, in [0, 1). */
  readonly share: number;
  /** Since the load began, milliseconds. */
  readonly beginMs: number;
  readonly endMs: number;
}

/** A fault as it came about. */
export interface Suffered extends Fault {
  /** When it was done, and when what it touches was well again. Milliseconds since 1970; null: not yet. */
  readonly doneMs: number;
  readonly overMs: number | null;
  /** Of a manifest: what it says meanwhile is taken for what it is to say, so that other rules hold. */
  readonly isInForce: boolean;
}

/** A fault as a line. */
export function describeFault(fault: Fault): string {
  const { number, deed, part, pods, manifest, share, beginMs, endMs } = fault;
  const what = manifest ?? (pods.length === 0 ? part : `${part} of ${pods.join(', ')}`);
  const portion = deed === 'halve' ? ` at ${Math.round(share * 100)} %` : '';
  return `${String(number).padStart(4)}  ${seconds(beginMs)} to ${seconds(endMs)} s  ${deed} ${what}${portion}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1).padStart(6);
}
