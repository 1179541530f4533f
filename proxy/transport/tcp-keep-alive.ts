import type { Socket } from 'node:net';

import type { TcpKeepAlive } from '../../api/traffic-policy.ts';
import { loadSetSocketOption } from './libc.ts';
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
    void loadSetSocketOption().then((set) => {
      const fd = fileDescriptor(socket);
      if (fd < 0) return;
      if (intervalMs !== undefined)
        set(fd, IPPROTO_TCP, TCP_KEEPINTVL, Int32Array.of(Math.max(1, Math.round(intervalMs / 1000))));
      if (probes !== undefined) set(fd, IPPROTO_TCP, TCP_KEEPCNT, Int32Array.of(probes));
    });
  });
}

const IPPROTO_TCP = 6;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
