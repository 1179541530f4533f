/** Thousandths of a Kubernetes quantity: `1`, `"0.5"`, `500m`, `2k`. Positive ones below a thousandth count as one. null: it is none. */
export function parseQuantity(value: unknown): number | null {
  const match = /^(\d+\.?\d*|\.\d+)(m|k|M)?$/.exec(
    typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '',
  );
  if (!match) return null;
  const scale = { m: 1, k: 1e6, M: 1e9 }[match[2] ?? ''] ?? 1000;
  const thousandths = Math.ceil(Number(match[1]) * scale);
  return Number.isSafeInteger(thousandths) ? thousandths : null;
}
