import { RE2JS } from 're2js';

/** What is wrong with a regular expression of RE2 syntax; null: nothing. */
export function patternFault(regex: string): string | null {
  try {
    RE2JS.compile(regex);
    return null;
  } catch (error) {
    return `"${regex.slice(0, 100)}" is no regular expression of RE2: ${(error as Error).message}`;
  }
}
