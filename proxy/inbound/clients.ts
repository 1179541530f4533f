import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { ALPN_TRANSPORT_HEADER } from '../../api/proxy-headers.ts';
import type { Client } from '../routing/inbound-policy.ts';
import { type MutualTls, NOBODY, type Peer, peerOf } from '../transport/mutual-tls.ts';
import { Refused } from './refused.ts';

/**
 * The client at the other end of a socket, not yet authenticated. Where pods share a loopback interface every peer comes
 * from 127.0.0.1, so that only a redirected connection from there is the pod's own.
 */
export function strangerAt(socket: Socket, isRedirected: boolean): Client {
  const address = unmapped(socket.remoteAddress ?? '');
  const isLocal = isRedirected && (address === '127.0.0.1' || address === '::1');
  return { ...NOBODY, address, isLocal };
}

/** How peers prove who they are. */
export interface Proof {
  readonly mutualTls: Pick<MutualTls, 'faultOf'>;
  /** Peers are workloads of it. */
  readonly trustDomain: string;
}

/** The client of a connection with TLS; one without a certificate is nobody. @throws Refused for a certificate that does not hold */
export function provedPeer(secure: TLSSocket, { mutualTls, trustDomain }: Proof): Peer {
  const fault = mutualTls.faultOf(secure);
  if (fault) throw new Refused(fault.reason, fault.message);
  return peerOf(secure, trustDomain);
}

/** The peer of a redirected connection. What proxies say to each other counts among proxies alone. @throws Refused */
export function redirectedPeer(secure: TLSSocket, proof: Proof): Peer {
  const peer = provedPeer(secure, proof);
  if (peer.identity === '' && peer.alpn !== '')
    throw new Refused('peer_without_identity', `only a proxy with a certificate may speak ${peer.alpn}`);
  if (peer.alpn === ALPN_TRANSPORT_HEADER)
    throw new Refused('direct_without_transport_header', 'the transport header is for direct connections');
  return peer;
}

/** The client once it has proved who it is. */
export function provedBy(client: Client, { identity, spiffe, certificateHash }: Peer): Client {
  return { ...client, identity, spiffe, certificateHash };
}

/** `::ffff:10.0.0.1` of a dual-stack listener as `10.0.0.1`. */
export function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
