import { NO_HASH } from '../balance/balancer.ts';
import type { ClientStream, Fields, RequestHead, StreamListener } from '../http.ts';
import { CANCEL } from '../http2/wire-vocabulary.ts';
import type { Waiter } from '../transport/http-pool.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { endpointFields, endpointHead } from './endpoint-head.ts';
import type { Target } from './target.ts';

/**
 * A copy of a request for a backend whose answer nobody waits for. It never holds up the request: a copy whose server
 * does not keep up is given up once {@link MAX_WAITING_BYTES} of its body wait.
 */
export class MirrorRequest implements Waiter, StreamListener {
  readonly #head: RequestHead;
  readonly #target: Target;
  readonly #client: EndpointClient | null;
  readonly #bodyless: boolean;
  #stream: ClientStream | null = null;
  #held: Buffer[] = [];
  #trailers: Fields | null = null;
  #isComplete: boolean;
  /** Octets of the body that have come and have not been taken by the server. */
  #waiting = 0;
  cancelled = false;

  constructor(head: RequestHead, bodyless: boolean, target: Target, backend: string) {
    this.#head = head;
    this.#target = target;
    this.#bodyless = bodyless;
    this.#isComplete = bodyless;
    this.#client = target.backend(backend).pick(performance.now(), NO_HASH, null);
    this.#client?.pool(head.version ? 'http1' : 'http2').acquire(this);
  }

  get listener(): StreamListener {
    return this;
  }

  // From the application.

  sendData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.cancelled || !this.#client) return;
    this.#isComplete = last;
    this.#waiting += end - start;
    if (this.#waiting > MAX_WAITING_BYTES) return this.cancel();
    if (this.#stream) this.#waiting -= this.#stream.sendData(bytes, start, end, last);
    else this.#held.push(Buffer.from(bytes.subarray(start, end)));
  }

  sendTrailers(fields: Fields): void {
    if (this.cancelled || !this.#client) return;
    this.#isComplete = true;
    if (this.#stream) this.#stream.sendTrailers(endpointFields(this.#client, this.#head.version ?? '', fields));
    else this.#trailers = fields;
  }

  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.#held = [];
    this.#stream?.reset(CANCEL);
  }

  // From the server.

  onStream(stream: ClientStream): void {
    const client = this.#client!;
    this.#stream = stream;
    client.responses.request();
    const isLast = this.#isComplete && !this.#trailers;
    stream.sendRequest(endpointHead(client, this.#head, this.#target), this.#bodyless);
    const held = this.#held;
    this.#held = [];
    for (const [i, chunk] of held.entries())
      this.#waiting -= stream.sendData(chunk, 0, chunk.length, isLast && i === held.length - 1);
    if (this.#trailers) stream.sendTrailers(endpointFields(client, this.#head.version ?? '', this.#trailers));
  }

  onUnavailable(): void {
    this.cancelled = true;
  }

  onSent(octets: number): void {
    this.#waiting -= octets;
  }

  onData(_bytes: Uint8Array, start: number, end: number): void {
    this.#stream?.grant(end - start);
  }

  onResponse(): void {}
  onInformational(): void {}
  onTrailers(): void {}

  onReset(): void {
    this.cancelled = true;
  }
}

const MAX_WAITING_BYTES = 256 * 1024;
