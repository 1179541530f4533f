/*
 * Fields of objects whose types API servers have checked (the built-in kinds, and metadata): one that is wrong all the same
 * makes the object unusable as a whole. What people write of policies is read by {@link FieldReader}, which notes every fault.
 */
import { type Fields, isPort } from './json.ts';
import { MalformedObject } from './problem.ts';

/** Fields of an object; absent and null are empty. @throws MalformedObject for anything else */
export function fieldsOf(value: unknown, path: string): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new MalformedObject(path, 'is no object');
  return value as Fields;
}

/** Entries of a list; absent and null are empty. @throws MalformedObject for anything else */
export function listOf(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new MalformedObject(path, 'is no list');
  return value;
}

/** A text; absent and null are `fallback`. @throws MalformedObject for anything else */
export function textOf(value: unknown, path: string, fallback = ''): string {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'string') throw new MalformedObject(path, 'is no string');
  return value;
}

/** A truth value; absent and null are `fallback`. @throws MalformedObject for anything else */
export function flagOf(value: unknown, path: string, fallback: boolean): boolean {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'boolean') throw new MalformedObject(path, 'is neither true nor false');
  return value;
}

/** A map of texts, as labels, annotations and selectors are. @throws MalformedObject for anything else */
export function textsOf(value: unknown, path: string): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [key, text] of Object.entries(fieldsOf(value, path))) texts[key] = textOf(text, `${path}["${key}"]`);
  return texts;
}

/** A TCP port, 1 to 65535. @throws MalformedObject for anything else */
export function portOf(value: unknown, path: string): number {
  if (!isPort(value)) throw new MalformedObject(path, 'is no port (1 to 65535)');
  return value;
}
