import type { Socket } from 'node:net';

/**
 * Has a socket that cannot be written to any more stay until what its peer said before is read. A server that refuses a
 * request without reading it, and closes, resets the connection under whoever is still sending; its answer is there to be
 * read all the same (RFC 9112 section 9.6), but Node drops a socket at the first failed write.
 *
 * @param readOctets what has been read of it so far
 */
export function hearLastWords(socket: Socket, readOctets: () => number): void {
  const { destroy } = socket;
  let isLate = false;
  const destroyWhenHeard = (error: Error, before: number): void => {
    const now = readOctets();
    if (socket.destroyed) return;
    if (now === before && !socket.isPaused()) return void destroy.call(socket, error);
    // What has come is read in this turn of the loop or the next; a reader that has stopped goes on in its own time.
    if (socket.isPaused()) setTimeout(destroyWhenHeard, PAUSED_MS, error, now).unref();
    else setImmediate(destroyWhenHeard, error, now);
  };
  socket.destroy = (error?: Error & { syscall?: string }) => {
    if (error?.syscall !== 'write') return destroy.call(socket, error);
    if (!isLate) setImmediate(destroyWhenHeard, error, -1);
    isLate = true;
    return socket;
  };
}

/** How often one looks whether a reader that has stopped goes on. */
const PAUSED_MS = 10;
