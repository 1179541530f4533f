import type { Stream } from './stream.ts';

/**
 * The open streams of a connection by identifier.
 *
 * A table of its own because a `Map` allocates with every stream that comes and goes (about 100 octets, its chains are
 * built anew again and again), while this one allocates only when more streams are open than ever before. Identifiers of
 * one side are all odd or all even and ascend, so that half of one is a perfect hash but for streams that stay long:
 * open addressing with linear probing.
 */
export class StreamTable {
  #slots: (Stream | null)[] = new Array<Stream | null>(FIRST_CAPACITY).fill(null);
  #mask = FIRST_CAPACITY - 1;
  size = 0;

  /** The open stream of an identifier, or null. Called for every frame: no allocation. */
  get(id: number): Stream | null {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let at = (id >>> 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at]!;
      if (stream === null || stream.id === id) return stream;
    }
  }

  /** Adds a stream; none of its identifier may be there. */
  add(stream: Stream): void {
    if (++this.size * 2 > this.#slots.length) this.#grow();
    this.#put(stream);
  }

  /** Takes a stream out, if it is there. */
  remove(stream: Stream): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let free = (stream.id >>> 1) & mask;
    while (slots[free] !== stream) {
      if (slots[free] === null) return;
      free = (free + 1) & mask;
    }
    this.size--;
    // Those behind it close up, so that no search ends at the gap too early.
    for (let at = (free + 1) & mask; slots[at] !== null; at = (at + 1) & mask) {
      const home = (slots[at]!.id >>> 1) & mask;
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      slots[free] = slots[at]!;
      free = at;
    }
    slots[free] = null;
  }

  /** The open streams now, in no order: the table may change while they are walked through. */
  all(): Stream[] {
    return this.#slots.filter((stream) => stream !== null);
  }

  #put(stream: Stream): void {
    let at = (stream.id >>> 1) & this.#mask;
    while (this.#slots[at] !== null) at = (at + 1) & this.#mask;
    this.#slots[at] = stream;
  }

  #grow(): void {
    const streams = this.all();
    this.#slots = new Array<Stream | null>(this.#slots.length * 2).fill(null);
    this.#mask = this.#slots.length - 1;
    for (let i = 0; i < streams.length; i++) this.#put(streams[i]!);
  }
}

/** Slots of a new table, a power of two; at most half are used. */
const FIRST_CAPACITY = 8;
