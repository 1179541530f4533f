import { isIP, type Socket } from 'node:net';

import { formatSocketAddress, parseSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { Failure } from '../answers.ts';
import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import { ConnectError, established } from '../transport/dialer.ts';
import { readConnect, serveHttp } from '../transport/http-server.ts';
import { peek, skip } from '../transport/peek.ts';
import { clientOf, type OutboundListener } from './listener.ts';
import type { OutboundContext } from './outbound-context.ts';
import { Target } from './target.ts';
import type { Targets } from './targets.ts';
import type { Unanswered } from './unanswered.ts';
import { authorityAddress, WaitingRequest } from './waiting-request.ts';

/**
 * The proxy as an explicit one (`HTTP_PROXY`), for pods without redirect rules: absolute-form requests, and CONNECT,
 * whose tunnel is carried like a redirected connection to that name, so that HTTP in it is routed as HTTP.
 *
 *     accept ─▶ CONNECT? ─▶ destination knows the name ─▶ 200 ─▶ OutboundListener
 *                  │             └─ unknown: octets to the address itself
 *                  └─ no ─▶ OutboundRequest per request, each to the target that it names
 *
 * Names are resolved by discovery as a client in this namespace would resolve them.
 */
export class ExplicitProxy {
  readonly #targets: Targets;
  readonly #context: OutboundContext;
  readonly #outbound: OutboundListener;
  readonly #unanswered: Pick<Unanswered, 'mayForward'>;

  constructor(
    targets: Targets,
    context: OutboundContext,
    outbound: OutboundListener,
    unanswered: Pick<Unanswered, 'mayForward'>,
  ) {
    this.#unanswered = unanswered;
    this.#targets = targets;
    this.#context = context;
    this.#outbound = outbound;
  }

  /** Takes a connection of the pod's application. Owns the socket; throws never. */
  accept(socket: Socket): void {
    socket.on('error', () => {});
    this.#accept(socket).catch(() => socket.destroy());
  }

  async #accept(socket: Socket): Promise<void> {
    const peeked = await peek(socket, readConnect, 0);
    if (peeked.outcome !== 'decided') return void socket.destroy();
    const connect = peeked.value;
    const address = connect === 'other' ? null : parseSocketAddress(connect.authority);
    // A CONNECT that names no host and port is refused where every malformed request is.
    if (connect === 'other' || !address)
      return this.#serve(socket, (stream, head, end) => this.#request(stream, head, end, clientOf(socket)));
    const failure = await this.#tunnel(socket, address, connect.octets).catch((error: Error): Failure => {
      if (!(error instanceof ConnectError)) throw error;
      return { reason: error.reason, message: error.message };
    });
    if (failure)
      this.#serve(socket, (stream, head, end) =>
        new WaitingRequest(stream, head, end, this.#context, '').refuse(failure),
      );
  }

  /**
   * Turns the connection into a tunnel (RFC 9110 section 9.3.6). @returns why it may not; until then, as where it throws, nothing
   * was read or answered
   */
  async #tunnel(socket: Socket, address: SocketAddress, octets: number): Promise<Failure | null> {
    const found = await this.#targets.find(formatSocketAddress(address.host, address.port));
    const target = found instanceof Target ? found : null;
    const failure = found instanceof Target ? null : found;
    if (failure && isIP(address.host) > 0) return failure;
    if (target && !target.hasEndpoints)
      throw new ConnectError('connect_failed', `${target.description.name} has no endpoint`);
    const upstream = target ? null : await established(this.#outbound.dialUnknown(address), CONNECT_TIMEOUT_MS);
    // Nobody has said what the name is; where it has led tells at least whether that is in the cluster.
    if (failure && !this.#unanswered.mayForward(upstream!.remoteAddress ?? '')) {
      upstream!.destroy();
      return failure;
    }
    if (socket.destroyed) {
      upstream?.destroy();
      return null;
    }
    skip(socket, octets);
    socket.write(TUNNEL_OPEN);
    if (target) this.#outbound.carry(socket, target);
    else this.#outbound.join(socket, upstream!);
    return null;
  }

  #serve(socket: Socket, onRequest: (stream: ServerStream, head: RequestHead, end: boolean) => StreamListener): void {
    serveHttp(socket, 'http1', false, {
      onRequest,
      onMalformed: (reason) => {
        this.#context.metrics.malformed.with({ direction: 'outbound', reason }).value++;
        return ['weft-proxy-error', 'request_malformed'];
      },
      onLimit: (limit) => this.#context.metrics.exceeded('outbound', 'src', limit),
      onClosed() {},
    });
  }

  #request(stream: ServerStream, head: RequestHead, end: boolean, client: string): StreamListener {
    const address = authorityAddress(head.authority);
    // What an explicit proxy is asked for in absolute form goes on in origin form.
    const version = (head.version ?? '').replace('; absolute-form', '');
    const waiting = new WaitingRequest(stream, { ...head, version }, end, this.#context, client);
    if (!address) return waiting.refuse({ reason: 'target_invalid', message: `"${head.authority}" is no host:port` });
    const unknown: Failure = {
      reason: 'target_unknown',
      message: `destination knows no target ${head.authority}`,
    };
    return waiting.follow(this.#targets.find(formatSocketAddress(address.host, address.port)), unknown);
  }
}

const TUNNEL_OPEN = 'HTTP/1.1 200 OK\r\n\r\n';
const CONNECT_TIMEOUT_MS = 5000;
