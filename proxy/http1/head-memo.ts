/**
 * Remembers what heads were parsed to, by their octets, for the whole process: clients and servers send the same few
 * heads again and again, on whichever connection. What is found is shared, so that later layers may know it again and
 * need not look at its fields.
 *
 * A head is looked up by its length and a few of its octets, so that one that is always new (it has a trace in it, say)
 * costs next to nothing more, and is compared whole before it is believed. Holds {@link SLOTS} heads of at most
 * {@link MAX_OCTETS} octets, 64 KiB in all.
 */
export class HeadMemo<T> {
  readonly #slots = new Array<Slot<T> | null>(SLOTS).fill(null);

  /** What `bytes[start, end)` was parsed to, or null. */
  find(bytes: Uint8Array, start: number, end: number): T | null {
    const length = end - start;
    if (length > MAX_OCTETS) return null;
    const slot = this.#slots[slotOf(bytes, start, end)]!;
    if (slot === null || slot.length !== length) return null;
    const { octets } = slot;
    for (let i = 0; i < length; i++) if (octets[i] !== bytes[start + i]) return null;
    return slot.value;
  }

  /** Keeps a copy of the octets. `value` is shared from now on and never changed. */
  keep(bytes: Uint8Array, start: number, end: number, value: T): void {
    const length = end - start;
    if (length > MAX_OCTETS) return;
    const at = slotOf(bytes, start, end);
    let slot = this.#slots[at]!;
    if (slot === null) {
      slot = { octets: new Uint8Array(MAX_OCTETS), length, value };
      this.#slots[at] = slot;
    }
    for (let i = 0; i < length; i++) slot.octets[i] = bytes[start + i]!;
    slot.length = length;
    slot.value = value;
  }
}

interface Slot<T> {
  readonly octets: Uint8Array;
  length: number;
  value: T;
}

/** FNV-1a over the length, the first octets, where a request's path is, and some of the others. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  const whole = Math.min(end, start + 48);
  for (let i = start; i < whole; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  for (let i = whole; i < end; i += 9) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash >>> 16) & (SLOTS - 1);
}

/** A power of two. */
const SLOTS = 64;
/** A common request of a browser or a gateway fits. */
const MAX_OCTETS = 1024;
