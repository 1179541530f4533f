/**
 * Milliseconds of a duration as Go's `time.ParseDuration` reads it without a sign (`5s`, `1m30s`, `1.5h`, `250ms`, `0`), or
 * null. A positive one below a millisecond is rounded up to it, since 0 means "no limit" in a timeout.
 *
 * @param options.hasDays `d` is a unit too, and white space around the text is passed over, as in settings and in Linkerd's
 *   headers; manifests know neither
 */
export function parseDuration(text: string, { hasDays = false } = {}): number | null {
  const written = hasDays ? text.trim() : text;
  if (written === '0') return 0;
  if (!(hasDays ? LAX : STRICT).test(written)) return null;
  let total = 0;
  for (const [, amount, unit] of written.matchAll(PART)) {
    total += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  if (!Number.isSafeInteger(Math.ceil(total))) return null;
  return total > 0 && total < 1 ? 1 : Math.round(total);
}

/** The shortest text that {@link parseDuration} reads back: `90s`, `300ms`. */
export function formatDuration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

const UNIT_MS = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
} as const;
const STRICT = /^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const LAX = /^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/g;
