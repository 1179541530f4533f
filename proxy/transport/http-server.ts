import type { Socket } from 'node:net';

import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import { HeadReader } from '../http1/head-reader.ts';
import { requestOf } from '../http1/request-target.ts';
import { type Http1Limit, ServerConnection as Http1Server } from '../http1/server-connection.ts';
import { Connection as Http2Connection } from '../http2/connection.ts';
import type { Http2Limit } from '../http2/connection-listener.ts';
import { DEFAULT_CONNECTION_OPTIONS } from '../http2/connection-options.ts';
import { ENHANCE_YOUR_CALM } from '../http2/wire-vocabulary.ts';
import { type ClientLimits, DEFAULT_CLIENT_LIMITS } from './client-limits.ts';
import { deadlines, shortestMs, watchHttp1, watchHttp2 } from './deadline-sweep.ts';
import { nowMs } from './engine-clock.ts';
import { http2Owner } from './http2-owner.ts';
import { ignore } from './ignored-peer.ts';
import { decodeLatin1 } from './latin1.ts';
import { probation } from './probation.ts';
import { SocketWire } from './socket-wire.ts';
import { windowBudget } from './window-budget.ts';

/** Who takes the requests of a connection. */
export interface RequestHandler {
  /** A client of HTTP/1 that ends its direction still waits for its answer; else it has gone. */
  readonly keepsHalfClosed?: boolean;
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): StreamListener;
  /** A message is refused as malformed. @returns fields for the answer, where one can be given */
  onMalformed(reason: string): readonly string[];
  /** The client has exceeded a limit. */
  onLimit(limit: HttpLimit): void;
  /** The connection is over. @param read octets since its beginning */
  onClosed(read: number, written: number): void;
}

/** What a peer that speaks HTTP can exceed. */
export type HttpLimit = Http1Limit | Http2Limit;

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
  limits: ClientLimits = DEFAULT_CLIENT_LIMITS,
): ServedConnection {
  const wire = new SocketWire(socket);
  const onStall = () => {
    handler.onLimit('stall_timeout');
    wire.destroy(true);
  };
  if (protocol === 'http1') {
    const connection = new Http1Server(wire, handler, decodeLatin1, handler.keepsHalfClosed);
    const unwatch = deadlines.add(watchHttp1(connection, wire, limits, onStall), shortestMs(limits));
    let ignored = 0;
    wire.attach({
      receive(bytes, start, end) {
        connection.receive(bytes, start, end);
        if (!connection.wasCut) return;
        ignored += end - start;
        ignore(wire, ignored);
      },
      onEnd: () => connection.onEnd(),
      onWritable: () => connection.onWritable(),
      onClosed() {
        unwatch();
        connection.onClosed();
        handler.onClosed(wire.readOctets, wire.writtenOctets);
      },
    });
    return { shutdown: () => connection.shutdown(), destroy: () => wire.destroy() };
  }
  const address = socket.remoteAddress ?? '';
  const onProbation = probation.has(address, nowMs());
  const connection = new Http2Connection(
    'server',
    wire,
    {
      onRequest: (stream, head, end) => handler.onRequest(stream, head, end),
      onGoAway() {},
      onStreamEnd() {},
      onRoom() {},
      onPong() {},
      onLimit: (limit) => handler.onLimit(limit),
      onFailed(code, reason) {
        if (code === ENHANCE_YOUR_CALM) probation.begin(address, nowMs());
        handler.onMalformed(reason);
      },
    },
    decodeLatin1,
    { ...DEFAULT_CONNECTION_OPTIONS, keepCase, floodBudget: limits.floodBudget, onProbation, nowMs, windowBudget },
  );
  const unwatch = deadlines.add(watchHttp2(connection, wire, limits, onStall), shortestMs(limits));
  wire.attach(
    http2Owner(connection, wire, () => {
      unwatch();
      handler.onClosed(wire.readOctets, wire.writtenOctets);
    }),
  );
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
