import type { ServerStream, StreamListener } from '../http.ts';

/** A request on the admin port as it is answered: its body, of a few octets at most, and how much of the answer was taken. */
export class PageStream implements StreamListener {
  readonly #stream: ServerStream;
  readonly #mostBody: number;
  readonly #onBody: (body: string | null) => void;
  readonly #body: Buffer[] = [];
  #bodyOctets = 0;
  #unsent = 0;
  #isOver = false;
  #resume: (() => void) | null = null;

  /** @param onBody called once: when the body is whole, or with null as soon as it is longer than `mostBody` octets */
  constructor(stream: ServerStream, mostBody: number, onBody: (body: string | null) => void) {
    this.#stream = stream;
    this.#mostBody = mostBody;
    this.#onBody = onBody;
  }

  /**
   * Sends pieces of a body one after another, each when the client has taken the one before, with a turn of the loop for
   * the proxy's requests in between: a piece that nobody reads is not made.
   */
  async send(pieces: Iterable<string>): Promise<void> {
    for (const piece of pieces) {
      const bytes = Buffer.from(piece);
      this.#unsent += bytes.length - this.#stream.sendData(bytes, 0, bytes.length, false);
      await new Promise<void>((resolve) => {
        if (this.#unsent > 0 && !this.#isOver) this.#resume = resolve;
        else setImmediate(resolve);
      });
      if (this.#isOver) return;
    }
    this.#stream.sendData(NOTHING, 0, 0, true);
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.#bodyOctets > this.#mostBody) return;
    this.#bodyOctets += end - start;
    if (this.#bodyOctets > this.#mostBody) return this.#onBody(null);
    this.#body.push(Buffer.from(bytes.subarray(start, end)));
    this.#stream.grant(end - start);
    if (last) this.#onBody(Buffer.concat(this.#body).toString());
  }

  onReset(): void {
    this.#isOver = true;
    this.#goOn();
  }

  onSent(octets: number): void {
    this.#unsent -= octets;
    if (this.#unsent <= 0) this.#goOn();
  }

  onTrailers(): void {}
  onResponse(): void {}
  onInformational(): void {}

  #goOn(): void {
    this.#resume?.();
    this.#resume = null;
  }
}

const NOTHING = Buffer.alloc(0);
