import { validatedKind } from '../validate/kinds.ts';
import type { AdmissionRequest } from './admission-review.ts';
import type { ReviewOutcome } from './review-outcome.ts';

/** Reviews the writing of an object: refuses it with every problem that it has. */
export function reviewValidation({ group, kind, object }: AdmissionRequest): ReviewOutcome {
  const checks = validatedKind(group, kind);
  const problems = checks && object !== null ? checks.problems(object) : [];
  if (problems.length === 0) {
    return { answer: { isAllowed: true }, outcome: 'valid', reason: checks ? '' : 'unsupported_kind', message: '' };
  }
  const message = `this ${kind} cannot be honoured: ${problems.join('; ')}`;
  return {
    answer: { isAllowed: false, message },
    outcome: 'invalid',
    reason: 'object_invalid',
    message,
  };
}
