import type { TLSSocket } from 'node:tls';

/**
 * Does for a server's TLS socket whose handshake is done what Node's `tls.Server` would: `authorized` says whether the
 * client's certificate holds, and errors are heard from then on.
 *
 * It differs in two things: Node's own handler calls `getPeerX509Certificate()`, which never gives back what the
 * certificate takes (docs/internals/tls-memory.md), and a resumed session, which shows no certificate, is not authorized.
 * What is touched here is private to Node; secured.test.ts fails when it changes.
 *
 * @returns what is wrong with the certificate, an OpenSSL code such as CERT_HAS_EXPIRED; empty: nothing is
 */
export function secured(socket: TLSSocket): string {
  const internals = socket as unknown as Internals;
  const fault = faultOf(socket);
  socket.authorized = fault === '';
  // http2 waits for a socket that is still being secured.
  internals.secureConnecting = false;
  internals._releaseControl?.();
  return fault;
}

/** What is used of a TLS socket beyond its documentation. */
interface Internals {
  readonly _handle: Handle | null;
  readonly _releaseControl?: () => boolean;
  secureConnecting: boolean;
}

/** What is used of its handle (Node's TLSWrap). */
interface Handle {
  /** What OpenSSL says of the peer's certificate; null: it holds. */
  readonly verifyError?: () => (Error & { readonly code?: string }) | null | undefined;
}

function faultOf(socket: TLSSocket): string {
  return socket.isSessionReused() ? 'SESSION_RESUMED' : verifyError(socket);
}

/** What OpenSSL says of the certificate of a socket whose handshake is done, as {@link secured} has it. */
export function verifyError(socket: TLSSocket): string {
  const handle = (socket as unknown as Internals)._handle;
  // A Node that cannot be asked authorizes nobody.
  if (typeof handle?.verifyError !== 'function') return 'UNKNOWN';
  const error = handle.verifyError();
  return error ? (error.code ?? error.message) : '';
}
