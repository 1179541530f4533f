/** One sample of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads Prometheus text (exposition format 0.0.4). Comments, and lines that are no samples, are passed over. */
export function parseSamples(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)$/.exec(line);
    if (!match) continue;
    const labels: Record<string, string> = {};
    for (const [, name, value] of (match[2] ?? '').matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g))
      labels[name!] = value!.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
    samples.push({ name: match[1]!, labels, value: Number(match[3]) });
  }
  return samples;
}

/** Sum of the samples of a name whose labels hold all of `wanted`. */
export function sum(samples: readonly Sample[], name: string, wanted: Readonly<Record<string, string>>): number {
  let total = 0;
  for (const sample of samples)
    if (sample.name === name && Object.entries(wanted).every(([key, value]) => sample.labels[key] === value))
      total += sample.value;
  return total;
}

/** A quantile from histogram buckets, by linear interpolation as Prometheus's `histogram_quantile` does. */
export function quantile(
  samples: readonly Sample[],
  name: string,
  wanted: Readonly<Record<string, string>>,
  q: number,
): number {
  const buckets = new Map<number, number>();
  for (const { name: each, labels, value } of samples) {
    if (each !== `${name}_bucket` || !Object.entries(wanted).every(([key, text]) => labels[key] === text)) continue;
    const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  const total = buckets.get(Number.POSITIVE_INFINITY) ?? 0;
  let below = 0;
  let lower = 0;
  for (const bound of bounds) {
    const count = buckets.get(bound)!;
    if (count >= q * total)
      return bound === Number.POSITIVE_INFINITY
        ? lower
        : lower + ((bound - lower) * (q * total - below)) / Math.max(1, count - below);
    below = count;
    lower = bound;
  }
  return lower;
}
