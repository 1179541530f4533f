import { connect, type Socket } from 'node:net';

import { CertificateFault, type CertificateFaultReason } from './certificate-fault.ts';

/** Why there is no connection: its reason is that of the answer. Nothing has reached the application. */
export class ConnectError extends Error {
  readonly reason:
    | 'connect_failed'
    | 'connect_timeout'
    | 'destination_identity_mismatch'
    | 'identity_not_ready'
    | 'overflow'
    | 'policy_denied'
    | CertificateFaultReason;

  constructor(reason: ConnectError['reason'], message: string) {
    super(message);
    this.name = 'ConnectError';
    this.reason = reason;
  }
}

/** Opens a TCP connection, not yet established. Nagle off, keep-alive on. */
export function dial(host: string, port: number): Socket {
  return connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    allowHalfOpen: true,
  });
}

/**
 * Calls back once when `socket` is connected (`event`: `connect`, or `secureConnect` for TLS), or with the reason why
 * not. A socket that is late is destroyed.
 */
export function whenConnected(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  done: (error: ConnectError | null) => void,
): void {
  let isOver = false;
  const onLate = () => {
    if (isOver) return;
    finish(new ConnectError('connect_timeout', `no connection within ${timeoutMs} ms`));
    socket.destroy();
  };
  // Timers run before sockets are polled: after a stall of our own, what has come meanwhile is heard first.
  const timer = setTimeout(() => setImmediate(onLate), timeoutMs);
  const onConnected = () => finish(null);
  const onError = (error: Error & { code?: string }) => {
    const cause = error.cause instanceof CertificateFault ? error.cause : error;
    finish(new ConnectError(reasonOf(cause), cause.message));
  };
  const onClose = () => finish(new ConnectError('connect_failed', 'the peer closed the connection'));
  const finish = (error: ConnectError | null) => {
    isOver = true;
    clearTimeout(timer);
    socket.off(event, onConnected);
    socket.off('close', onClose);
    // Whoever owns the socket hears of its end by `close`; an error without a listener would end the process.
    socket.on('error', () => {});
    socket.off('error', onError);
    done(error);
  };
  socket.once(event, onConnected);
  socket.on('error', onError);
  socket.once('close', onClose);
}

function reasonOf(error: Error & { code?: string }): ConnectError['reason'] {
  if (error instanceof CertificateFault) return error.reason;
  return error.code === 'destination_identity_mismatch' ? error.code : 'connect_failed';
}

/** A TCP connection once it is established. Rejects with a {@link ConnectError}. */
export function dialed(host: string, port: number, timeoutMs: number): Promise<Socket> {
  return established(dial(host, port), timeoutMs);
}

/** `socket` once it is connected, see {@link whenConnected}. Rejects with a {@link ConnectError}. */
export function established(
  socket: Socket,
  timeoutMs: number,
  event: 'connect' | 'secureConnect' = 'connect',
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    whenConnected(socket, event, timeoutMs, (error) => (error ? reject(error) : resolve(socket)));
  });
}

/** TCP keep-alive, as linkerd2-proxy is configured by its injector. */
export const KEEP_ALIVE_MS = 10_000;
