/** The engine's clock. */
export function nowMs(): number {
  return performance.now();
}
