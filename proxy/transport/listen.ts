import { createServer, type Server, type Socket } from 'node:net';

import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { BACKLOG } from '../../core/program/listener.ts';
import { Arrivals } from './arrivals.ts';
import { KEEP_ALIVE_MS } from './dialer.ts';
import { queueInCopies } from './native-handle.ts';

/** Bounds the connections that a listener holds at once. */
export interface ConnectionLimit {
  readonly connections: number;
  /** Addresses share them fairly; false: all are one client's, the pod's own. */
  readonly isShared: boolean;
  /** One above it was closed before anything was made for it: a queue would let those that hold the others decide. */
  readonly onRefused: () => void;
}

/**
 * Listens for connections whose purpose is not known yet: half-closed ones stay usable, and what they say first is queued
 * until somebody has looked at it. Rejects when the address is taken or absent.
 *
 * @param accept is given each connection, and what to call once it is known what it carries
 */
export function listen(
  { host, port }: SocketAddress,
  accept: (socket: Socket, onKnown: () => void) => void,
  limit: ConnectionLimit,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const arrivals = limit.isShared ? new Arrivals(limit.connections, limit.onRefused) : null;
    const server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, allowHalfOpen: true },
      (socket) => {
        queueInCopies(socket);
        const onKnown = arrivals ? arrivals.take(socket) : () => {};
        if (onKnown) accept(socket, onKnown);
      },
    );
    if (!arrivals) server.maxConnections = limit.connections;
    server.on('drop', limit.onRefused);
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A kernel without IPv6 has no [::1]; the IPv4 listener beside it is enough.
      if (host === '::1' && (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')) resolve(server);
      else reject(Object.assign(error, { message: `${formatSocketAddress(host, port)}: ${error.message}` }));
    });
    server.listen({ host, port, backlog: BACKLOG }, () => resolve(server));
  });
}
