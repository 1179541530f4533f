import { createServer, type Server, type Socket } from 'node:net';

import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { KEEP_ALIVE_MS } from './dialer.ts';
import { queueInCopies } from './native-handle.ts';

/** Bounds the connections that a listener holds at once. */
export interface ConnectionLimit {
  readonly connections: number;
  /** One above it was closed before anything was made for it: a queue would let those that hold the others decide. */
  readonly onRefused: () => void;
}

/**
 * Listens for connections whose purpose is not known yet: half-closed ones stay usable, and what they say first is queued
 * until somebody has looked at it. Rejects when the address is taken or absent.
 */
export function listen(
  { host, port }: SocketAddress,
  accept: (socket: Socket) => void,
  limit: ConnectionLimit,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, allowHalfOpen: true },
      (socket) => {
        queueInCopies(socket);
        accept(socket);
      },
    );
    server.maxConnections = limit.connections;
    server.on('drop', limit.onRefused);
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A kernel without IPv6 has no [::1]; the IPv4 listener beside it is enough.
      if (host === '::1' && (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')) resolve(server);
      else reject(Object.assign(error, { message: `${formatSocketAddress(host, port)}: ${error.message}` }));
    });
    server.listen({ host, port, backlog: 4096 }, () => resolve(server));
  });
}
