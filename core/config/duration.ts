/**
 * Milliseconds of `300ms`, `10s`, `1m30s`, `24h` or `0`; null when the text is no duration.
 *
 * Grammar: Go's `time.ParseDuration` without signs, in the units ms, s, m, h, d. Fractions are allowed (`1.5s`).
 */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) return null;
  let total = 0;
  for (const part of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(part[1]) * MILLISECONDS[part[2] as keyof typeof MILLISECONDS];
  }
  return Math.round(total);
}

/** The shortest text that {@link parseDuration} reads back: `90s`, `300ms`. */
export function formatDuration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
