import type { Socket } from 'node:net';

/** What a relay counted. */
export interface RelayListener {
  /** Octets from `a` to `b`, and back. */
  onOctets(fromA: number, fromB: number): void;
  /** Both directions are over. `error`: one side failed; the other has been reset. */
  onEnd(error: Error | null): void;
}

/**
 * Carries octets between two connected sockets, each way with back-pressure. The end of one direction is passed on as
 * such (a half-closed connection goes on), a reset as a reset.
 */
export function relay(a: Socket, b: Socket, listener: RelayListener): void {
  let open = 2;
  let over = false;
  const fail = (error: Error | null) => {
    if (over) return;
    over = true;
    for (const socket of [a, b]) if (!socket.destroyed) reset(socket);
    listener.onEnd(error);
  };
  const carry = (from: Socket, to: Socket, count: (octets: number) => void) => {
    from.on('data', (chunk: Buffer) => {
      count(chunk.length);
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => {
      to.end();
      if (--open > 0 || over) return;
      over = true;
      listener.onEnd(null);
    });
    from.on('error', fail);
    from.on('close', () => {
      if (open > 0) fail(null);
    });
  };
  carry(a, b, (octets) => listener.onOctets(octets, 0));
  carry(b, a, (octets) => listener.onOctets(0, octets));
}

/** RST on plain TCP; TLS has no reset of its own, so its TCP connection is dropped. */
function reset(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}
