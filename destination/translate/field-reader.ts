import type { Fields } from './kinds/json.ts';
import { MalformedObject, type Problem } from './problem.ts';

/** Reads the fields of one object strictly and notes every fault with its path instead of stopping at the first. */
export class FieldReader {
  readonly fields: Fields;
  readonly #path: string;
  readonly #problems: Problem[];

  constructor(fields: Fields, path: string, problems: Problem[]) {
    this.fields = fields;
    this.#path = path;
    this.#problems = problems;
  }

  /** A reader of `value`, or null with a problem noted when it is no object. */
  static of(value: unknown, path: string, problems: Problem[]): FieldReader | null {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new FieldReader(value as Fields, path, problems);
    }
    problems.push({ path, message: 'is no object' });
    return null;
  }

  /** Notes every field that is not among `names`. */
  allow(names: readonly string[]): void {
    for (const name of Object.keys(this.fields)) {
      if (!names.includes(name)) this.problem(name, `is unknown; known are ${names.join(', ')}`);
    }
  }

  /** A text that must be there and not be empty; null with a problem noted otherwise. */
  text(name: string): string | null {
    const value = this.fields[name];
    if (typeof value === 'string' && value !== '') return value;
    this.problem(name, value === undefined ? 'is missing' : 'is no text, or an empty one');
    return null;
  }

  /** A number that must be there and within the range; null with a problem noted otherwise. */
  number(name: string, range: { min: number; max: number; integer: boolean }): number | null {
    const value = this.fields[name];
    const fits = typeof value === 'number' && value >= range.min && value <= range.max;
    if (fits && (!range.integer || Number.isInteger(value))) return value;
    const kind = range.integer ? 'whole number' : 'number';
    this.problem(name, value === undefined ? 'is missing' : `is no ${kind} from ${range.min} to ${range.max}`);
    return null;
  }

  /** A truth value; absent is false; anything else is noted. */
  flag(name: string): boolean {
    const value = this.fields[name];
    if (value !== undefined && value !== null && typeof value !== 'boolean')
      this.problem(name, 'is neither true nor false');
    return value === true;
  }

  /** Entries of a list; absent is empty. @throws MalformedObject for anything else, since nothing of it can be read */
  list(name: string): readonly unknown[] {
    const value = this.fields[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw new MalformedObject(`${this.#path}.${name}`, 'is no list');
    return value;
  }

  problem(name: string, message: string): void {
    this.#problems.push({ path: name === '' ? this.#path : `${this.#path}.${name}`, message });
  }
}
