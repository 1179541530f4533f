import type { StringMatch } from '../../../api/string-match.ts';
import type { FieldReader } from '../field-reader.ts';
import { patternFault } from '../pattern-fault.ts';

/**
 * Reads a StringMatch: exactly one of `exact`, `prefix` and `regex`.
 *
 * @returns null with a problem noted when it is none; `present` for `{}` and the regular expression `*`, which ask no
 *   more than that there is a value
 */
export function readStringMatch(reader: FieldReader): StringMatch | 'present' | null {
  reader.allow(['exact', 'prefix', 'regex']);
  const given = (['exact', 'prefix', 'regex'] as const).filter((name) => reader.has(name));
  const [kind] = given;
  if (!kind) return 'present';
  if (given.length > 1) {
    reader.problem('', `has ${given.join(' and ')}; write one of them`);
    return null;
  }
  const value = reader.fields[kind];
  if (typeof value !== 'string' || (value === '' && kind !== 'exact')) {
    reader.problem(kind, 'is no text, or an empty one');
    return null;
  }
  if (kind !== 'regex') return { [kind]: value };
  if (value === '*') return 'present';
  const fault = patternFault(value);
  if (fault) reader.problem(kind, fault);
  return fault ? null : { regex: value };
}

/** As {@link readStringMatch}, where a value has to be named. */
export function readValueMatch(reader: FieldReader): StringMatch | null {
  const match = readStringMatch(reader);
  if (match !== 'present') return match;
  reader.problem('', 'says nothing; write exact, prefix or regex');
  return null;
}

/** Whether a match takes a value that is empty. */
export function takesEmpty(match: StringMatch, matchesPattern: (regex: string) => boolean): boolean {
  return match.exact === '' || match.prefix === '' || (match.regex !== undefined && matchesPattern(match.regex));
}
