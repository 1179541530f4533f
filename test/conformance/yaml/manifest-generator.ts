import type { Random } from '../../../core/testing/random.ts';

/**
 * Writes a manifest with a pod template, in the many ways in which YAML can be written: block and flow, comments, anchors, aliases
 * and merges, every style of text, and scalars that YAML 1.1, YAML 1.2 and JSON read differently.
 */
export function writeManifest(random: Random): string {
  const writer = new Writer(random);
  const pod = { metadata: writer.labels(), spec: writer.podSpec() };
  const kind = random.pick(['Pod', 'Deployment', 'StatefulSet', 'CronJob', 'Rollout']);
  const spec = {
    Pod: pod.spec,
    CronJob: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: pod } } },
  }[kind] ?? { template: pod, replicas: writer.scalar() };
  const extra = Object.fromEntries(writer.entries(random.below(4)).map(([key, value]) => [`extra-${key}`, value]));
  const metadata = { name: `web-${random.below(100)}`, ...(kind === 'Pod' ? pod.metadata : {}), annotations: extra };
  const object = { apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1', kind, metadata, spec };
  if (random.oneIn(6))
    return writer.block({ apiVersion: 'v1', kind: 'List', items: [object, { kind: 'ConfigMap', data: extra }] }, 0);
  return (random.oneIn(4) ? '---\n' : '') + (random.oneIn(8) ? '# what this is\n' : '') + writer.block(object, 0);
}

/** A text that is written as it stands, in place of a value. */
class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

class Writer {
  readonly #random: Random;
  #anchors = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  labels(): object {
    const labels = Object.fromEntries(this.entries(1 + this.#random.below(3)));
    return this.#random.oneIn(5) ? {} : { labels };
  }

  podSpec(): object {
    const containers = Array.from({ length: 1 + this.#random.below(2) }, (_, at) => ({
      name: `c${at}`,
      image: 'localhost/app:1',
      ...(this.#random.oneIn(2) && { args: Array.from({ length: this.#random.below(4) }, () => this.text()) }),
      ...(this.#random.oneIn(3) && { env: [{ name: 'A', value: this.text() }] }),
    }));
    const mode = new Raw(this.#random.pick(['0400', '256', '0o400', '0x1a4', '0644', '420']));
    return {
      containers,
      ...(this.#random.oneIn(2) && { volumes: [{ name: 'v', secret: { secretName: 's', defaultMode: mode } }] }),
      ...(this.#random.oneIn(3) && { extra: this.value(3) }),
    };
  }

  entries(count: number): [string, unknown][] {
    return Array.from({ length: count }, (_, at) => [`k${at}`, this.text()]);
  }

  /** Something that is a text, however it is written. */
  text(): unknown {
    return this.#random.oneIn(2)
      ? new Raw(this.#quoted())
      : this.#random.pick(['a', 'a b', 'a-b', 'x:y', '日本', 'v1.0', 'a#b', '1:30', '12e03x']);
  }

  value(depth: number): unknown {
    const kind = this.#random.below(depth > 0 ? 4 : 2);
    if (kind < 2) return this.scalar();
    const count = this.#random.below(4);
    if (kind === 2) return Array.from({ length: count }, () => this.value(depth - 1));
    return Object.fromEntries(Array.from({ length: count }, (_, at) => [this.#key(at), this.value(depth - 1)]));
  }

  scalar(): unknown {
    if (this.#random.oneIn(3)) return new Raw(this.#quoted());
    return new Raw(this.#random.oneIn(2) ? this.#numberish() : this.#random.pick(ODD));
  }

  #key(at: number): string {
    return this.#random.oneIn(3) ? this.#random.pick(ODD_KEYS) : `k${at}`;
  }

  /** What may be a number, to some. */
  #numberish(): string {
    const length = 1 + this.#random.below(6);
    const text = Array.from({ length }, () => this.#random.pick([...'0123456789', ...'0078', ...'_.eE+-xob:a'])).join(
      '',
    );
    return /^[-:.]|[:]$|^-|^\.|^_/.test(text) ? `0${text.replaceAll(':', '')}` : text;
  }

  #quoted(): string {
    return this.#random.pick([
      '"0400"',
      "'yes'",
      '"a\\nb"',
      '"\\u00fc \\t"',
      "'it''s'",
      '""',
      "''",
      '"~"',
      '"a: b"',
      "'# no comment'",
      '"\\x41"',
      '"a \\\n  b"',
      "'a\n\n  b'",
    ]);
  }

  /** Block style, with flow style here and there. */
  block(value: unknown, indent: number): string {
    if (!isCollection(value) || isEmpty(value) || (indent > 4 && this.#random.oneIn(6))) return `${this.flow(value)}\n`;
    const pad = ' '.repeat(indent);
    if (Array.isArray(value)) {
      return value
        .map((each) => {
          if (!isCollection(each) || isEmpty(each)) return `${pad}- ${this.#leaf(each, indent + 2)}`;
          const written = this.block(each, indent + 2);
          const isBlock = written.startsWith(' '.repeat(indent + 2));
          if (isBlock && this.#random.oneIn(2)) return `${pad}-\n${written}`;
          return `${pad}- ${written.trimStart()}`;
        })
        .join('');
    }
    return Object.entries(value as object)
      .map(([key, each]) => {
        const comment = this.#random.oneIn(20) ? `${pad}# ${key}\n` : '';
        if (!isCollection(each) || isEmpty(each)) return `${comment}${pad}${key}: ${this.#leaf(each, indent + 2)}`;
        const anchor = this.#random.oneIn(12) ? ` &a${this.#anchors++}` : '';
        const below = Array.isArray(each) && this.#random.oneIn(2) ? indent : indent + 2;
        const written = this.block(each, below);
        return written.startsWith(' '.repeat(below)) && /^ *(-|[^[{\s][^\n]*:)/.test(written)
          ? `${comment}${pad}${key}:${anchor}\n${written}`
          : `${comment}${pad}${key}:${anchor} ${written}`;
      })
      .join('');
  }

  #leaf(value: unknown, indent: number): string {
    const pad = ' '.repeat(indent);
    if (typeof value === 'string' && this.#random.oneIn(6)) {
      const style = this.#random.pick(['|', '>', '|-', '>-', '|+', '>+']);
      return `${style}\n${pad}${value}\n${this.#random.oneIn(2) ? `${pad}second line\n` : ''}`;
    }
    return `${this.flow(value).replaceAll('\n', `\n${pad}`)}${this.#random.oneIn(20) ? ' # tail' : ''}\n`;
  }

  flow(value: unknown, isInside = false): string {
    // A text of several lines within brackets is indented as its block is; the reader of ours insists on it, kubectl's does not.
    if (value instanceof Raw) return value.text.includes('\n') && isInside ? '"a b"' : value.text;
    if (Array.isArray(value)) return `[${value.map((each) => this.flow(each, true)).join(', ')}]`;
    if (typeof value === 'object' && value !== null)
      return `{${Object.entries(value)
        .map(([key, each]) => `${key}: ${this.flow(each, true)}`)
        .join(', ')}}`;
    return typeof value === 'string' ? (/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)) : String(value);
  }
}

function isCollection(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !(value instanceof Raw);
}

function isEmpty(value: unknown): boolean {
  return Object.keys(value as object).length === 0;
}

/** Plain scalars over which YAML 1.1, YAML 1.2 and JSON disagree, and some over which they do not. */
const ODD = [
  ...[
    '0400',
    '0o17',
    '08',
    '09.5',
    '0x1F',
    '0b101',
    '-0b11',
    '+1',
    '-1',
    '1_000',
    '1e3',
    '1E3',
    '1.5e-7',
    '.5',
    '5.',
    '-.5',
  ],
  ...[
    'yes',
    'Yes',
    'YES',
    'no',
    'on',
    'Off',
    'y',
    'N',
    'true',
    'False',
    '~',
    'null',
    'Null',
    'NULL',
    '',
    '1:30',
    '190:20:30',
  ],
  ...['2001-01-01', '2001-12-14t21:59:43.10-05:00', '12345678901234567890', '9007199254740993', '-9223372036854775808'],
  ...[
    '.inf',
    '-.Inf',
    '=',
    '<',
    'a',
    'a b',
    "it's",
    'a: ',
    '0',
    '-0',
    '0.0',
    '1.0',
    '1.10',
    '00',
    '0777',
    '1__0',
    '0x',
    '1e',
    'e3',
  ],
].filter((text) => text !== 'a: ' && !/inf/i.test(text));

const ODD_KEYS = [
  'yes',
  'no',
  'on',
  '1',
  '1.5',
  'true',
  '0400',
  '0x10',
  '"quoted"',
  "'single'",
  'a b',
  '2001-01-01',
  '1:30',
];
