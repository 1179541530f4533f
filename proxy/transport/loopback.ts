import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

import type { SocketAddress } from '../../core/config/socket-address.ts';

/**
 * The way from a pod's outbound side to its own inbound side, for endpoints that are the pod itself.
 *
 * What the proxy's user sends to the pod's own address stays on the loopback interface and meets no redirect rule: dialled
 * like any other endpoint it would reach the application past the inbound side, and with mutual TLS would not be
 * understood. So the connection is made within the process, without TLS, as linkerd2-proxy does without it.
 */
export class Loopback {
  readonly #podIps: ReadonlySet<string>;
  readonly #accept: (socket: Socket, destination: SocketAddress) => void;

  /** @param accept takes the far end of a connection that was going to `destination` */
  constructor(podIps: readonly string[], accept: (socket: Socket, destination: SocketAddress) => void) {
    this.#podIps = new Set(podIps);
    this.#accept = accept;
  }

  /** Whether an address is the pod's own. Unknown, and so false, where the pod was not told its addresses. */
  isOwn(address: string): boolean {
    return this.#podIps.has(address);
  }

  /** Opens a connection to a port of the pod. Emits `connect` in the next turn, as a socket does. */
  connect(destination: SocketAddress): Socket {
    const near = new LoopbackSocket(destination.host);
    const far = new LoopbackSocket(destination.host);
    near.join(far);
    process.nextTick(() => {
      if (near.destroyed) return;
      this.#accept(far as unknown as Socket, destination);
      near.emit('connect');
    });
    return near as unknown as Socket;
  }
}

/** One end of a connection within the process, with as much of a socket as the data path uses. */
class LoopbackSocket extends Duplex {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly remotePort = 0;
  readonly localPort = 0;
  #peer: LoopbackSocket | null = null;
  /** Goes on with the peer's write when this side has been read. */
  #release: (() => void) | null = null;
  #hasEnded = false;

  constructor(address: string) {
    super({ allowHalfOpen: true });
    this.remoteAddress = address;
    this.localAddress = address;
  }

  join(peer: LoopbackSocket): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  /** The peer learns of it as of a reset. */
  resetAndDestroy(): this {
    const peer = this.#peer!;
    if (!peer.destroyed) peer.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    return this.destroy();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const peer = this.#peer!;
    if (peer.destroyed || peer.#hasEnded) return done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    // A copy: the writer uses its slab again as soon as it is told that this is done.
    if (peer.push(Buffer.from(chunk))) done();
    else peer.#release = done;
  }

  override _read(): void {
    const release = this.#release;
    this.#release = null;
    release?.();
  }

  override _final(done: () => void): void {
    this.#end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#end();
    this._read();
    done(error);
  }

  #end(): void {
    const peer = this.#peer!;
    if (peer.#hasEnded || peer.destroyed) return;
    peer.#hasEnded = true;
    peer.push(null);
  }
}
