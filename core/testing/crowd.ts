import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';

import type { SocketAddress } from '../config/socket-address.ts';

/** Many connections of one client address that say a few words, or nothing, and stay. They are closed when the test ends. */
export class Crowd {
  readonly sockets = new Set<Socket>();

  /**
   * Opens `size` connections, and resolves when each is open or has been refused.
   *
   * @param from the address they come from: any of 127.0.0.0/8
   * @param words what each says first
   */
  static async gather(
    t: Pick<Test, 'teardown'>,
    to: SocketAddress,
    size: number,
    from: string,
    words: Uint8Array | string = '',
  ): Promise<Crowd> {
    const crowd = new Crowd();
    t.teardown(() => crowd.end());
    for (let left = size; left > 0; left -= AT_ONCE) {
      const some = Array.from({ length: Math.min(left, AT_ONCE) }, () => crowd.#add(to, from, words));
      await Promise.all(some);
      // A listener's queue that runs over would make the rest wait for whole seconds.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return crowd;
  }

  /** Connections that the server has not closed. */
  get size(): number {
    return this.sockets.size;
  }

  end(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  #add({ host, port }: SocketAddress, from: string, words: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ host, port, localAddress: from });
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.once('connect', () => {
        if (words.length > 0) socket.write(words);
        resolve();
      });
      socket.once('close', () => {
        this.sockets.delete(socket);
        resolve();
      });
      socket.resume();
    });
  }
}

/** Fewer than a listener's queue holds. */
const AT_ONCE = 200;
