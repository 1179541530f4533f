import type { Server } from 'node:net';

/**
 * Bounds the connections that a listener holds at once. One above it is closed before anything is made for it: a queue
 * would let whoever holds the others decide how long it waits.
 */
export function limitConnections(server: Server, max: number, onRefused: () => void): void {
  server.maxConnections = max;
  server.on('drop', onRefused);
}
