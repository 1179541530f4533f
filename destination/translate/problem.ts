/** A fault in an object that someone wrote: where it is and what would be right. */
export interface Problem {
  /** Path of the field within the object, `spec.routes[2].condition.pathRegex`; empty: the object as a whole. */
  readonly path: string;
  /** A sentence without the path: what is wrong and what is allowed. */
  readonly message: string;
  /** Something that is not honoured, and no reason to refuse the object. Absent: an error. */
  readonly severity?: 'warning';
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

/** `path message`, as a log line or an Event shows it. */
export function formatProblem({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`;
}
