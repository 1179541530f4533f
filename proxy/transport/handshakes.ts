import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { FairShare } from '../../core/program/fair-share.ts';
import { HandshakeTimeoutError } from '../../core/tls/accept.ts';
import { HandshakeTurns } from '../../core/tls/handshake-turns.ts';
import type { MutualTls } from './mutual-tls.ts';
import { resetConnection } from './tcp-reset.ts';

/** What a client that wants mutual TLS can exceed. */
export type HandshakeLimit = 'handshake_limit' | 'handshake_timeout' | 'tls_connection_limit';

/**
 * Mutual TLS of an inbound side within bounds: of handshakes under way, and of connections that have TLS, which take nine
 * times what others do. Addresses share both fairly (see `FairShare`), and take turns to begin (see `HandshakeTurns`).
 */
export class Handshakes {
  readonly #mutualTls: Pick<MutualTls, 'accept'>;
  readonly #onExceeded: (limit: HandshakeLimit) => void;
  readonly #underWay = new FairShare(MOST_HANDSHAKES);
  readonly #turns = new HandshakeTurns();
  readonly #secured = new FairShare(mostSecured(process.constrainedMemory()));

  constructor(mutualTls: Pick<MutualTls, 'accept'>, onExceeded: (limit: HandshakeLimit) => void) {
    this.#mutualTls = mutualTls;
    this.#onExceeded = onExceeded;
  }

  /** As `MutualTls.accept`; rejects also where there is no place for a client of its address. */
  async accept(socket: Socket): Promise<TLSSocket> {
    const address = socket.remoteAddress ?? '';
    const place = (limit: HandshakeLimit) => ({
      address,
      evict: () => {
        this.#onExceeded(limit);
        resetConnection(socket);
      },
    });
    const handshake = place('handshake_limit');
    const connection = place('tls_connection_limit');
    const nowMs = performance.now();
    if (!this.#secured.enter(connection, nowMs)) return refuse(connection);
    socket.once('close', () => this.#secured.leave(connection));
    if (!this.#underWay.enter(handshake, nowMs)) return refuse(handshake);
    try {
      await this.#turns.next(socket);
      const secure = await this.#mutualTls.accept(socket);
      this.#secured.keep(connection);
      return secure;
    } catch (error) {
      if (error instanceof HandshakeTimeoutError) this.#onExceeded('handshake_timeout');
      throw error;
    } finally {
      this.#underWay.leave(handshake);
    }
  }
}

function refuse(holder: { evict(): void }): never {
  holder.evict();
  throw new Error('too many connections are in a handshake, or have TLS');
}

/** Each takes some 80 KiB until it is done: 40 MiB in all. */
export const MOST_HANDSHAKES = 512;

/**
 * Connections with TLS that fit two fifths of the memory that the process may have: 64 KiB each at rest.
 *
 * @param memoryOctets limit of the container; 0, or more than a machine has: there is none
 */
export function mostSecured(memoryOctets: number): number {
  return memoryOctets > 0 && memoryOctets < 2 ** 50
    ? Math.max(256, Math.floor((memoryOctets * 2) / 5 / 65_536))
    : Infinity;
}
