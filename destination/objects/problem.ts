/** A fault in an object that someone wrote: where it is and what would be right. */
export interface Problem {
  /** Path of the field within the object, `spec.routes[2].condition.pathRegex`; empty: the object as a whole. */
  readonly path: string;
  /** A sentence without the path: what is wrong and what is allowed. */
  readonly message: string;
  /** Something that is not honoured, and no reason to refuse the object. Absent: an error. */
  readonly severity?: 'warning';
}

/** Whether a fault is a reason to refuse the object. */
export function isError({ severity }: Problem): boolean {
  return severity !== 'warning';
}

/** An object cannot be used at all; whoever holds a good earlier version of it keeps that. */
export class MalformedObject extends Error {
  readonly problem: Problem;

  constructor(path: string, message: string) {
    super(path === '' ? message : `${path} ${message}`);
    this.name = 'MalformedObject';
    this.problem = { path, message };
  }
}

/**
 * Passes on what was found in an object that is used as a whole or not at all.
 *
 * @throws MalformedObject with the first error, where there is one; the others are in `problems`
 */
export function refuseErrors(found: readonly Problem[], problems: Problem[]): void {
  const error = found.find(isError);
  for (const each of found) if (each !== error) problems.push(each);
  if (error) throw new MalformedObject(error.path, error.message);
}

/** `path message`, as a log line or an Event shows it. */
export function formatProblem({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`;
}
