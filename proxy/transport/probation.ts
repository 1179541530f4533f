/**
 * Addresses whose connections were cut off lately. Their next ones begin with little of the budget for frames that lead
 * nowhere, so that whoever comes again at once does not get it whole each time.
 *
 * They are not refused: behind one address may be many clients, and who behaves needs no more than what comes back.
 */
export class Probation {
  /** When it ends, monotonic milliseconds, in the order in which it began. */
  readonly #untilMs = new Map<string, number>();

  /** Doubts an address for {@link PROBATION_MS} from now; of too many the oldest is trusted again. */
  begin(address: string, nowMs: number): void {
    this.#untilMs.delete(address);
    this.#untilMs.set(address, nowMs + PROBATION_MS);
    if (this.#untilMs.size > MAX_ADDRESSES) for (const oldest of this.#untilMs.keys()) return this.#end(oldest);
  }

  /** Whether an address is still in doubt. */
  has(address: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(address);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#end(address);
    return false;
  }

  #end(address: string): void {
    this.#untilMs.delete(address);
  }
}

/** Of the whole process. */
export const probation = new Probation();

/** Longer than clients wait before they connect again (gRPC: 1 s, growing), so that it outlasts the attempt after. */
const PROBATION_MS = 10_000;
/** More hostile addresses at a time than a pod has neighbours; an entry is a few dozen octets. */
const MAX_ADDRESSES = 1024;
