import type { Socket } from 'node:net';

import { ConnectError } from './dialer.ts';
import { peek, skip } from './peek.ts';
import { resetConnection } from './tcp-reset.ts';

/**
 * What the proxy at the far end says, in one octet before all others, of a connection for octets (`weft.opaque/2`): whether it
 * has an application for them. Until then the client's octets stay where they are, so that they can go to another endpoint.
 * Others than these mean `unreachable`, and are followed by the end.
 */
export const VERDICTS = { accepted: 0, unreachable: 1, refused: 2 } as const;

/** Whether octets may come, and why not. */
export type Verdict = keyof typeof VERDICTS;

/** Says that octets may come. */
export function acceptOctets(peer: Socket): void {
  peer.write(Uint8Array.of(VERDICTS.accepted));
}

/** Says that they may not, and closes; one that does not take it within a second is reset. */
export function refuseOctets(peer: Socket, verdict: Exclude<Verdict, 'accepted'>): void {
  const late = setTimeout(resetConnection, LAST_WORD_MS, peer).unref();
  peer.once('close', () => clearTimeout(late));
  peer.resume().end(Uint8Array.of(VERDICTS[verdict]));
}

/**
 * Takes the verdict, and nothing after it, from a connection that has just been established.
 *
 * @param timeoutMs of the far proxy, until its application is connected
 * @throws ConnectError, after which the socket is destroyed
 */
export async function octetsAccepted(socket: Socket, timeoutMs: number): Promise<void> {
  const said = await peek(socket, (bytes) => bytes[0]!, timeoutMs + MARGIN_MS);
  if (said.outcome === 'decided' && said.value === VERDICTS.accepted) return skip(socket, 1);
  socket.destroy();
  if (said.outcome === 'silent')
    throw new ConnectError('connect_timeout', `its proxy has not reached the application within ${timeoutMs} ms`);
  if (said.outcome === 'decided' && said.value === VERDICTS.refused)
    throw new ConnectError('policy_denied', 'its proxy lets no octets of this client in');
  throw new ConnectError('connect_failed', 'its proxy cannot reach the application');
}

/** Two round trips, one of whose packets is lost twice. */
const MARGIN_MS = 1000;
const LAST_WORD_MS = 1000;
