import type { Socket } from 'node:net';

import type { SocketAddress } from '../../core/config/socket-address.ts';
import { loadLibc } from './libc.ts';
import { fileDescriptor } from './native-handle.ts';

/** Reads where a redirected connection was going, before iptables changed it. */
export interface OriginalDestination {
  /** @returns the address, or null when the connection was not redirected (or cannot be asked) */
  of(socket: Socket): SocketAddress | null;
}

/**
 * `getsockopt(SO_ORIGINAL_DST)` through koffi.
 *
 * IPv4 and v4-mapped peers on a dual-stack listener answer at SOL_IP, IPv6 at SOL_IPV6; the other level answers ENOENT.
 * A connection that was not redirected answers ENOENT where the namespace has no nat table, and its own local address
 * where it has: "original equals local" is the test for a direct connection.
 * Source: linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h.
 */
export async function loadOriginalDestination(): Promise<OriginalDestination> {
  const libc = await loadLibc();
  const getsockopt = libc.func(
    'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
  );
  const address = Buffer.alloc(28);
  const length = Uint32Array.of(0);

  const ask = (fd: number, level: number, octets: number): boolean => {
    length[0] = octets;
    return getsockopt(fd, level, SO_ORIGINAL_DST, address, length) === 0;
  };
  return {
    of(socket) {
      const fd = fileDescriptor(socket);
      if (fd < 0) return null;
      if (ask(fd, SOL_IP, 16))
        return { host: `${address[4]}.${address[5]}.${address[6]}.${address[7]}`, port: address.readUInt16BE(2) };
      if (ask(fd, SOL_IPV6, 28)) return { host: ipv6Text(address, 8), port: address.readUInt16BE(2) };
      return null;
    },
  };
}

/** The shortest form of the 16 octets at `at` (RFC 5952). */
export function ipv6Text(octets: Buffer, at: number): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(octets.readUInt16BE(at + i));
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
    if (length > 0) i += length - 1;
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return best < 0 ? hex(0, 8) : `${hex(0, best)}::${hex(best + bestLength, 8)}`;
}

const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
