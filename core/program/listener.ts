import type { AddressInfo } from 'node:net';

import { bindEitherFamily } from '../config/bind.ts';
import { formatSocketAddress, type SocketAddress } from '../config/socket-address.ts';

/** What a server of fastify or of Node is, as far as its address goes. */
interface Bound {
  address(): AddressInfo | string | null;
}

/**
 * Binds a server's address; `[::]` means `0.0.0.0` where the kernel has no IPv6.
 *
 * @param listen resolves when the server listens on a place
 * @returns `host:port` as bound, with the port that was chosen for 0
 * @throws what the system says of the address: EADDRINUSE, EACCES, EADDRNOTAVAIL
 */
export async function listenOn(
  server: Bound,
  address: SocketAddress,
  listen: (place: SocketAddress) => Promise<unknown>,
): Promise<string> {
  await bindEitherFamily(address, listen);
  const bound = server.address() as AddressInfo;
  return formatSocketAddress(bound.address, bound.port);
}

/**
 * Connections that the kernel keeps for us: as many as clients of a mesh that restarts may open while the loop is busy. One
 * that does not fit tries again after a second. The kernel's own `somaxconn` holds too (4096 since Linux 5.4).
 */
export const BACKLOG = 4096;

/** Waits for what is under way to end by itself, and cuts off what is left after `graceMs`. */
export async function closeWithin(graceMs: number, close: () => Promise<unknown>, cut: () => void): Promise<void> {
  const timer = setTimeout(cut, graceMs);
  await close();
  clearTimeout(timer);
}

/** Status of a request that failed before it reached its handler, as fastify says it: the client's fault, or 500. */
export function statusOfFailure({ statusCode }: { readonly statusCode?: number }): number {
  return statusCode !== undefined && statusCode < 500 ? statusCode : 500;
}
