import type { SocketAddress } from './socket-address.ts';

/**
 * Binds an address; `[::]`, which takes connections of both families, means `0.0.0.0` where the kernel has no IPv6.
 *
 * @param bind listens on an address; it is called again after it has failed
 * @throws what `bind` throws for any other address or reason: EADDRINUSE, EACCES, EADDRNOTAVAIL
 */
export async function bindEitherFamily<T>(
  address: SocketAddress,
  bind: (address: SocketAddress) => Promise<T>,
): Promise<T> {
  try {
    return await bind(address);
  } catch (error) {
    if (address.host !== '::' || !NO_IPV6.has((error as NodeJS.ErrnoException).code)) throw error;
    return await bind({ ...address, host: '0.0.0.0' });
  }
}

/** socket(2) without IPv6 in the kernel, and bind(2) where it is switched off. */
const NO_IPV6: ReadonlySet<string | undefined> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);
