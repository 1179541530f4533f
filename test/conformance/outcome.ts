/** What one part of the conformance tests found. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** What could not run and what is missing for it, one entry a test. */
  readonly skipped: readonly string[];
}

/** The outcome of a part that cannot run. @param missing what it needs, and how to get it */
export function skip(part: string, missing: string): Outcome {
  return { passed: 0, failed: 0, skipped: [`${part} (${missing})`] };
}

/** Several outcomes as one. */
export function sum(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((total, { passed }) => total + passed, 0),
    failed: outcomes.reduce((total, { failed }) => total + failed, 0),
    skipped: outcomes.flatMap(({ skipped }) => skipped),
  };
}
