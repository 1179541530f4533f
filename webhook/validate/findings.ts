import { formatProblem, isError, type Problem } from '../../destination/objects/problem.ts';

/** What was found in an object that is written. */
export interface Findings {
  /** A sentence for each thing that is wrong; none: the object is good. */
  readonly problems: readonly string[];
  /** A sentence for each thing that whoever writes should hear and that refuses nothing. */
  readonly warnings: readonly string[];
  /** ServiceProfiles of the object's namespace that it names, which may not exist yet. */
  readonly named: readonly NamedProfile[];
}

/** A field that names a ServiceProfile. */
export interface NamedProfile {
  readonly path: string;
  readonly name: string;
}

/** Problems that refuse an object, and those that do not, as sentences. */
export function bySeverity(problems: readonly Problem[]): Pick<Findings, 'problems' | 'warnings'> {
  const { errors = [], warnings = [] } = Object.groupBy(problems, (each) => (isError(each) ? 'errors' : 'warnings'));
  return { problems: errors.map(formatProblem), warnings: warnings.map(formatProblem) };
}

export const NO_FINDINGS: Findings = { problems: [], warnings: [], named: [] };
