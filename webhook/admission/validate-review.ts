import { type NamedProfile, NO_FINDINGS } from '../validate/findings.ts';
import { validatedKind } from '../validate/kinds.ts';
import type { AdmissionRequest } from './admission-review.ts';
import type { ReviewOutcome } from './review-outcome.ts';

/** Where ServiceProfiles are looked up. */
export interface ProfileLookup {
  /** null: it cannot be told at present. Never throws. */
  has(namespace: string, name: string): Promise<boolean | null>;
}

/** Whose namespaces are. */
export interface Membership {
  /** Whether a namespace asks for this mesh. Never throws. */
  isOurs(namespace: string): Promise<boolean>;
}

/** What will be said of pods. */
export interface WorkloadReview {
  /** Sentences about the pods that an object makes; none where its namespace cannot be looked up. Never throws. */
  warningsOf(kind: string, object: unknown, namespace: string): Promise<readonly string[]>;
}

/**
 * Reviews the writing of an object: refuses it with every problem that it has, and warns of what it names and is not
 * there, since manifests are applied in any order, and of what its pods will meet. In a namespace that another mesh may serve, problems of kinds that
 * both read are warnings.
 */
export async function reviewValidation(
  { group, kind, namespace, object, before }: AdmissionRequest,
  profiles: ProfileLookup,
  membership: Membership,
  workloads: WorkloadReview,
): Promise<ReviewOutcome> {
  const checks = validatedKind(group, kind);
  const found = checks && object !== null ? checks.findings(object, before) : NO_FINDINGS;
  const warnings = [
    ...found.warnings,
    ...(await warningsOf(found.named, namespace, profiles)),
    ...(checks && object !== null ? await workloads.warningsOf(kind, object, namespace) : []),
  ];
  const isRefused = found.problems.length > 0 && (!checks!.isShared || (await membership.isOurs(namespace)));
  if (!isRefused) {
    const answer = { isAllowed: true, warnings: [...found.problems, ...warnings] };
    return { answer, outcome: 'valid', reason: checks ? '' : 'unsupported_kind', message: '' };
  }
  const message = `this ${kind} cannot be honoured: ${found.problems.join('; ')}`;
  return {
    answer: { isAllowed: false, message, warnings },
    outcome: 'invalid',
    reason: 'object_invalid',
    message,
  };
}

async function warningsOf(
  named: readonly NamedProfile[],
  namespace: string,
  profiles: ProfileLookup,
): Promise<string[]> {
  const warnings: string[] = [];
  for (const { path, name } of named) {
    if ((await profiles.has(namespace, name)) !== false) continue;
    warnings.push(
      `${path}: ServiceProfile "${name}" does not exist in namespace ${namespace} yet; no routes until then`,
    );
  }
  return warnings;
}
