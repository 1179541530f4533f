import type { Socket } from 'node:net';

import type { TcpKeepAlive } from '../../api/traffic-policy.ts';
import { loadLibc } from './libc.ts';
import { fileDescriptor } from './native-handle.ts';

/**
 * Has the kernel probe a silent connection as a rule says, once it is connected. What the rule leaves out stays as the
 * proxy has it. Node sets the time until the first probe alone; the rest is `setsockopt` through koffi.
 *
 * @see tcp(7): TCP_KEEPINTVL, TCP_KEEPCNT
 */
export function keepAlive(socket: Socket, { timeMs, intervalMs, probes }: TcpKeepAlive): void {
  socket.once('connect', () => {
    if (timeMs !== undefined) socket.setKeepAlive(true, timeMs);
    if (intervalMs === undefined && probes === undefined) return;
    library ??= load();
    void library.then((set) => {
      const fd = fileDescriptor(socket);
      if (fd < 0) return;
      if (intervalMs !== undefined) set(fd, TCP_KEEPINTVL, Math.max(1, Math.round(intervalMs / 1000)));
      if (probes !== undefined) set(fd, TCP_KEEPCNT, probes);
    });
  });
}

type SetOption = (fd: number, name: number, value: number) => void;

/** Loaded when the first rule wants it. */
let library: Promise<SetOption> | null = null;

async function load(): Promise<SetOption> {
  const libc = await loadLibc();
  const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const int32_t *value, uint32_t length)');
  return (fd, name, value) => setsockopt(fd, IPPROTO_TCP, name, Int32Array.of(value), 4);
}

const IPPROTO_TCP = 6;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
