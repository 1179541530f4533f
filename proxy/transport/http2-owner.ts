import type { Connection as Http2Connection } from '../http2/connection.ts';
import { INTERNAL_ERROR } from '../http2/wire-vocabulary.ts';
import { ignore } from './ignored-peer.ts';
import type { SocketWire, WireOwner } from './socket-wire.ts';

/** How an HTTP/2 connection hears its socket; the same for both roles. */
export function http2Owner(connection: Http2Connection, wire: SocketWire, closed: () => void): WireOwner {
  let ignored = 0;
  return {
    receive(bytes, start, end) {
      connection.receive(bytes, start, end);
      if (!connection.failed) return;
      ignored += end - start;
      ignore(wire, ignored);
    },
    onEnd() {
      // HTTP/2 has no half-closed connections: what is under way cannot be finished.
      connection.onClosed(INTERNAL_ERROR);
      wire.close();
    },
    onWritable: () => connection.onWritable(),
    onClosed() {
      connection.onClosed(INTERNAL_ERROR);
      closed();
    },
  };
}
