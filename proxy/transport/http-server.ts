import type { Socket } from 'node:net';

import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import { HeadReader } from '../http1/head-reader.ts';
import { ServerConnection as Http1Server, requestOf } from '../http1/server-connection.ts';
import { DEFAULT_CONNECTION_OPTIONS, Connection as Http2Connection } from '../http2/connection.ts';
import { CANCEL } from '../http2/wire-vocabulary.ts';
import { decodeLatin1 } from './latin1.ts';
import { SocketWire, type WireOwner } from './socket-wire.ts';

/** Who takes the requests of a connection. */
export interface RequestHandler {
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): StreamListener;
  /** A message is refused as malformed. @returns fields for the answer, where one can be given */
  onMalformed(reason: string): readonly string[];
  /** The connection is over. @param read octets since its beginning */
  onClosed(read: number, written: number): void;
}

/** A connection that serves HTTP. */
export interface ServedConnection {
  /** Takes no more requests, finishes those under way, closes. */
  shutdown(): void;
  destroy(): void;
}

/** Serves HTTP of the given version on an accepted socket. @param keepCase header names keep their case (our own peers) */
export function serveHttp(
  socket: Socket,
  protocol: 'http1' | 'http2',
  keepCase: boolean,
  handler: RequestHandler,
): ServedConnection {
  const wire = new SocketWire(socket);
  if (protocol === 'http1') {
    const connection = new Http1Server(wire, handler, decodeLatin1);
    wire.attach({
      receive: (bytes, start, end) => connection.receive(bytes, start, end),
      onEnd: () => connection.onEnd(),
      onWritable: () => connection.onWritable(),
      onClosed() {
        connection.onClosed();
        handler.onClosed(wire.readOctets, wire.writtenOctets);
      },
    });
    return { shutdown: () => connection.shutdown(), destroy: () => wire.destroy() };
  }
  const connection = new Http2Connection(
    'server',
    wire,
    {
      onRequest: (stream, head, end) => handler.onRequest(stream, head, end),
      onGoAway() {},
      onStreamEnd() {},
      onPong() {},
      onFailed: (_code, reason) => void handler.onMalformed(reason),
    },
    decodeLatin1,
    { ...DEFAULT_CONNECTION_OPTIONS, keepCase },
  );
  wire.attach(http2Owner(connection, wire, () => handler.onClosed(wire.readOctets, wire.writtenOctets)));
  return { shutdown: () => connection.shutdown(), destroy: () => wire.destroy() };
}

/** A CONNECT request: where its tunnel is to lead, and how many octets its head has. */
export interface ConnectRequest {
  readonly authority: string;
  readonly octets: number;
}

/** Whether a connection begins with a well-formed CONNECT request; null: its octets so far do not tell. */
export function readConnect(bytes: Buffer): ConnectRequest | 'other' | null {
  const begins = bytes.toString('latin1', 0, CONNECT.length);
  if (!CONNECT.startsWith(begins)) return 'other';
  const reader = new HeadReader('request', decodeLatin1);
  const head = reader.read(bytes, 0, bytes.length);
  if (head === null) return null;
  const request = typeof head === 'string' ? head : requestOf(head);
  return typeof request === 'string' ? 'other' : { authority: request.authority, octets: reader.next };
}

const CONNECT = 'CONNECT ';

/** How an HTTP/2 connection hears its socket; the same for both roles. */
export function http2Owner(connection: Http2Connection, wire: SocketWire, closed: () => void): WireOwner {
  return {
    receive: (bytes, start, end) => connection.receive(bytes, start, end),
    onEnd() {
      // HTTP/2 has no half-closed connections: what is under way cannot be finished.
      connection.onClosed(CANCEL);
      wire.close();
    },
    onWritable: () => connection.onWritable(),
    onClosed() {
      connection.onClosed(CANCEL);
      closed();
    },
  };
}
