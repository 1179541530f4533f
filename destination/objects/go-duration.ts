/**
 * Milliseconds of a duration as Go's `time.ParseDuration` reads it without a sign (`5s`, `1m30s`, `250ms`, `0`), or
 * null. A positive duration below a millisecond is rounded up to one, since 0 means "no limit" in a timeout.
 */
export function parseGoDuration(text: string): number | null {
  if (text === '0') return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  if (!Number.isSafeInteger(Math.ceil(total))) return null;
  return total > 0 && total < 1 ? 1 : Math.round(total);
}

const UNIT_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
