/**
 * A copy of `bytes[start, end)` that shares no memory with it.
 *
 * `bytes.slice` is none where the host's octets are a Buffer, whose `slice` is a view: it would keep the whole chunk.
 */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
