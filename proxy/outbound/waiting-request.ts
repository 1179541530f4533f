import { parseSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { answer, type Failure } from '../answers.ts';
import { type Fields, isGrpc, type RequestHead, type ServerStream, type StreamListener } from '../http.ts';
import { noteFailure, type OutboundContext } from './outbound-context.ts';
import { OutboundRequest } from './request.ts';
import type { Target } from './target.ts';
import type { FoundTarget } from './targets.ts';

/** A request whose target is being looked up; what comes of it meanwhile is held, within the flow-control window. */
export class WaitingRequest implements StreamListener {
  readonly #stream: ServerStream;
  readonly #head: RequestHead;
  #end: boolean;
  readonly #context: OutboundContext;
  readonly #client: string;
  #request: OutboundRequest | null = null;
  #held: Buffer[] = [];
  #trailers: Fields | null = null;
  #over = false;

  /** @param client `host:port` of the application's connection */
  constructor(stream: ServerStream, head: RequestHead, end: boolean, context: OutboundContext, client: string) {
    this.#stream = stream;
    this.#head = head;
    this.#end = end;
    this.#context = context;
    this.#client = client;
  }

  /** Goes on to what is found, target or failure, or else to `otherwise`. @returns itself */
  follow(found: Promise<FoundTarget> | FoundTarget, otherwise: Target | Failure): this {
    const go = (target: FoundTarget) => {
      const next = target ?? otherwise;
      if ('reason' in next) this.refuse(next);
      else this.#resolve(next);
    };
    if (found instanceof Promise) void found.then(go);
    else go(found);
    return this;
  }

  /** Answers with a failure instead. @returns itself */
  refuse(failure: Failure): this {
    if (this.#over) return this;
    this.#over = true;
    const { method, path, authority, version } = this.#head;
    noteFailure(this.#context, failure, { target: authority, route: '', method, path, endpoint: '' });
    answer(this.#stream, failure, { grpc: isGrpc(this.#head) && !version, audience: 'peer' });
    return this;
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.#request) return this.#request.onData(bytes, start, end, last);
    this.#end = last;
    if (end > start || last) this.#held.push(Buffer.from(bytes.subarray(start, end)));
  }

  onTrailers(fields: Fields): void {
    if (this.#request) this.#request.onTrailers(fields);
    else this.#trailers = fields;
  }

  onReset(): void {
    this.#over = true;
    this.#request?.onReset();
  }

  onSent(octets: number): void {
    this.#request?.onSent(octets);
  }

  onResponse(): void {}
  onInformational(): void {}

  #resolve(target: Target): void {
    if (this.#over) return;
    const noBody = this.#end && this.#held.length === 0;
    const request = new OutboundRequest(this.#stream, this.#head, noBody, target, this.#context, this.#client);
    this.#request = request;
    const held = this.#held;
    this.#held = [];
    for (let i = 0; i < held.length; i++)
      request.onData(held[i]!, 0, held[i]!.length, this.#end && i === held.length - 1);
    if (this.#trailers) request.onTrailers(this.#trailers);
  }
}

/** Host and port of an authority; the port is 80 unless it is given. null: it is neither. */
export function authorityAddress(authority: string): SocketAddress | null {
  return parseSocketAddress(authority) ?? parseSocketAddress(`${authority}:80`);
}
