import type { Socket } from 'node:net';

/** What a look at the first octets came to. */
export type Peeked<T> =
  | { readonly outcome: 'decided'; readonly value: T }
  /** The peer has ended its direction: what it had said is no longer in the socket, but here. */
  | { readonly outcome: 'ended'; readonly bytes: Buffer }
  | { readonly outcome: 'silent' | 'cancelled' };

/**
 * Looks at the first octets of a socket without taking them: they are read again by whoever gets the socket next.
 *
 * @param decide is given all octets so far; a result ends the look, null waits for more
 * @param timeoutMs the look ends as `silent` after this time; 0: never
 * @param cancel ends the look as `cancelled`
 */
export function peek<T>(
  socket: Socket,
  decide: (bytes: Buffer) => T | null,
  timeoutMs: number,
  cancel?: AbortSignal,
): Promise<Peeked<T>> {
  return new Promise((resolve) => {
    let bytes: Buffer = NOTHING;
    let isOver = false;
    const finish = (result: Peeked<T>) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.off('readable', onReadable);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      cancel?.removeEventListener('abort', onCancel);
      if (result.outcome !== 'ended' && bytes.length > 0 && !socket.destroyed) socket.unshift(bytes);
      resolve(result);
    };
    const onReadable = () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read()) {
        bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
        const value = decide(bytes);
        if (value !== null) return finish({ outcome: 'decided', value });
      }
    };
    const onEnd = () => finish({ outcome: 'ended', bytes });
    const onCancel = () => finish({ outcome: 'cancelled' });
    const timer = timeoutMs > 0 ? setTimeout(() => finish({ outcome: 'silent' }), timeoutMs) : undefined;
    cancel?.addEventListener('abort', onCancel);
    socket.on('readable', onReadable);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    onReadable();
    // Its end, or its death, may have been heard before.
    if (socket.readableEnded || socket.destroyed) onEnd();
    else if (cancel?.aborted) onCancel();
  });
}

/** Takes `octets` that a peek has seen; they must have come. */
export function skip(socket: Socket, octets: number): void {
  const chunk = socket.read() as Buffer;
  if (chunk.length > octets) socket.unshift(chunk.subarray(octets));
}

const NOTHING = Buffer.alloc(0);
