import type { Socket } from 'node:net';

import { SocketWire } from './socket-wire.ts';

/** What a relay counted. */
export interface RelayListener {
  /** Octets from `a` to `b`, and back. */
  onOctets(fromA: number, fromB: number): void;
  /** Both directions are over. `error`: one side failed; the other has been reset. */
  onEnd(error: Error | null): void;
}

/**
 * Carries octets between two connected sockets, each way with back-pressure. The end of one direction is passed on as
 * such (a half-closed connection goes on), a reset as a reset (TLS has none of its own, so its TCP connection is dropped).
 *
 * Octets are copied from the one read buffer of the process into slabs: cheaper than the fresh 64 KiB buffer that each
 * read would take otherwise.
 */
export function relay(a: Socket, b: Socket, listener: RelayListener): void {
  if (a.destroyed || b.destroyed) {
    // Gone before it was joined: it will not say so again.
    for (const socket of [a, b]) socket.destroy();
    return listener.onEnd(new Error('one side was gone before both were joined'));
  }
  const wireA = new SocketWire(a);
  const wireB = new SocketWire(b);
  let open = 2;
  let over = false;
  const end = (error: Error | null) => {
    if (over) return;
    over = true;
    listener.onEnd(error);
  };
  const carry = (from: SocketWire, to: SocketWire, count: (octets: number) => void) => {
    from.attach({
      receive(bytes, start, end) {
        count(end - start);
        to.append(bytes, start, end);
        if (to.blocked) from.pause();
      },
      onEnd() {
        to.finish();
        if (--open === 0) end(null);
      },
      // What `from` was sent by the other has left: the other may be read again.
      onWritable: () => to.resume(),
      onClosed(error) {
        if (open > 0) to.destroy(true);
        end(error);
      },
    });
  };
  carry(wireA, wireB, (octets) => listener.onOctets(octets, 0));
  carry(wireB, wireA, (octets) => listener.onOctets(0, octets));
}
