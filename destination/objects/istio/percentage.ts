import type { FieldReader } from '../field-reader.ts';

/**
 * Reads a share of the requests, 0 to 1: `{ value: 12.5 }` of the field `name`, or the whole number of the deprecated field.
 *
 * @returns null where neither is there
 */
export function readPercentage(reader: FieldReader, name: string, deprecated: string | null): number | null {
  const fields = reader.nested(name);
  fields?.allow(['value']);
  if (fields) return (fields.has('value') ? (fields.number('value', PERCENT) ?? 0) : 0) / 100;
  if (deprecated === null || !reader.has(deprecated)) return null;
  return (reader.whole(deprecated, 0, 100) ?? 0) / 100;
}

const PERCENT = { min: 0, max: 100, integer: false };
