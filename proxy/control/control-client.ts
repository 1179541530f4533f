import type { SecureContext } from 'node:tls';
import * as tls from 'node:tls';

import type { SocketAddress } from '../../core/config/socket-address.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import type { ResponseHead, StreamListener } from '../http.ts';
import { Connection } from '../http2/connection.ts';
import { DEFAULT_CONNECTION_OPTIONS } from '../http2/connection-options.ts';
import type { Stream } from '../http2/stream.ts';
import { CANCEL } from '../http2/wire-vocabulary.ts';
import { whenConnected } from '../transport/dialer.ts';
import { nowMs } from '../transport/engine-clock.ts';
import { http2Owner } from '../transport/http2-owner.ts';
import { decodeLatin1 } from '../transport/latin1.ts';
import { identityFault } from '../transport/mutual-tls.ts';
import { SocketWire } from '../transport/socket-wire.ts';
import { enterTurn, leaveTurn } from '../transport/turn.ts';

/** A server of the control plane and what it must prove to be. */
export interface ControlServer {
  readonly address: SocketAddress;
  /** DNS identity that its certificate must carry. */
  readonly identity: string;
}

/**
 * What a call hears: `onHead` once, `onText` with pieces of the body as they come, cut anywhere, and `onEnd` last,
 * once; `error` null: the server ended it.
 */
export interface CallListener {
  onHead(status: number): void;
  onText(text: string): void;
  onEnd(error: WeftError | null): void;
}

/** A call under way. What is written before it is connected waits; `close` ends it at once, and calls `onEnd`. */
export interface Call {
  write(text: string): void;
  close(): void;
}

/**
 * One call to a server of the control plane: HTTP/2 over TLS 1.3 on a connection of its own.
 *
 * @param context our certificate, where we have one, and the roots to trust
 */
export function call(
  server: ControlServer,
  context: SecureContext,
  request: { path: string; contentType: string; body: string; last: boolean },
  listener: CallListener,
): Call {
  const { host, port } = server.address;
  const socket = tls.connect({
    host,
    port,
    secureContext: context,
    servername: server.identity,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.3',
    checkServerIdentity: (_host, certificate) => identityFault(certificate, server.identity),
  });
  let over = false;
  const end = (error: WeftError | null) => {
    if (over) return;
    over = true;
    wire?.close();
    if (!wire) socket.destroy();
    listener.onEnd(error);
  };
  let wire: SocketWire | null = null;
  let stream: Stream | null = null;
  let unsent = '';

  whenConnected(socket, 'secureConnect', CONNECT_TIMEOUT_MS, (error) => {
    if (error)
      return end(new WeftError('control_unreachable', `${server.identity} at ${host}:${port}: ${error.message}`));
    if (over) return socket.destroy();
    enterTurn();
    const opened = new SocketWire(socket);
    wire = opened;
    const connection = new Connection(
      'client',
      opened,
      {
        onRequest: () => {
          throw new Error('a server cannot open streams');
        },
        onGoAway() {},
        onStreamEnd() {},
        onRoom() {},
        onPong() {},
        onLimit() {},
        onFailed: (_code, reason) =>
          end(new WeftError('control_protocol', `${server.identity} broke HTTP/2: ${reason}`)),
      },
      decodeLatin1,
      { ...DEFAULT_CONNECTION_OPTIONS, nowMs },
    );
    opened.attach(
      http2Owner(connection, opened, () =>
        end(new WeftError('control_closed', `${server.identity} closed the connection`)),
      ),
    );
    const decoder = new TextDecoder();
    const sink: StreamListener = {
      onResponse(head: ResponseHead, last: boolean) {
        listener.onHead(head.status);
        if (last) end(null);
      },
      onInformational() {},
      onData(bytes, start, stop, last) {
        stream?.grant(stop - start);
        if (stop > start) listener.onText(decoder.decode(bytes.subarray(start, stop), { stream: true }));
        if (last) end(null);
      },
      onTrailers: () => end(null),
      onReset: (code) => end(new WeftError('control_reset', `${server.identity} reset the stream with code ${code}`)),
      onSent() {},
    };
    stream = connection.open(sink);
    stream.sendRequest(
      {
        method: 'POST',
        scheme: 'https',
        authority: `${server.identity}:${port}`,
        path: request.path,
        protocol: '',
        fields: ['content-type', request.contentType],
      },
      false,
    );
    const body = Buffer.from(request.body + unsent);
    stream.sendData(body, 0, body.length, request.last);
    leaveTurn();
  });
  return {
    write(text) {
      if (!stream) unsent += text;
      else {
        const bytes = Buffer.from(text);
        stream.sendData(bytes, 0, bytes.length, false);
      }
    },
    close() {
      stream?.reset(CANCEL);
      end(null);
    },
  };
}

const CONNECT_TIMEOUT_MS = 5000;
