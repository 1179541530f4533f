import type { Ask } from './ask.ts';
import type { Choice } from './choice.ts';

/** One of the languages in which policies are written, with somebody else who understands it. */
export interface Dialect {
  /** As `DIALECT=` names it. */
  readonly key: string;
  /** Whose policies they are. */
  readonly author: string;
  /** File of an evaluator that was written from the specification alone, beside this one. */
  readonly evaluator: string;
  readonly generate: (choice: Choice) => AccessCase;
}

/** Policies about a pod, and who asks it. */
export interface AccessCase {
  /** What a cluster has: policies, and the pod. */
  readonly manifests: readonly object[];
  /** The same as the evaluator is told of it, beside the asks. */
  readonly told: object;
  readonly asks: readonly Ask[];
}
