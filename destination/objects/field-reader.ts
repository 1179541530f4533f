import { parseDuration } from '../../core/time/duration.ts';
import type { Fields } from './json.ts';
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

  /** A reader of an object's `spec`, see {@link root}. */
  static ofSpec(raw: Fields, problems: Problem[]): FieldReader {
    return FieldReader.root(raw.spec, 'spec', problems);
  }

  /** A reader of what all the rest stands in; absent is empty. @throws MalformedObject where it is no object */
  static root(value: unknown, path: string, problems: Problem[]): FieldReader {
    const reader = FieldReader.of(value ?? {}, path, []);
    if (!reader) throw new MalformedObject(path, 'is no object');
    return new FieldReader(reader.fields, path, problems);
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

  /** Where the object stands, `spec.http[0]`. */
  get path(): string {
    return this.#path;
  }

  /** Whether the field is there; null is as good as absent, as in the API's own JSON. */
  has(name: string): boolean {
    return this.fields[name] !== undefined && this.fields[name] !== null;
  }

  /** A reader of the object in a field; null where it is absent, or no object, which is noted. */
  nested(name: string): FieldReader | null {
    return this.has(name) ? FieldReader.of(this.fields[name], this.#at(name), this.#problems) : null;
  }

  /** A reader of each object of a list; entries that are none are noted and left out. @throws as {@link list} */
  nestedList(name: string): FieldReader[] {
    return this.list(name).flatMap((entry, at) => {
      return FieldReader.of(entry, `${this.#at(name)}[${at}]`, this.#problems) ?? [];
    });
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

  /** A text that may be there, also an empty one; `fallback` where it is not, or none, which is noted. */
  textOr(name: string, fallback: string): string {
    if (!this.has(name)) return fallback;
    const value = this.fields[name];
    if (typeof value === 'string') return value;
    this.problem(name, 'is no text');
    return fallback;
  }

  /**
   * A text that may be there and is not empty; null where it is not, or none, which is noted.
   *
   * @param faultOf what else is wrong with it, as in head-text.ts; it is then noted and null
   */
  optionalText(name: string, faultOf: (text: string) => string | null = () => null): string | null {
    const text = this.has(name) ? this.text(name) : null;
    const fault = text === null ? null : faultOf(text);
    if (fault !== null) this.problem(name, fault);
    return fault === null ? text : null;
  }

  /** A whole number that may be there; null where it is not, or out of the range, which is noted. */
  whole(name: string, min: number, max: number): number | null {
    return this.has(name) ? this.number(name, { min, max, integer: true }) : null;
  }

  /** Milliseconds of a duration that may be there; null where it is not, or shorter than `minMs`, which is noted. */
  duration(name: string, minMs = 0): number | null {
    if (!this.has(name)) return null;
    const value = this.fields[name];
    const ms = typeof value === 'string' ? parseDuration(value) : null;
    if (ms !== null && ms >= minMs) return ms;
    const bound = ms === null ? '' : ` of at least ${minMs} ms`;
    this.problem(name, `${JSON.stringify(value)} is no duration${bound}, such as 500ms or 10s`);
    return null;
  }

  /**
   * Texts of a list that may be there; entries that are none are noted and left out.
   *
   * @param faultOf as of {@link optionalText}
   * @throws as {@link list}
   */
  texts(name: string, faultOf: (text: string) => string | null = () => null): string[] {
    return this.list(name).flatMap((entry, at) => {
      const isText = typeof entry === 'string' && entry !== '';
      const fault = isText ? faultOf(entry) : 'is no text, or an empty one';
      if (fault !== null) this.problem(`${name}[${at}]`, fault);
      return isText && fault === null ? entry : [];
    });
  }

  /** Texts by their names, as labels are; what is none is noted and left out. */
  textMap(name: string): Readonly<Record<string, string>> {
    const reader = this.nested(name);
    const entries = Object.entries(reader?.fields ?? {}).filter(([key, value]) => {
      if (typeof value !== 'string') reader!.problem(key, 'is no text');
      return typeof value === 'string';
    });
    return Object.fromEntries(entries) as Record<string, string>;
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
    if (!Array.isArray(value)) throw new MalformedObject(this.#at(name), 'is no list');
    return value;
  }

  /** Notes an error of a field, or of the object itself where `name` is empty. */
  problem(name: string, message: string): void {
    this.#problems.push({ path: this.#at(name), message });
  }

  /** Notes something that is not honoured; see {@link Problem.severity}. */
  warning(name: string, message: string): void {
    this.#problems.push({ path: this.#at(name), message, severity: 'warning' });
  }

  #at(name: string): string {
    if (name === '') return this.#path;
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}
