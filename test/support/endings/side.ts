import type { Socket } from 'node:net';

import { resetConnection } from '../../../proxy/transport/tcp-reset.ts';

/**
 * One side of an exchange, seen from outside: what it does, and what it has heard of the other.
 *
 * What was heard is told in a line: the status where it is an answer, the octets, and how they stand. `open`: more may come;
 * `ended`: the message is whole; `cut`: it is not, and nothing follows. HTTP/2 adds the code of RST_STREAM.
 */
export interface Side {
  readonly heard: string;
  /** Sends octets of its message. */
  say(text: string): void;
  /** Ends its message. */
  end(): void;
  /** Breaks off, as a program that is done with it does: RST_STREAM, or RST. */
  reset(): void;
  /** Closes the connection without a word. */
  leave(): unknown;
}

/** The side that has asked. */
export interface ClientSide extends Side {
  /** HTTP/2: GOAWAY, the streams under way go on. */
  goAway?(): void;
}

/** The side that answers. */
export interface ServerSide extends Side {
  /** Sends the head of its answer. */
  answer(): void;
  /** HTTP/2: GOAWAY, the streams under way go on. */
  goAway?(): void;
}

/** Both sides of an exchange that has begun: the server has the head, and the octets that came with it. */
export interface Exchange {
  readonly client: ClientSide;
  readonly server: ServerSide;
}

/** How an exchange begins. */
export type Beginning = NonNullable<Parameters<Protocol['begin']>[1]>;

/** What the sides speak. */
export interface Protocol {
  /** Where its server listens. */
  readonly port: number;
  /** Sockets, of the server and of clients, that are open. */
  readonly open: ReadonlySet<unknown>;
  /** Exchanges share connections: what ends one of those ends them all. */
  readonly isMultiplexed: boolean;
  /**
   * Begins an exchange by way of a port. The request's first octets are `ab`.
   *
   * @param options.length what a request of HTTP declares; not given: nothing
   * @param options.localAddress where the client is; not given: 127.0.0.1
   */
  begin(port: number, options?: { readonly length?: number; readonly localAddress?: string }): Promise<Exchange>;
  close(): void;
}

/** How a message that comes stands. */
export class Heard {
  status = '';
  octets = '';
  state: 'open' | 'ended' | 'cut' = 'open';
  code: number | null = null;

  end(): void {
    if (this.state === 'open') this.state = 'ended';
  }

  /** @param code of RST_STREAM; null: there was none */
  cut(code: number | null = null): void {
    if (this.state !== 'open') return;
    this.state = 'cut';
    this.code = code;
  }

  toString(): string {
    const code = this.code === null ? '' : ` ${this.code}`;
    return `${this.status}${this.status && ' '}"${this.octets}" ${this.state}${code}`;
  }
}

/** What a side does whose message is all that its connection carries. */
export function actsOf(socket: Socket): Pick<Side, 'say' | 'end' | 'reset' | 'leave'> {
  return {
    say: (text) => socket.write(text),
    end: () => socket.end(),
    reset: () => resetConnection(socket),
    leave: () => socket.destroy(),
  };
}

/** Counts a socket among those that are open, for as long as it is. */
export function noteOpen(open: Set<unknown>, socket: Socket): void {
  open.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => open.delete(socket));
}
