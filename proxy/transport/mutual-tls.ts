import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';

import { NO_REVOCATIONS, type Revocations } from '../../api/revocations.ts';
import { acceptTls } from '../../core/tls/accept.ts';
import { verifyError } from '../../core/tls/secured.ts';
import { alternativeNames } from './alternative-names.ts';
import { CertificateFault, certificateFault } from './certificate-fault.ts';
import { OWN_ALPN } from './client-hello.ts';
import { ConnectError, KEEP_ALIVE_MS } from './dialer.ts';
import { identityOfNames } from './peer-identity.ts';
import { Revoked } from './revoked.ts';
import { resetConnection } from './tcp-reset.ts';

/** What a proxy proves itself with. Replaced whole at every renewal; the key never leaves the process. */
export interface Credentials {
  /** PEM chain, leaf first. */
  readonly chain: string;
  /** PEM private key. */
  readonly key: string;
  /** PEM of every root to trust. */
  readonly trustBundle: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** TLS between proxies: 1.3 only (design: names, ports, files). */
const OPTIONS = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ecdhCurve: 'X25519MLKEM768:X25519:P-256',
} as const;

/** Who the peer of a connection proved to be. */
export interface Peer {
  /** DNS identity of the certificate; empty: it showed none, or none that is trusted and of a workload (`identityOfNames`). */
  readonly identity: string;
  /** SPIFFE URI of the certificate; empty: none. */
  readonly spiffe: string;
  /** SHA-256 of the certificate, lower-case hexadecimal; empty where the identity is. */
  readonly certificateHash: string;
  readonly alpn: string;
}

/** Who hears of what happens in handshakes. */
export interface TlsObserver {
  /** The group of a connection to a peer, `X25519MLKEM768`. */
  readonly onKeyExchange?: (group: string) => void;
  /** A peer is refused for its certificate. */
  readonly onFault?: (fault: Ended) => void;
}

/** A connection that is ended, or comes to none, because of its peer's certificate. */
export interface Ended {
  readonly direction: 'inbound' | 'outbound';
  readonly address: string;
  readonly fault: CertificateFault;
}

/**
 * Both ends of mutual TLS for one proxy, renewed live: new connections use the newest credentials, those that are open
 * go on with what they have.
 */
export class MutualTls {
  #credentials: Credentials | null = null;
  /** A session holds what its certificate proved, so that none is resumed: a ticket would outlive the certificate. */
  #serverContext: tls.SecureContext | null = null;
  #clientContext: tls.SecureContext | null = null;
  readonly #now: () => number;
  readonly #observer: TlsObserver;
  #revocations = NO_REVOCATIONS;
  #revoked = new Revoked(NO_REVOCATIONS);
  /** Those whose handshake is done, for as long as they are open. */
  readonly #open = new Map<tls.TLSSocket, Ended['direction']>();

  constructor(now: () => number, observer: TlsObserver = {}) {
    this.#now = now;
    this.#observer = observer;
  }

  /** There are credentials, and they have not expired. */
  get isReady(): boolean {
    return this.#credentials !== null && this.#credentials.notAfter > this.#now();
  }

  get credentials(): Credentials | null {
    return this.#credentials;
  }

  /** Uses `credentials` from now on. */
  use(credentials: Credentials): void {
    const { chain, key, trustBundle } = credentials;
    const options = { ...OPTIONS, cert: chain, key, ca: trustBundle };
    this.#clientContext = tls.createSecureContext(options);
    this.#serverContext = tls.createSecureContext({ ...options, secureOptions: constants.SSL_OP_NO_TICKET });
    this.#credentials = credentials;
  }

  /** Whom nobody trusts any more. */
  get revocations(): Revocations {
    return this.#revocations;
  }

  /** Trusts nobody of `revocations` from now on, and ends the connections that they have. @returns which */
  revoke(revocations: Revocations): readonly Ended[] {
    this.#revocations = revocations;
    this.#revoked = new Revoked(revocations);
    if (this.#revoked.isEmpty) return [];
    return [...this.#open].flatMap(([socket, direction]) => {
      const fault = this.#revocationOf(socket.getPeerCertificate(false));
      if (!fault) return [];
      const address = socket.remoteAddress ?? '';
      resetConnection(socket);
      return { direction, address, fault };
    });
  }

  /**
   * Why the client of an accepted socket is not believed; null: it shows no certificate, or one that holds. What the certificate
   * names is not looked at ({@link peerOf}).
   */
  faultOf(socket: tls.TLSSocket): CertificateFault | null {
    const certificate = socket.getPeerCertificate(false);
    if (!certificate || Object.keys(certificate).length === 0) return null;
    const fault = socket.authorized
      ? (authorityFault(certificate) ?? this.#revocationOf(certificate))
      : certificateFault(verifyError(socket), certificate, this.#now());
    return fault && this.#told('inbound', socket.remoteAddress, fault);
  }

  /** Has the operator told of a fault. @returns it */
  #told(direction: Ended['direction'], address: string | undefined, fault: CertificateFault): CertificateFault {
    this.#observer.onFault?.({ direction, address: address ?? '', fault });
    return fault;
  }

  #revocationOf(certificate: tls.PeerCertificate): CertificateFault | null {
    const fault = this.#revoked.faultOf(certificate);
    return fault === null ? null : new CertificateFault('peer_revoked', fault);
  }

  /** Why a server is refused though its certificate holds; undefined: it is not. */
  #serverFault(certificate: tls.PeerCertificate, { host, identity }: { host: string; identity: string }) {
    const fault = authorityFault(certificate) ?? this.#revocationOf(certificate);
    return fault ? this.#told('outbound', host, fault) : identityFault(certificate, identity);
  }

  #keep(socket: tls.TLSSocket, direction: Ended['direction']): void {
    if (socket.destroyed) return;
    this.#open.set(socket, direction);
    socket.once('close', () => this.#open.delete(socket));
  }

  /**
   * Terminates TLS on an accepted socket whose ClientHello has been put back. @returns the decrypted socket
   *
   * Rejects when the handshake fails, or at once without valid credentials (fail closed).
   */
  async accept(socket: Socket): Promise<tls.TLSSocket> {
    if (!this.isReady || !this.#serverContext) throw new Error('this proxy has no valid certificate');
    const secure = await acceptTls(socket, {
      secureContext: this.#serverContext,
      clientCertificate: 'optional', // a client without a certificate is for policy to judge
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      alpn: { ALPNCallback: ({ protocols }) => OWN_ALPN.find((name) => protocols.includes(name)) },
    });
    this.#keep(secure, 'inbound');
    return secure;
  }

  /**
   * Opens a TLS connection whose server must prove to be `identity`.
   *
   * @param alpn protocols to offer; empty: none
   * @throws ConnectError without valid credentials (fail closed)
   * @returns the socket, still connecting. It emits `secureConnect`, or `error` where the peer is somebody else
   */
  connect(options: { host: string; port: number; identity: string; alpn: readonly string[] }): tls.TLSSocket {
    if (!this.isReady || !this.#clientContext)
      throw new ConnectError('identity_not_ready', 'this proxy has no valid certificate');
    const secure = tls.connect({
      host: options.host,
      port: options.port,
      secureContext: this.#clientContext,
      servername: options.identity,
      ...(options.alpn.length > 0 ? { ALPNProtocols: [...options.alpn] } : {}),
      allowHalfOpen: true,
      checkServerIdentity: (_host, certificate) => this.#serverFault(certificate, options),
    } as tls.ConnectionOptions);
    // The certificate is there for as long as the handshake is being looked at; Node's own error has a code alone.
    secure.prependOnceListener('secure', () => {
      const code = verifyError(secure);
      if (code === '') return;
      const fault = certificateFault(code, secure.getPeerCertificate(false), this.#now());
      const cause = this.#told('outbound', options.host, fault);
      secure.prependOnceListener('error', (error) => Object.assign(error, { cause }));
    });
    secure.once('secureConnect', () => {
      this.#keep(secure, 'outbound');
      this.#observer.onKeyExchange?.((secure.getEphemeralKeyInfo() as tls.EphemeralKeyInfo | null)?.name ?? '');
    });
    // Not among the options that TLS passes on. Nagle's algorithm would hold a request back for the peer's delayed
    // acknowledgement, 40 ms.
    secure.setNoDelay(true);
    secure.setKeepAlive(true, KEEP_ALIVE_MS);
    return secure;
  }
}

/** OpenSSL takes an authority's certificate for a leaf where its key usage lets it; null: it is none. */
function authorityFault({ ca }: tls.PeerCertificate): CertificateFault | null {
  return ca ? new CertificateFault('peer_certificate_unfit', "the peer's certificate is that of an authority") : null;
}

/** Why a server that shows `certificate` is not `identity` (a DNS name of its SAN extension); undefined: it is. */
export function identityFault(certificate: tls.PeerCertificate, identity: string): IdentityMismatchError | undefined {
  const names = dnsNames(certificate);
  return names.includes(identity) ? undefined : new IdentityMismatchError(identity, names);
}

/** The certificate is valid, but names somebody else than discovery said. */
export class IdentityMismatchError extends Error {
  readonly code = 'destination_identity_mismatch';

  constructor(wanted: string, names: readonly string[]) {
    super(`expected the identity ${wanted}, but the certificate names ${names.join(', ') || 'nobody'}`);
    this.name = 'IdentityMismatchError';
  }
}

/** A client or peer that has proved nothing. */
export const NOBODY = { identity: '', spiffe: '', certificateHash: '' } as const;

/** Who is at the other end of a TLS socket whose handshake is done. @param trustDomain of the mesh: others’ workloads are nobody */
export function peerOf(socket: tls.TLSSocket, trustDomain: string): Peer {
  const alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '';
  const certificate = socket.getPeerCertificate(false);
  if (!certificate || Object.keys(certificate).length === 0 || !socket.authorized) return { ...NOBODY, alpn };
  const names = identityOfNames(dnsNames(certificate), uriNames(certificate), trustDomain);
  if (!names) return { ...NOBODY, alpn };
  return { ...names, certificateHash: certificate.fingerprint256.replaceAll(':', '').toLowerCase(), alpn };
}

function dnsNames(certificate: tls.PeerCertificate): string[] {
  return alternativeNames(certificate, 'DNS:');
}

function uriNames(certificate: tls.PeerCertificate): string[] {
  return alternativeNames(certificate, 'URI:');
}

/** A peer that does not finish its handshake is dropped. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
