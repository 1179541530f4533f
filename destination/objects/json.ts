/** A JSON object whose fields are not yet known to be anything. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is a TCP port: a number without fraction from 1 to 65535, never a text. */
export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}
