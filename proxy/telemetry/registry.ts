import { LabelValues, OUTSIDE_LABELS } from './label-values.ts';

/** Labels of a series: closed sets or names from manifests and discovery, never raw hosts, methods or paths. */
export type Labels = Readonly<Record<string, string>>;

/** A count. The field is added to directly; the text is made at scrape time. */
export class Counter {
  value = 0;
}

/** A distribution over the buckets of its family. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts a value in the unit of its family. Allocates nothing. */
  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
    this.count++;
  }
}

type Series = Counter | Histogram;

/** Series of one family beyond this share one overflow series (label `overflow="true"`): a scrape stays bounded. */
export const MAX_SERIES = 5000;

/** From so many series on, values from outside share `other`: the rest is for those that only the mesh brings about. */
const FOLD_AT = 4000;

/** The values that have series of their own, by label: those of one registry. */
type OutsideValues = ReadonlyMap<string, LabelValues>;

class Family<S extends Series> {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly bounds: readonly number[];
  readonly #make: () => S;
  readonly #outside: OutsideValues;
  readonly series = new Map<string, S>();

  constructor(
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    bounds: readonly number[],
    outside: OutsideValues,
    make: () => S,
  ) {
    this.#outside = outside;
    this.name = name;
    this.help = help;
    this.type = type;
    this.bounds = bounds;
    this.#make = make;
  }

  /** The series of `labels`, made at first use. */
  with(labels: Labels): S {
    let key = labelText(labels, this.#outside);
    let series = this.series.get(key);
    if (!series) {
      if (this.series.size >= FOLD_AT) key = labelText(labels, NONE_OUTSIDE);
      if (this.series.size >= MAX_SERIES && !this.series.has(key)) key = 'overflow="true"';
      series = this.series.get(key) ?? this.#make();
      this.series.set(key, series);
    }
    return series;
  }

  /** Lets go of every series whose labels begin with these; who holds one goes on counting for nobody. */
  forget(labels: Labels): void {
    const text = labelText(labels, this.#outside);
    const prefix = `${text},`;
    for (const key of this.series.keys()) if (key === text || key.startsWith(prefix)) this.series.delete(key);
  }
}

/** Every metric of the proxy, as Prometheus text (exposition format 0.0.4). */
export class Registry {
  /** In the order in which they were made. */
  readonly families: Family<Series>[] = [];
  readonly #outside: OutsideValues = new Map(
    Object.entries(OUTSIDE_LABELS).map(([name, most]) => [name, new LabelValues(most)]),
  );
  readonly #collectors: (() => void)[] = [];

  counter(name: string, help: string): Family<Counter> {
    return this.#add(new Family(name, help, 'counter', [], this.#outside, () => new Counter()));
  }

  gauge(name: string, help: string): Family<Counter> {
    return this.#add(new Family(name, help, 'gauge', [], this.#outside, () => new Counter()));
  }

  /** @param bounds upper bounds of the buckets, ascending, without +Inf */
  histogram(name: string, help: string, bounds: readonly number[]): Family<Histogram> {
    return this.#add(new Family(name, help, 'histogram', bounds, this.#outside, () => new Histogram(bounds)));
  }

  /** Runs before every scrape, to set gauges. */
  collect(collector: () => void): void {
    this.#collectors.push(collector);
  }

  /** The text of a scrape, at once; see {@link pieces}. */
  text(): string {
    return [...this.pieces()].join('');
  }

  /**
   * The text in pieces of some {@link PIECE_LINES} lines, so that whoever serves requests can do so in between: with
   * thousands of series all at once would hold them up for a tenth of a second.
   */
  *pieces(): Generator<string, void> {
    for (const collector of this.#collectors) collector();
    let lines: string[] = [];
    for (const family of this.families) {
      if (family.series.size === 0) continue;
      lines.push(`# HELP ${family.name} ${family.help}\n`, `# TYPE ${family.name} ${family.type}\n`);
      for (const [labels, series] of family.series) {
        if (series instanceof Counter)
          lines.push(`${family.name}${labels === '' ? '' : `{${labels}}`} ${series.value}\n`);
        else histogramLines(lines, family, labels, series);
        if (lines.length < PIECE_LINES) continue;
        yield lines.join('');
        lines = [];
      }
    }
    lines.push('# EOF\n');
    yield lines.join('');
  }

  #add<S extends Series>(family: Family<S>): Family<S> {
    this.families.push(family as unknown as Family<Series>);
    return family;
  }
}

/** About a fifth of a millisecond's work. */
const PIECE_LINES = 200;

/** Counters or gauges of one name, a series for each set of labels. */
export type CounterFamily = Family<Counter>;

/** Histograms of one name and the same buckets, a series for each set of labels. */
export type HistogramFamily = Family<Histogram>;

function histogramLines(lines: string[], family: Family<Series>, labels: string, series: Histogram): void {
  const prefix = labels === '' ? '' : `${labels},`;
  let total = 0;
  for (let i = 0; i < series.counts.length; i++) {
    total += series.counts[i]!;
    lines.push(`${family.name}_bucket{${prefix}le="${family.bounds[i] ?? '+Inf'}"} ${total}\n`);
  }
  const own = labels === '' ? '' : `{${labels}}`;
  lines.push(`${family.name}_sum${own} ${series.sum}\n`, `${family.name}_count${own} ${series.count}\n`);
}

/** None of their values has a series of its own. */
const NONE_OUTSIDE: OutsideValues = new Map(Object.keys(OUTSIDE_LABELS).map((name) => [name, new LabelValues(0)]));

function labelText(labels: Labels, outside: OutsideValues): string {
  let text = '';
  for (const name in labels) {
    const said = labels[name]!;
    const value = said === '' ? said : (outside.get(name)?.of(said) ?? said);
    text += `${text === '' ? '' : ','}${name}="${/["\\\n]/.test(value) ? value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n') : value}"`;
  }
  return text;
}
