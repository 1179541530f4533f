import type { Socket } from 'node:net';

import { OWN_BACKEND } from '../../api/routing.ts';
import { parseSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { answer } from '../answers.ts';
import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import { ConnectError, dialed } from '../transport/dialer.ts';
import { serveHttp } from '../transport/http-server.ts';
import { type OutboundContext, OutboundRequest } from './request.ts';
import type { Target } from './target.ts';
import type { Targets } from './targets.ts';

/**
 * The proxy as an explicit one (`HTTP_PROXY`), for pods without redirect rules: absolute-form requests, and CONNECT,
 * whose tunnel is carried like a redirected connection to that name.
 *
 * Names are resolved by discovery as a client in this namespace would resolve them.
 */
export class ExplicitProxy {
  readonly #targets: Targets;
  readonly #context: OutboundContext;

  constructor(targets: Targets, context: OutboundContext) {
    this.#targets = targets;
    this.#context = context;
  }

  accept(socket: Socket): void {
    socket.on('error', () => {});
    serveHttp(socket, 'http1', false, {
      onRequest: (stream, head, end) => this.#request(stream, head, end),
      onMalformed: (reason) => {
        this.#context.metrics.malformed.with({ direction: 'outbound', reason }).value++;
        return ['weft-proxy-error', 'request_malformed'];
      },
      onClosed() {},
    });
  }

  #request(stream: ServerStream, head: RequestHead, end: boolean): StreamListener {
    const address = authorityAddress(head.authority);
    const waiting = new WaitingRequest(stream, head, end, this.#context);
    if (!address) {
      waiting.refuse('target_invalid', `"${head.authority}" is no host:port`);
      return waiting;
    }
    if (head.method === 'CONNECT') return new ConnectTunnel(stream, address, this.#targets, this.#context);
    const found = this.#targets.find(`${address.host}:${address.port}`);
    if (found instanceof Promise) void found.then((target) => waiting.resolve(target));
    else waiting.resolve(found);
    return waiting;
  }
}

/** A request whose target is being looked up. */
class WaitingRequest implements StreamListener {
  readonly #stream: ServerStream;
  readonly #head: RequestHead;
  #end: boolean;
  readonly #context: OutboundContext;
  #request: OutboundRequest | null = null;
  #held: Buffer[] = [];
  #over = false;

  constructor(stream: ServerStream, head: RequestHead, end: boolean, context: OutboundContext) {
    this.#stream = stream;
    this.#head = head;
    this.#end = end;
    this.#context = context;
  }

  resolve(target: Target | null): void {
    if (this.#over) return;
    if (!target) return this.refuse('target_unknown', `destination knows no target ${this.#head.authority}`);
    // What an explicit proxy is asked for in absolute form goes on in origin form.
    const version = (this.#head.version ?? '').replace('; absolute-form', '');
    const noBody = this.#end && this.#held.length === 0;
    this.#request = new OutboundRequest(this.#stream, { ...this.#head, version }, noBody, target, this.#context);
    this.#held.forEach((chunk, i) => {
      this.#request!.onData(chunk, 0, chunk.length, this.#end && i === this.#held.length - 1);
    });
    this.#held = [];
  }

  refuse(reason: 'target_invalid' | 'target_unknown', message: string): void {
    this.#over = true;
    this.#context.metrics.outboundErrors.with({ error: reason }).value++;
    answer(this.#stream, { reason, message }, { grpc: false, audience: 'peer' });
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.#request) return this.#request.onData(bytes, start, end, last);
    this.#end = last;
    if (end > start || last) this.#held.push(Buffer.from(bytes.subarray(start, end)));
  }

  onTrailers(fields: readonly string[]): void {
    this.#request?.onTrailers(fields);
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
}

/**
 * A CONNECT request (RFC 9110 section 9.3.6): its tunnel goes to one endpoint of the target, over mutual TLS where that
 * is meshed, or to the address itself where destination knows nothing of it.
 */
class ConnectTunnel implements StreamListener {
  readonly #stream: ServerStream;
  readonly #context: OutboundContext;
  #upstream: Socket | null = null;
  #over = false;

  constructor(stream: ServerStream, address: SocketAddress, targets: Targets, context: OutboundContext) {
    this.#stream = stream;
    this.#context = context;
    this.#connect(address, targets).catch((error: ConnectError) => {
      if (this.#over) return;
      this.#over = true;
      const reason = error instanceof ConnectError ? error.reason : 'unexpected';
      this.#context.metrics.outboundErrors.with({ error: reason }).value++;
      answer(this.#stream, { reason, message: error.message }, { grpc: false, audience: 'peer' });
    });
  }

  async #connect(address: SocketAddress, targets: Targets): Promise<void> {
    const target = await targets.find(`${address.host}:${address.port}`);
    const client = target?.pick(OWN_BACKEND, null);
    if (target && !client) throw new ConnectError('connect_failed', `${target.description.name} has no endpoint`);
    if (!target) this.#context.metrics.unknownTargets.with({}).value++;
    const upstream = client ? await client.open() : await dialed(address.host, address.port, CONNECT_TIMEOUT_MS);
    if (this.#over) return void upstream.destroy();
    this.#upstream = upstream;
    this.#stream.sendResponse({ status: 200, fields: [] }, false);
    upstream.on('data', (chunk: Buffer) => {
      if (this.#stream.sendData(chunk, 0, chunk.length, false) < chunk.length) upstream.pause();
    });
    upstream.on('end', () => this.#stream.sendData(NOTHING, 0, 0, true));
    upstream.on('close', () => {
      if (!this.#over && upstream.errored) this.#stream.reset(CONNECT_FAILED);
    });
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const upstream = this.#upstream;
    if (!upstream) return;
    if (end > start) {
      const octets = end - start;
      upstream.write(Buffer.from(bytes.subarray(start, end)), () => this.#stream.grant(octets));
    }
    if (last) upstream.end();
  }

  onSent(): void {
    this.#upstream?.resume();
  }

  onReset(): void {
    this.#over = true;
    this.#upstream?.destroy();
  }

  onTrailers(): void {}
  onResponse(): void {}
  onInformational(): void {}
}

const NOTHING = Buffer.alloc(0);
/** RFC 9113 section 8.5: the tunnel's TCP connection failed. */
const CONNECT_FAILED = 0xa;

const CONNECT_TIMEOUT_MS = 5000;

/** Host and port of an authority; the port is 80 unless it is given. */
function authorityAddress(authority: string): SocketAddress | null {
  return parseSocketAddress(authority) ?? parseSocketAddress(`${authority}:80`);
}
