/** Monotonic milliseconds with fractions: the clock that the engines, which import nothing, are given. */
export function nowMs(): number {
  return performance.now();
}
