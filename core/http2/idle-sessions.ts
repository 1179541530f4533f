import type { Http2SecureServer, Http2Server, ServerHttp2Session } from 'node:http2';

/**
 * Closes the sessions of a server that have had no open stream for `idleMs`.
 *
 * `session.setTimeout()` would do the same, but Node does not take its timer back when the session ends: every session
 * stays in memory until the time is over (docs/internals/tls-memory.md).
 */
export function closeIdleSessions(server: Http2Server | Http2SecureServer, idleMs: number): void {
  server.on('session', (session: ServerHttp2Session) => {
    let open = 0;
    const close = () => session.close();
    let timer = setTimeout(close, idleMs);
    session.on('stream', (stream) => {
      open++;
      clearTimeout(timer);
      stream.once('close', () => {
        if (--open === 0 && !session.destroyed) timer = setTimeout(close, idleMs);
      });
    });
    session.once('close', () => clearTimeout(timer));
  });
}

/** How long a session may be without a stream, milliseconds: fastify's own default. */
export const SESSION_IDLE_MS = 72_000;
