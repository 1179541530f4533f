import { fieldsOf } from '../../destination/objects/checked-fields.ts';
import type { Fields } from '../../destination/objects/json.ts';
import { KINDS, type Kind } from '../../destination/objects/kinds.ts';
import { formatProblem, isError, MalformedObject, type Problem } from '../../destination/objects/problem.ts';
import { type Findings, NO_FINDINGS } from './findings.ts';
import type { ValidatedKind } from './validated-kind.ts';

/**
 * A kind of routes and policies that other programs read too. It is checked as destination reads it, so that whatever
 * destination would not honour is said at once.
 */
export function policyKind(kind: Kind): ValidatedKind {
  const { group, versions, name, plural } = KINDS[kind];
  const findings = (object: unknown, before: unknown) => policyFindings(kind, object, before);
  return { group, versions, kind: name, resource: plural, isShared: true, findings };
}

/**
 * What is wrong with an object. What was wrong before is a warning: a controller that writes its status, or takes off a
 * finalizer so that the object can go, must not be stopped by it.
 */
function policyFindings(kind: Kind, object: unknown, before: unknown): Findings {
  const found = read(kind, object);
  const known = new Set(before === null || before === undefined ? [] : read(kind, before).map(formatProblem));
  const isRefusing = (problem: Problem) => isError(problem) && !known.has(formatProblem(problem));
  return {
    ...NO_FINDINGS,
    problems: found.filter(isRefusing).map(formatProblem),
    warnings: found.filter((problem) => !isRefusing(problem)).map(formatProblem),
  };
}

function read(kind: Kind, object: unknown): Problem[] {
  const problems: Problem[] = [];
  try {
    KINDS[kind].read(withName(object), problems);
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    problems.unshift(error.problem);
  }
  return problems;
}

/** The name of an object that asks for one (`generateName`) is made after it was reviewed. */
function withName(object: unknown): Fields {
  const fields = fieldsOf(object, '');
  const metadata = fieldsOf(fields.metadata, 'metadata');
  if (metadata.name !== undefined || metadata.generateName === undefined) return fields;
  return { ...fields, metadata: { ...metadata, name: 'generated' } };
}
