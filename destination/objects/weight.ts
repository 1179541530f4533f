import { parseQuantity } from '../../core/kubernetes/quantity.ts';

/** A share of the requests in thousandths, written as a Kubernetes quantity: `90`, `"0.5"`, `500m`. null: it is none. */
export function parseWeight(value: unknown): number | null {
  const thousandths = parseQuantity(value);
  return Number.isSafeInteger(thousandths) ? thousandths : null;
}
