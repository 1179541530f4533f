import { createServer, type Server, type Socket } from 'node:net';

import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { BACKLOG } from '../../core/program/listener.ts';
import { Arrivals } from './arrivals.ts';
import { KEEP_ALIVE_MS } from './dialer.ts';
import { loadDuplicate } from './libc.ts';
import { queueInCopies, serverDescriptor } from './native-handle.ts';

/** Bounds the connections that a listener holds at once. */
export interface ConnectionLimit {
  readonly connections: number;
  /** Addresses share them fairly; false: all are one client's, the pod's own. */
  readonly isShared: boolean;
  /** One above it was closed before anything was made for it: a queue would let those that hold the others decide. */
  readonly onRefused: () => void;
}

/** What takes connections at an address. */
export interface Listening {
  /** As bound; 0: the kernel has no such address. */
  readonly port: number;
  /** Takes no more; connections that are there stay. */
  close(): void;
}

/**
 * Listens for connections whose purpose is not known yet: half-closed ones stay usable, and what they say first is queued
 * until somebody has looked at it. Rejects when the address is taken or absent.
 *
 * @param accept is given each connection, and what to call once it is known what it carries
 */
export async function listen(
  { host, port }: SocketAddress,
  accept: (socket: Socket, onKnown: () => void) => void,
  limit: ConnectionLimit,
): Promise<Listening> {
  const arrivals = limit.isShared ? new Arrivals(limit.connections, limit.onRefused) : null;
  let open = 0;
  const take = (socket: Socket) => {
    if (!arrivals && open >= limit.connections) {
      limit.onRefused();
      return void socket.destroy();
    }
    open++;
    socket.once('close', () => open--);
    queueInCopies(socket);
    const onKnown = arrivals ? arrivals.take(socket) : () => {};
    if (onKnown) accept(socket, onKnown);
  };
  const first = createServer(OPTIONS, take);
  try {
    await bound(first, { host, port });
  } catch (error) {
    // A kernel without IPv6 has no [::1]; the IPv4 listener beside it is enough.
    const { code } = error as NodeJS.ErrnoException;
    if (host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) return { port: 0, close() {} };
    throw Object.assign(error as Error, {
      message: `${formatSocketAddress(host, port)}: ${(error as Error).message}`,
    });
  }
  const servers = [first, ...(await more(first, take))];
  return {
    port: (first.address() as { port: number }).port,
    close() {
      for (const server of servers) server.close();
    },
  };
}

/**
 * Further servers on the socket of the first. A turn of the event loop accepts one connection of each descriptor (libuv 1.45),
 * so that a loop with much to do would leave newcomers waiting for seconds while it serves those it has: one server for every
 * connection that a turn may accept. Without the C library there are none.
 */
async function more(first: Server, take: (socket: Socket) => void): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    const duplicate = await loadDuplicate();
    while (servers.length < ACCEPTED_IN_A_TURN - 1) {
      const fd = duplicate(serverDescriptor(first));
      if (fd < 0) break;
      const server = createServer(OPTIONS, take);
      await bound(server, { fd });
      servers.push(server);
    }
  } catch {
    // Those that there are serve.
  }
  return servers;
}

function bound(server: Server, place: SocketAddress | { readonly fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...place, backlog: BACKLOG }, () => {
      server.off('error', reject);
      // A connection that cannot be accepted (EMFILE) is its client's trouble.
      server.on('error', () => {});
      resolve();
    });
  });
}

const OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, allowHalfOpen: true };
/** Each costs a system call for every connection, 2 µs beside the 100 and more that a connection takes. */
const ACCEPTED_IN_A_TURN = 4;
