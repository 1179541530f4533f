/**
 * Remembers what header blocks were decoded to, by their octets, for as long as the table has not changed: clients and
 * servers send the same few blocks again and again. What is found is shared, so that later layers may know it again.
 *
 * Holds {@link SLOTS} blocks of at most {@link MAX_OCTETS} octets; memory is taken with the first block that is kept.
 */
export class BlockMemo<T> {
  #slots: (Slot<T> | null)[] | null = null;

  /** What `bytes[start, end)` was decoded to while the table had this version, or null. */
  find(bytes: Uint8Array, start: number, end: number, version: number): T | null {
    const length = end - start;
    if (this.#slots === null || length > MAX_OCTETS) return null;
    const slot = this.#slots[slotOf(bytes, start, end)];
    if (!slot || slot.version !== version || slot.length !== length) return null;
    const { octets } = slot;
    for (let i = 0; i < length; i++) if (octets[i] !== bytes[start + i]) return null;
    return slot.value;
  }

  /** Keeps a copy of the block; `version` was the table's before and after it was decoded. */
  keep(bytes: Uint8Array, start: number, end: number, version: number, value: T): void {
    const length = end - start;
    if (length > MAX_OCTETS) return;
    this.#slots ??= new Array<Slot<T> | null>(SLOTS).fill(null);
    const at = slotOf(bytes, start, end);
    let slot = this.#slots[at];
    if (!slot) {
      slot = { octets: new Uint8Array(MAX_OCTETS), length, version, value };
      this.#slots[at] = slot;
    }
    for (let i = 0; i < length; i++) slot.octets[i] = bytes[start + i]!;
    slot.length = length;
    slot.version = version;
    slot.value = value;
  }
}

interface Slot<T> {
  readonly octets: Uint8Array;
  length: number;
  version: number;
  value: T;
}

/** FNV-1a over the octets. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash >>> 16) & (SLOTS - 1);
}

/** A power of two: a connection has few kinds of messages at a time. */
const SLOTS = 8;
/** Indexed fields are an octet or two each: longer blocks carry what is new each time. */
const MAX_OCTETS = 192;
