import type { ServerConnection as Http1Server } from '../http1/server-connection.ts';
import type { Connection as Http2Connection } from '../http2/connection.ts';
import type { ClientLimits } from './client-limits.ts';
import type { SocketWire } from './socket-wire.ts';
import { Stillness } from './stillness.ts';
import { enterTurn, leaveTurn } from './turn.ts';

/** A connection that is looked at now and then, and ends itself where it finds that its client is too slow. */
export interface Watched {
  look(stillness: Stillness): void;
}

/**
 * Looks at every connection from time to time, to find those whose clients are too slow: one timer for the process,
 * because one for each request costs every request.
 *
 * What is late is found up to a quarter of the smallest limit after its time, 5 s at most.
 */
export class DeadlineSweep {
  readonly #watched = new Set<Watched>();
  readonly #stillness = new Stillness();
  #timer: NodeJS.Timeout | null = null;
  #everyMs = 0;

  /** Connections that are looked at. */
  get size(): number {
    return this.#watched.size;
  }

  /** Watches a connection. @param smallestMs its shortest limit @returns how to end that */
  add(watched: Watched, smallestMs: number): () => void {
    this.#watched.add(watched);
    const everyMs = Math.min(LONGEST_MS, Math.max(10, smallestMs / 4));
    if (!this.#timer || everyMs < this.#everyMs) this.#start(everyMs);
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size === 0) this.#stop();
    };
  }

  #start(everyMs: number): void {
    this.#stop();
    this.#everyMs = everyMs;
    this.#timer = setInterval(() => this.#sweep(), everyMs).unref();
  }

  #stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  #sweep(): void {
    this.#stillness.begin(performance.now());
    for (const watched of this.#watched) {
      enterTurn();
      watched.look(this.#stillness);
      leaveTurn();
    }
    this.#stillness.end();
  }
}

const LONGEST_MS = 5000;

/** Every connection that the process serves. */
export const deadlines = new DeadlineSweep();

/** The shortest of a client's times. */
export function shortestMs(limits: ClientLimits): number {
  return Math.min(limits.headerTimeoutMs, limits.bodyTimeoutMs, limits.stallTimeoutMs, limits.idleTimeoutMs);
}

/** Watches a server's connection of HTTP/1. @param onStall it is dropped, because its client does not read */
export function watchHttp1(
  connection: Http1Server,
  wire: SocketWire,
  limits: ClientLimits,
  onStall: () => void,
): Watched {
  return {
    look(stillness) {
      if (isStalled(wire, stillness, limits)) onStall();
      else if (connection.isReadingHead) {
        if (stillness.of(connection, 'head', connection.taken) > limits.headerTimeoutMs)
          connection.timeOut('header_timeout');
      } else if (connection.awaitsBody) {
        if (stillness.of(connection, 'body', wire.readOctets) > limits.bodyTimeoutMs)
          connection.timeOut('body_timeout');
      } else if (connection.isIdle && stillness.of(connection, 'idle', wire.readOctets) > limits.idleTimeoutMs)
        connection.shutdown();
    },
  };
}

/** The same of HTTP/2, where a stream that does not move is ended alone. */
export function watchHttp2(
  connection: Http2Connection,
  wire: SocketWire,
  limits: ClientLimits,
  onStall: () => void,
): Watched {
  return {
    look(stillness) {
      if (isStalled(wire, stillness, limits)) return onStall();
      const { unfinished } = connection;
      if (unfinished && stillness.of(unfinished, 'head', 0) > limits.headerTimeoutMs)
        return connection.cut('header_timeout');
      if (connection.streamCount === 0) {
        if (stillness.of(connection, 'idle', wire.readOctets) > limits.idleTimeoutMs) connection.shutdown();
        return;
      }
      for (const stream of connection.streams) {
        const { leftQueue } = stream;
        if (leftQueue >= 0) {
          if (stillness.of(stream, 'unsent', leftQueue) > limits.stallTimeoutMs)
            connection.cutStream(stream, 'stall_timeout');
        } else if (stream.bodyLeft > 0 && !stream.awaitsContinue && !stream.remoteClosed && stream.receiveWindow > 0) {
          if (stillness.of(stream, 'body', stream.bodyLeft) > limits.bodyTimeoutMs)
            connection.cutStream(stream, 'body_timeout');
        }
      }
    },
  };
}

function isStalled(wire: SocketWire, stillness: Stillness, limits: ClientLimits): boolean {
  return wire.blocked && stillness.of(wire, 'blocked', wire.writtenOctets) > limits.stallTimeoutMs;
}
