import { errorMessage } from '../../core/errors/weft-error.ts';
import type { ApiClient } from '../../core/kubernetes/api-client.ts';
import { ApiError } from '../../core/kubernetes/api-error.ts';

/** What a check may ask of the cluster. */
export type ClusterApi = Pick<ApiClient, 'get' | 'create'>;

/** One thing that is checked. */
export interface Check {
  readonly id: string;
  readonly description: string;
  /** What to do when it fails. */
  readonly hint: string;
  /** A failure ends the checks: the rest would fail too. */
  readonly isFatal?: boolean;
  /** A failure is worth knowing and stops nobody: the exit code stays 0. */
  readonly isAdvice?: boolean;
  /** @returns remarks for whoever reads on. @throws what is wrong */
  run(api: ClusterApi): Promise<readonly string[] | undefined>;
}

/** What is wrong, and what else was seen. */
export class CheckFailure extends Error {
  readonly notes: readonly string[];

  constructor(message: string, notes: readonly string[]) {
    super(message);
    this.notes = notes;
  }
}

/** What a check came to. */
export interface Result {
  readonly id: string;
  readonly description: string;
  readonly result: 'success' | 'warning' | 'error';
  readonly notes?: readonly string[];
  readonly error?: string;
  readonly hint?: string;
}

/** Runs checks in order. @param connect is tried anew until it succeeds @param onResult hears of each as it ends */
export async function runChecks(
  checks: readonly Check[],
  connect: () => Promise<ClusterApi>,
  onResult: (result: Result) => void,
): Promise<Result[]> {
  const results: Result[] = [];
  let api: ClusterApi | null = null;
  for (const check of checks) {
    const { id, description } = check;
    let result: Result;
    try {
      api ??= await connect();
      result = { id, description, result: 'success', ...notesOf(await check.run(api)) };
    } catch (error) {
      const isForbidden = error instanceof ApiError && error.status === 403;
      result = {
        id,
        description,
        result: check.isAdvice ? 'warning' : 'error',
        ...notesOf(error instanceof CheckFailure ? error.notes : []),
        error: errorMessage(error),
        hint: isForbidden ? 'ask with an account that may look there' : check.hint,
      };
    }
    results.push(result);
    onResult(result);
    if (check.isFatal && result.result === 'error') break;
  }
  return results;
}

function notesOf(notes: readonly string[] = []): { notes?: readonly string[] } {
  return notes.length > 0 ? { notes } : {};
}
