/** A JSON object whose fields are not yet known to be anything. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is a TCP port: a number without fraction from 1 to 65535, never a text. */
export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

/** Where each value of a list stands first. */
export function firstPlaces<T>(values: readonly T[]): ReadonlyMap<T, number> {
  const places = new Map<T, number>();
  for (const [at, value] of values.entries()) if (!places.has(value)) places.set(value, at);
  return places;
}
