import type { Socket } from 'node:net';

import { loadSetSocketOption } from './libc.ts';
import { fileDescriptor } from './native-handle.ts';

/**
 * Drops a connection with RST, so that what its peer has of it does not look whole. Nothing more is read or sent. TLS has
 * no reset of its own, and Node resets plain connections alone, of which one whose end is on its way would never be closed
 * (uv_tcp_close_reset: EINVAL). Of others the kernel is told to send RST when they are closed.
 * Source: socket(7), SO_LINGER with a time of 0.
 */
export function resetConnection(socket: Socket): void {
  const isPlain = !('encrypted' in socket);
  // What has no descriptor is within the process, or gone.
  if (isPlain && (!socket.writableEnded || fileDescriptor(socket) < 0)) return void socket.resetAndDestroy();
  socket.pause();
  loadSetSocketOption()
    .then((set) => {
      const fd = fileDescriptor(socket);
      if (fd >= 0) set(fd, SOL_SOCKET, SO_LINGER, LINGER_FOR_0_S);
    })
    .catch(() => {}) // without the C library it is a plain close
    .finally(() => socket.destroy());
}

const SOL_SOCKET = 1;
const SO_LINGER = 13;
/** `struct linger`: it is on, and lasts 0 s. */
const LINGER_FOR_0_S = Int32Array.of(1, 0);
