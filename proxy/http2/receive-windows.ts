import type { ConnectionOptions } from './connection-options.ts';
import { writeWindowUpdate } from './frame-writer.ts';
import type { Wire } from './message.ts';
import type { Pings } from './pings.ts';
import { WindowGrowth } from './window-growth.ts';
import { DEFAULT_WINDOW } from './wire-vocabulary.ts';

/** A stream's window, as far as its growth goes. */
interface GrowingWindow {
  /** Octets. */
  readonly windowSize: number;
  /** Its reader does not keep up. */
  readonly lags: boolean;
  /** When it was granted last, by the clock of `WindowGrowth`; 0: never. */
  grantedUs: number;
}

/**
 * What the peer may send: the window of the connection, and by how much the windows of its streams grow.
 *
 * The connection's is granted as soon as octets arrive, half of it at a time, so that only the streams' windows hold a
 * sender back. It holds nothing by itself, so that its growth costs no budget.
 *
 * Spec: RFC 9113 sections 5.2, 6.9.
 */
export class ReceiveWindows {
  readonly #wire: Wire;
  readonly #options: ConnectionOptions;
  readonly #pings: Pings;
  readonly #growth: WindowGrowth;
  /** Octets that the peer may send on all streams; those since the last grant, and when that was. */
  #size = CONNECTION_WINDOW;
  #sinceGrant = 0;
  #grantedUs = 0;

  constructor(wire: Wire, options: ConnectionOptions, pings: Pings) {
    this.#wire = wire;
    this.#options = options;
    this.#pings = pings;
    this.#growth = new WindowGrowth(options.nowMs);
  }

  /** Our first SETTINGS were written: opens the connection's window beyond what it is by default. */
  open(): void {
    writeWindowUpdate(this.#wire, 0, CONNECTION_WINDOW - DEFAULT_WINDOW);
    this.#wire.touch();
  }

  /** Our SETTINGS were acknowledged. */
  settingsAnswered(): void {
    this.#growth.settingsAnswered();
  }

  /** Our PING of purpose `growth` was answered. */
  probeAnswered(): void {
    this.#growth.probeAnswered();
  }

  /** A DATA frame of `length` octets begins, on whatever stream. */
  receive(length: number): void {
    this.#sinceGrant += length;
    if (this.#sinceGrant * 2 < this.#size) return;
    const sinceUs = this.#grantedUs;
    this.#grantedUs = this.#growth.nowUs();
    const size = this.#size;
    const octets = this.#sinceGrant;
    const canGrow = size < MAX_CONNECTION_WINDOW && this.#options.windowBudget !== null;
    if (canGrow && this.#mayGrow(size, octets, sinceUs, this.#grantedUs)) this.#size *= 2;
    writeWindowUpdate(this.#wire, 0, octets + this.#size - size);
    this.#wire.touch();
    this.#sinceGrant = 0;
  }

  /** By how much a stream's window grows with the grant of `octets` that is due; taken from the budget. */
  growthOf(stream: GrowingWindow, octets: number): number {
    const { maxStreamWindow, windowBudget } = this.#options;
    const sinceUs = stream.grantedUs;
    stream.grantedUs = this.#growth.nowUs();
    const size = stream.windowSize;
    // A reader that lags holds the sender back on purpose.
    if (windowBudget === null || size >= maxStreamWindow || stream.lags) return 0;
    if (!this.#mayGrow(size, octets, sinceUs, stream.grantedUs)) return 0;
    return windowBudget.take(Math.min(size, maxStreamWindow - size));
  }

  /** A stream is over: what its window had grown by is there for others. */
  giveBack(stream: GrowingWindow): void {
    const growth = stream.windowSize - this.#options.streamWindow;
    if (growth > 0) this.#options.windowBudget!.giveBack(growth);
  }

  /** Whether a window holds the peer back; asks for the round trip once more where it seems so. */
  #mayGrow(size: number, granted: number, sinceUs: number, nowUs: number): boolean {
    const growth = this.#growth;
    if (!growth.holdsBack(size, granted, sinceUs, nowUs)) return false;
    if (!growth.isProbing) {
      growth.probeSent();
      this.#pings.send('growth');
    }
    return growth.isProven;
  }
}

/** Our receive window for the connection, which grows: 1 MiB holds nobody back on paths below 10 ms. */
const CONNECTION_WINDOW = 1_048_576;
/** Eight streams' windows. */
const MAX_CONNECTION_WINDOW = 16_777_216;
