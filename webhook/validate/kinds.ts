import { formatProblem } from '../../destination/translate/problem.ts';
import { serviceProfileProblems } from '../../destination/translate/service-profile.ts';

/** A kind whose objects are checked when they are written. */
export interface ValidatedKind {
  readonly group: string;
  readonly versions: readonly string[];
  readonly kind: string;
  /** Plural, as in paths. */
  readonly resource: string;
  /** A sentence for each thing that is wrong with an object; none: it is good. Never throws. */
  problems(object: unknown): readonly string[];
}

/** Every kind that Weft checks. The registration of the webhook lists the same. */
export const VALIDATED_KINDS: readonly ValidatedKind[] = [
  {
    group: 'linkerd.io',
    versions: ['v1alpha1', 'v1alpha2'],
    kind: 'ServiceProfile',
    resource: 'serviceprofiles',
    problems: (object) => serviceProfileProblems(object).map(formatProblem),
  },
];

/** The checks of a kind, or null where Weft has none. */
export function validatedKind(group: string, kind: string): ValidatedKind | null {
  return VALIDATED_KINDS.find((candidate) => candidate.group === group && candidate.kind === kind) ?? null;
}
