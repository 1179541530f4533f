import { ClientStream, type ClientStreamOwner } from './client-stream.ts';
import { type DecodeLatin1, HeadReader } from './head-reader.ts';
import { MALFORMED_ANSWER, type StreamListener, type Wire } from './message.ts';
import { MessageWriter } from './message-writer.ts';

/** Hears what concerns the connection. */
export interface ClientListener {
  /** The exchange is over and another may follow. */
  onIdle(): void;
  /** The connection takes no more exchanges. */
  onEnding(): void;
}

/** The client's side of an HTTP/1 connection, without I/O: one exchange at a time. Spec: RFC 9112. */
export class ClientConnection implements ClientStreamOwner {
  readonly #wire: Wire;
  readonly #listener: ClientListener;
  readonly #latin1: DecodeLatin1;
  readonly #heads: HeadReader;
  readonly #writer: MessageWriter;
  #stream: ClientStream | null = null;
  /** An exchange was finished before: the server may be closing the connection just now. */
  #isUsed = false;
  closed = false;

  constructor(wire: Wire, listener: ClientListener, latin1: DecodeLatin1) {
    this.#wire = wire;
    this.#listener = listener;
    this.#latin1 = latin1;
    this.#heads = new HeadReader('response', latin1);
    this.#writer = new MessageWriter(wire);
  }

  /** No exchange is under way, and another may begin. */
  get isIdle(): boolean {
    return this.#stream === null && !this.closed;
  }

  /** Begins an exchange; `isIdle` must hold. */
  open(listener: StreamListener): ClientStream {
    this.#writer.begin();
    this.#stream = new ClientStream(this, this.#wire, this.#heads, this.#writer, listener, this.#latin1, this.#isUsed);
    return this.#stream;
  }

  /** Takes what came from the server. `bytes[start, end)` is not kept. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.closed) {
      // Octets without a request (a 408 on an idle connection, say): nobody asked, so the connection ends.
      if (!this.#stream) return this.end();
      const next = this.#stream.receive(bytes, at, end);
      if (typeof next === 'string') {
        const stream = this.#stream;
        this.end();
        return stream.abort(MALFORMED_ANSWER);
      }
      at = next;
    }
  }

  /** The server ended its direction. */
  onEnd(): void {
    const stream = this.#stream;
    if (stream) stream.onPeerEnd();
    else this.end();
  }

  /** The transport is gone. */
  onClosed(): void {
    this.#takesNoMore();
    this.#stream?.abandon();
  }

  /** The wire takes octets again. */
  onWritable(): void {
    this.#stream?.pump();
  }

  /** Closes the connection. */
  end(): void {
    if (this.#takesNoMore()) this.#wire.close();
  }

  /** Cuts the connection off, so that the server cannot take it for an end. */
  cut(): void {
    if (this.#takesNoMore()) this.#wire.reset();
  }

  /** The exchange is over. @param reusable another may follow on this connection */
  onExchangeEnd(reusable: boolean): void {
    this.#stream = null;
    this.#isUsed = true;
    if (!reusable) return this.end();
    this.#wire.resume();
    this.#listener.onIdle();
  }

  /** @returns false: it did not before */
  #takesNoMore(): boolean {
    if (this.closed) return false;
    this.closed = true;
    this.#listener.onEnding();
    return true;
  }
}
