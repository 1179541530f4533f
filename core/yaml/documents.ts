import { type Document, LineCounter, parseAllDocuments, Scalar, type ScalarTag, type Tags } from 'yaml';

import { errorMessage } from '../errors/weft-error.ts';

/** One document of a file, or of what stands between two `---`. */
export interface YamlDocument {
  /** Of its first value, from 1. */
  readonly line: number;
  /** Why it is no YAML, and where; null: it is. */
  readonly fault: { readonly line: number; readonly message: string } | null;
  /** The document as it is written, to be changed in place: comments, order and spelling of all else stay. */
  readonly document: Document.Parsed;
  /**
   * What it says, as JSON has it; null: nothing. Whole numbers beyond 2^53 lose their last digits.
   *
   * @throws when it has aliases without bound, or a value that JSON does not have
   */
  toJson(): unknown;
}

/**
 * Reads YAML as kubectl does (`sigs.k8s.io/yaml`): YAML 1.1 without its times of day and dates, so that `0400` is 256, `yes` is
 * true, `1:30` a text, keys are texts, and `<<` merges. JSON is YAML.
 *
 * @throws never
 */
export function readYaml(text: string): YamlDocument[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    version: '1.1',
    merge: true,
    intAsBigInt: true,
    customTags,
    lineCounter: lines,
    logLevel: 'silent',
    // kubectl takes the last of two.
    uniqueKeys: false,
  });
  if ('empty' in parsed) return [];
  return parsed.map((document): YamlDocument => {
    const error = document.errors[0];
    const line = lines.linePos(document.contents?.range?.[0] ?? document.range[0]).line;
    return {
      line,
      fault: error
        ? {
            line: lines.linePos(error.pos[0]).line,
            message: error.message.split('\n', 1)[0]!.replace(/ at line .*$/, ''),
          }
        : null,
      document,
      toJson: () => plain(document.toJS({ maxAliasCount: MAX_ALIASES, mapAsMap: true })),
    };
  });
}

/** YAML as text, with its lines as long as they were written. */
export function writeYaml(document: Document): string {
  return document.toString({ lineWidth: 0 });
}

/** What {@link readYaml} says of a text that shall be a single document. @returns the value, or why there is none */
export function parseYaml(text: string): { readonly value: unknown } | { readonly fault: string } {
  const documents = readYaml(text);
  const fault = documents.find((each) => each.fault)?.fault;
  if (fault) return { fault: fault.message };
  if (documents.length > 1) return { fault: 'there is more than one document' };
  try {
    return { value: documents[0]?.toJson() ?? null };
  } catch (error) {
    return { fault: errorMessage(error) };
  }
}

/** Numbers in place of big ones, and objects, whose keys are texts, in place of maps. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('a number is none that JSON has');
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  // `__proto__` is a name like any other.
  return Object.fromEntries([...value].map(([key, each]) => [keyText(key), plain(each)]));
}

function keyText(key: unknown): string {
  if (typeof key === 'object' && key !== null)
    throw new Error('a key is a list or an object, which JSON does not have');
  if (key === null) throw new Error('a key is null, which JSON does not have');
  return String(key);
}

/** The tags of YAML 1.1, with numbers as kubectl's library has them, and neither dates nor times of day. */
function customTags(tags: Tags): Tags {
  const kept = tags.filter((tag) => {
    if (typeof tag === 'string') return true;
    return (
      !/:(null|int|float|timestamp)$/.test(tag.tag) || (tag.tag.endsWith(':float') && tag.test?.test('.inf') === true)
    );
  });
  return [NULL, ...kept, ...INTEGERS, DECIMAL];
}

/** Nothing, which between brackets has to be said: `{ a:, b: 1 }` is read otherwise by others. */
const NULL: ScalarTag = {
  tag: 'tag:yaml.org,2002:null',
  default: true,
  identify: (value) => value === null || value === undefined,
  createNode: () => new Scalar(null),
  test: /^(?:~|[Nn]ull|NULL)?$/,
  resolve: () => new Scalar(null),
  stringify: ({ source }, { inFlow }) => source || (inFlow || source === undefined ? 'null' : ''),
};

/** Whole numbers, with `_` between their digits as one likes: Go's `strconv.ParseInt` with base 0, without it. */
const INTEGERS: readonly ScalarTag[] = [
  [/^(?:[-+]_*)?0_*[xX]_*[0-9a-fA-F][0-9a-fA-F_]*$/, '0x'],
  [/^(?:[-+]_*)?0_*[bB]_*[01][01_]*$/, '0b'],
  [/^(?:[-+]_*)?0_*[oO]_*[0-7][0-7_]*$/, '0o'],
  [/^(?:[-+]_*)?0[0-7_]*$/, '0o0'],
  [/^(?:[-+]_*)?[1-9][0-9_]*$/, ''],
].map(([test, prefix]): ScalarTag => {
  const resolve = (text: string) => {
    const digits = text.replaceAll('_', '').replace(/^[-+]?(?:0[xXbBoO])?/, '');
    const value = BigInt(`${prefix}${digits}`);
    return asWritten(text, text.startsWith('-') ? -value : value);
  };
  return { tag: 'tag:yaml.org,2002:int', default: true, identify: isWhole, test: test as RegExp, resolve, stringify };
});

/** Numbers with a point, an exponent, or a zero before digits that are not octal. */
const DECIMAL: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => typeof value === 'number' && !Number.isInteger(value),
  test: /^(?:\.[0-9]+|(?:[-+]_*)?(?:\._*[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?))(?:[eE]_*[-+]?[0-9_]*[0-9][0-9_]*)?$/,
  resolve(text) {
    const value = Number(text.replaceAll('_', ''));
    // Beyond what a double holds it is a text.
    return asWritten(text, Number.isFinite(value) ? value : text);
  },
  stringify,
};

function isWhole(value: unknown): boolean {
  return typeof value === 'bigint' || Number.isInteger(value);
}

function stringify({ source, value }: Scalar): string {
  return source ?? String(value);
}

/** A value that is written back as it was. */
function asWritten(source: string, value: unknown): Scalar {
  const scalar = new Scalar(value);
  scalar.source = source;
  return scalar;
}

/** Beyond this a few lines could stand for gigabytes. */
const MAX_ALIASES = 100;
