import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket, type TLSSocketOptions } from 'node:tls';

import { secured } from './secured.ts';

/** How TLS is accepted from clients that may show a certificate. */
export interface AcceptOptions {
  readonly secureContext: SecureContext;
  /**
   * `required`: a client whose certificate is missing or does not hold is cut off; `optional`: it is not `authorized`;
   * `unasked`: no client is.
   */
  readonly clientCertificate: 'required' | 'optional' | 'unasked';
  /** The whole handshake must be done within this time, milliseconds. */
  readonly timeoutMs: number;
  /** How the protocol is chosen: one of the two, as Node takes them. */
  readonly alpn: Pick<TLSSocketOptions, 'ALPNProtocols' | 'ALPNCallback'>;
}

/**
 * Accepts TLS from a client on an accepted socket; what has been read of it must have been put back.
 *
 * `tls.Server` would do the same, and lose memory with every client that shows a certificate (docs/internals/tls-memory.md).
 *
 * @returns the decrypted socket: `authorized` says whether the client's certificate holds. Its `error` events need no listener
 * Rejects when the handshake fails, the connection closes or the time is over (HandshakeTimeoutError); nothing of the
 * connection is left then.
 */
export function acceptTls(socket: Socket, options: AcceptOptions): Promise<TLSSocket> {
  const { secureContext, clientCertificate, timeoutMs, alpn } = options;
  const isRequired = clientCertificate === 'required';
  return new Promise((resolve, reject) => {
    // Node would read from a socket without a handle as from any other stream.
    if (socket.destroyed) return reject(new Error(CLOSED));
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      requestCert: clientCertificate !== 'unasked',
      rejectUnauthorized: isRequired,
      ...alpn,
    });
    const timer = setTimeout(() => secure.destroy(new HandshakeTimeoutError(timeoutMs)), timeoutMs);
    const onClose = () => {
      clearTimeout(timer);
      reject(new Error(CLOSED));
    };
    // A client that ends within its handshake is heard only by whoever reads.
    const onReadable = () => void secure.read(0);
    const onEnd = () => secure.destroy(new Error(CLOSED));
    secure.on('readable', onReadable);
    secure.once('end', onEnd);
    secure.on('error', reject); // afterwards its end is heard by `close`
    secure.once('close', onClose);
    secure.once('secure', () => {
      clearTimeout(timer);
      secure.off('close', onClose);
      secure.off('readable', onReadable);
      secure.off('end', onEnd);
      const fault = secured(secure);
      if (fault === '' || !isRequired) return resolve(secure);
      secure.destroy();
      reject(new Error(`the client's certificate does not hold: ${fault}`));
    });
  });
}

/** The client took too long for its handshake. */
export class HandshakeTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`no TLS handshake within ${timeoutMs} ms`);
    this.name = 'HandshakeTimeoutError';
  }
}

const CLOSED = 'the connection closed during the handshake';
