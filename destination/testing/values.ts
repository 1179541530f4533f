import type { Test } from 'tap';

import type { Fields } from '../objects/json.ts';
import type { Kind } from '../objects/kinds.ts';
import { problemsOf, withValue } from './damage.ts';

/** A field, values that it takes, and values that are complained of at its path, or at that of what it is in. */
export type FieldValues = readonly [path: string, taken: readonly unknown[], refused: readonly unknown[], at?: string];

/** Asks of each field that a usable object with a value that it takes is read without a fault, and with any other is not. */
export function asksValues(t: Test, kind: Kind, base: Fields, fields: readonly FieldValues[]): void {
  const faultsOf = (raw: Fields) => problemsOf(kind, raw).filter(({ severity }) => severity !== 'warning');
  t.same(faultsOf(base), [], 'the object itself is good');
  for (const [path, taken, refused, at = path] of fields) {
    for (const value of taken) t.same(faultsOf(withValue(base, path, value)), [], `${path} may be ${shown(value)}`);
    for (const value of refused) {
      const found = faultsOf(withValue(base, path, value)).map((each) => each.path);
      t.ok(found.includes(at), `${path} may not be ${shown(value)}`, { found });
    }
  }
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 100);
}
