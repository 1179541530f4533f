/** Octets that an entry costs beyond its name and value (RFC 7541 section 4.1). */
const ENTRY_OVERHEAD = 32;

/**
 * The entries that one direction of a connection has indexed (RFC 7541 section 2.3.2).
 *
 *     absolute:  0   1   2   3   4      entries are kept in the order of insertion, oldest first;
 *     index:    66  65  64  63  62      the wire counts from the newest, which is index 62
 */
export class DynamicTable {
  #names: string[] = [];
  #values: string[] = [];
  /** Absolute number of the oldest entry kept, and of the next to be added. */
  #oldest = 0;
  #next = 0;
  #size = 0;
  #maxSize: number;
  /** Grows with every change. */
  version = 0;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** Octets in use, overhead included. */
  get size(): number {
    return this.#size;
  }

  get maxSize(): number {
    return this.#maxSize;
  }

  get length(): number {
    return this.#next - this.#oldest;
  }

  /** Absolute number that the next entry will get. */
  get next(): number {
    return this.#next;
  }

  /** Whether the entry of absolute number `absolute` is still there. */
  holds(absolute: number): boolean {
    return absolute >= this.#oldest && absolute < this.#next;
  }

  /** Name of the `position`-th newest entry, from 0; the caller has checked it against `length`. */
  name(position: number): string {
    return this.#names[this.#next - 1 - position - this.#oldest]!;
  }

  value(position: number): string {
    return this.#values[this.#next - 1 - position - this.#oldest]!;
  }

  /** Adds an entry, evicting old ones; an entry larger than the table empties it (section 4.4). */
  add(name: string, value: string): void {
    this.version++;
    const cost = name.length + value.length + ENTRY_OVERHEAD;
    this.#evict(this.#maxSize - cost);
    this.#next++;
    if (cost > this.#maxSize) {
      this.#oldest = this.#next;
      return;
    }
    this.#names.push(name);
    this.#values.push(value);
    this.#size += cost;
  }

  /** Changes the maximum, evicting what no longer fits (section 4.3). */
  resize(maxSize: number): void {
    this.version++;
    this.#maxSize = maxSize;
    this.#evict(maxSize);
  }

  #evict(limit: number): void {
    let drop = 0;
    while (this.#size > limit && drop < this.#names.length) {
      this.#size -= this.#names[drop]!.length + this.#values[drop]!.length + ENTRY_OVERHEAD;
      drop++;
    }
    if (drop === 0) return;
    this.#names.splice(0, drop);
    this.#values.splice(0, drop);
    this.#oldest += drop;
  }
}
