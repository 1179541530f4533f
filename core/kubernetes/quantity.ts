/**
 * Thousandths that a Kubernetes quantity stands for (`1`, `"0.5"`, `500m`, `2k`, `64Mi`, `1e3`); null: it is none, or below 0.
 * What is less than a thousandth counts as one. Beyond 2^53 the number is not exact.
 *
 * Source: apimachinery `api/resource/quantity.go`
 */
export function parseQuantity(value: unknown): number | null {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  const match = QUANTITY.exec(text);
  if (!match) return null;
  const [, digits, suffix = ''] = match;
  const scale = UNITS[suffix] ?? 10 ** Number(suffix.slice(1));
  // 0.029 × 1000 is a little more than 29 in binary.
  return Math.ceil(Number((Number(digits) * scale * 1000).toPrecision(15)));
}

const QUANTITY = /^(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?$/;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
