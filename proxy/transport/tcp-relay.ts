import type { Socket } from 'node:net';

import type { Detector } from './detect.ts';
import { SocketWire } from './socket-wire.ts';
import { resetConnection } from './tcp-reset.ts';

/** What a relay counted. */
export interface RelayListener {
  /** Octets from `a` to `b`, and back. */
  onOctets(fromA: number, fromB: number): void;
  /** Both directions are over. `error`: one side failed; the other has been reset. */
  onEnd(error: Error | null): void;
}

/** What is known of the octets that `a` began with. */
export interface RelayOpening {
  /** Octets of `a` that are no longer in its socket, because it has ended its direction; null: none. */
  readonly ended: Buffer | null;
  /** Has taken what `a` said so far, and may find that it was HTTP after all; null: they are octets for good. */
  readonly watch: { readonly detector: Detector; readonly onHttp: () => void } | null;
}

/**
 * Carries octets between two connected sockets, each way with back-pressure. The end of one direction is passed on as
 * such (a half-closed connection goes on), a reset as a reset, below TLS too.
 *
 * Octets are copied from the one read buffer of the process into slabs: cheaper than the fresh 64 KiB buffer that each
 * read would take otherwise.
 *
 * Octets that turn out to be HTTP are not carried any further: both connections are reset.
 */
export function relay(a: Socket, b: Socket, listener: RelayListener, opening: RelayOpening = PLAIN): void {
  if (a.destroyed || b.destroyed) {
    // Gone before it was joined: it will not say so again.
    for (const socket of [a, b]) resetConnection(socket);
    return listener.onEnd(new Error('one side was gone before both were joined'));
  }
  const wireA = new SocketWire(a);
  const wireB = new SocketWire(b);
  let open = 2;
  let over = false;
  const end = (error: Error | null) => {
    if (over) return;
    over = true;
    listener.onEnd(error);
  };
  const isHttp = opening.watch ? watcher(opening.watch.detector) : null;
  const carry = (
    from: SocketWire,
    to: SocketWire,
    count: (octets: number) => void,
    refuses: ((bytes: Uint8Array, start: number, end: number) => boolean) | null,
  ) => {
    from.attach({
      receive(bytes, start, end) {
        if (refuses?.(bytes, start, end)) {
          opening.watch!.onHttp();
          to.destroy(true);
          return from.destroy(true);
        }
        count(end - start);
        to.append(bytes, start, end);
        if (to.blocked) from.pause();
      },
      onEnd() {
        to.finish();
        if (--open === 0) end(null);
      },
      // What `from` was sent by the other has left: the other may be read again.
      onWritable: () => to.resume(),
      onClosed(error) {
        if (open > 0) to.destroy(true);
        end(error);
      },
    });
  };
  const { ended } = opening;
  if (ended) {
    listener.onOctets(ended.length, 0);
    wireB.append(ended, 0, ended.length);
  }
  carry(wireA, wireB, (octets) => listener.onOctets(octets, 0), isHttp);
  carry(wireB, wireA, (octets) => listener.onOctets(0, octets), null);
}

/** Feeds a detector what it has not had; true: it was HTTP. What a look has put back it has had. */
function watcher(detector: Detector): (bytes: Uint8Array, start: number, end: number) => boolean {
  let had = detector.octets;
  return (bytes, start, end) => {
    if (detector.isSettled) return false;
    const from = Math.min(end, start + had);
    had -= from - start;
    detector.feed(bytes, from, end);
    return detector.isSettled && detector.decided !== 'opaque';
  };
}

const PLAIN: RelayOpening = { ended: null, watch: null };
