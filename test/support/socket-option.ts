import type { Socket } from 'node:net';

import { loadLibc } from '../../proxy/transport/libc.ts';
import { fileDescriptor } from '../../proxy/transport/native-handle.ts';

const getsockopt = (await loadLibc()).func(
  'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
);

/** The value of a whole-numbered option of a socket, as the kernel says. */
export function socketOption(socket: Socket, level: number, name: number): number {
  const value = Buffer.alloc(4);
  if (getsockopt(fileDescriptor(socket), level, name, value, Uint32Array.of(4)) !== 0) throw new Error('getsockopt');
  return value.readInt32LE();
}
