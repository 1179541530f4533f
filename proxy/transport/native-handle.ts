import type { Socket } from 'node:net';

/**
 * Node's private handles are touched in this file alone; native-handle.test.ts fails when Node changes them.
 */

/** The file descriptor of a socket, or -1 where it has none (closed, or not a TCP socket). */
export function fileDescriptor(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { fd?: number } | null })._handle;
  return typeof handle?.fd === 'number' ? handle.fd : -1;
}
