import type { SocketWire } from './socket-wire.ts';

/**
 * Reads no more of a peer that goes on after it was cut off: reading would go on serving its flood, and the wire drops
 * the connection soon. One that does not read either is dropped now. @param octets ignored so far
 */
export function ignore(wire: SocketWire, octets: number): void {
  if (octets < MAX_IGNORED_OCTETS) return;
  if (wire.blocked) wire.destroy();
  else wire.pause();
}

/** What may be under way until a peer learns that it was cut off: a few reads. */
const MAX_IGNORED_OCTETS = 262_144;
