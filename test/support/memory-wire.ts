/** A wire in memory, for either engine: what is written is taken by the test. */
export class MemoryWire {
  bytes = new Uint8Array(1 << 10);
  end = 0;
  blocked = false;
  closed = false;
  finished = false;
  wasReset = false;
  paused = false;
  held = 0;

  reserve(octets: number): void {
    if (this.end + octets <= this.bytes.length) return;
    const grown = new Uint8Array((this.end + octets) * 2);
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }

  copy(bytes: Uint8Array, start: number, end: number, at: number): void {
    Buffer.prototype.copy.call(bytes, this.bytes, at, start, end);
  }

  touch(): void {}

  hold(octets: number): void {
    this.held += octets;
  }

  close(): void {
    this.closed = true;
  }

  finish(): void {
    this.finished = true;
  }

  reset(): void {
    this.wasReset = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  /** What was written since the last time. */
  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.end);
    // Nobody shall find again what was there before.
    this.bytes.fill(0xee, 0, this.end);
    this.end = 0;
    return taken;
  }

  /** The same, one char an octet. */
  takeText(): string {
    return Buffer.from(this.take()).toString('latin1');
  }
}
