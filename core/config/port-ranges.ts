/** A set of TCP ports, kept as inclusive ranges. */
export class PortRanges {
  readonly ranges: readonly (readonly [from: number, to: number])[];

  private constructor(ranges: readonly (readonly [number, number])[]) {
    this.ranges = ranges;
  }

  static readonly EMPTY = new PortRanges([]);

  /**
   * Reads `25,3306,6379-6381`; white space and empty entries are ignored.
   *
   * @returns the set, or a sentence naming the entry that is no port or range
   */
  static parse(text: string): PortRanges | string {
    const ranges: [number, number][] = [];
    for (const entry of text.split(',')) {
      const trimmed = entry.trim();
      if (trimmed === '') continue;
      const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(trimmed);
      const from = Number(match?.[1]);
      const to = Number(match?.[2] ?? match?.[1]);
      if (!match || from < 1 || to > 65_535 || from > to)
        return `"${trimmed}" is no port (1 to 65535) or range (from-to)`;
      ranges.push([from, to]);
    }
    return new PortRanges(ranges);
  }

  has(port: number): boolean {
    return this.ranges.some(([from, to]) => port >= from && port <= to);
  }

  /** The list that {@link parse} reads, as the ranges were given. */
  toString(): string {
    return this.ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
  }
}
