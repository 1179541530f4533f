import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import * as http2 from 'node:http2';
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';

import type { TunnelKind } from './tunnel-plan.ts';
import { SocketSide, StreamSide, type TunnelSide } from './tunnel-side.ts';

/** A tunnel that a client asks for. */
export interface Asked {
  readonly kind: TunnelKind;
  /** Of the tunnel: the server tells by it which one it is. Begins with the client's voice. */
  readonly id: string;
  readonly host: string;
  /** Octets said with the request, and whether the client's direction ends with them. */
  readonly early: number;
  readonly endsEarly: boolean;
  /** Nobody else's tunnels are on its connection. */
  readonly isAlone: boolean;
}

/** The server's side of a tunnel that has been asked for. */
export interface Taken {
  readonly id: string;
  readonly side: TunnelSide;
  /** Opens the tunnel. */
  accept(): void;
}

/** Opens tunnels at one port. HTTP/2 connections are shared until they have had their number of streams. */
export class TunnelClient {
  readonly #port: number;
  #connection: SharedConnection | null = null;
  readonly #open = new Set<http2.ClientHttp2Session>();

  constructor(port: number) {
    this.#port = port;
  }

  async ask(asked: Asked): Promise<TunnelSide> {
    return asked.kind === 'http2' ? await this.#askHttp2(asked) : this.#askHttp1(asked);
  }

  /** Ends idle connections. */
  close(): void {
    this.#connection = null;
    for (const session of this.#open) session.close();
  }

  #askHttp1({ kind, id, host, early, endsEarly }: Asked): TunnelSide {
    const socket = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true });
    const side = new SocketSide(Number.parseInt(id, 10), socket, true);
    socket.cork();
    side.sendHead(
      kind === 'upgrade'
        ? `GET /t HTTP/1.1\r\nHost: ${host}\r\nX-Tunnel: ${id}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`
        : `CONNECT ${host}:80 HTTP/1.1\r\nHost: ${host}:80\r\nX-Tunnel: ${id}\r\n\r\n`,
    );
    side.say(early);
    socket.uncork();
    if (endsEarly) side.end();
    return side;
  }

  async #askHttp2({ id, host, early, endsEarly, isAlone }: Asked): Promise<TunnelSide> {
    const connection = isAlone ? this.#connect() : this.#shared();
    const { session } = connection;
    connection.asked++;
    connection.left++;
    if (isAlone) connection.asked = STREAMS_OF_A_CONNECTION;
    // Extended CONNECT may be asked for once the server has said that it knows it.
    if (!session.remoteSettings?.enableConnectProtocol)
      await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
    const stream = session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'echo',
        ':path': '/t',
        ':scheme': 'http',
        ':authority': host,
        'x-tunnel': id,
      },
      { endStream: false },
    );
    const side = new StreamSide(Number.parseInt(id, 10), stream, () =>
      isAlone ? session.destroy() : stream.destroy(),
    );
    stream.on('close', () => {
      if (--connection.left === 0 && connection.asked >= STREAMS_OF_A_CONNECTION) session.close();
    });
    side.say(early);
    if (endsEarly) side.end();
    return side;
  }

  #shared(): SharedConnection {
    if (!this.#connection || this.#connection.asked >= STREAMS_OF_A_CONNECTION || this.#connection.session.closed)
      this.#connection = this.#connect();
    return this.#connection;
  }

  #connect(): SharedConnection {
    const session = http2.connect(`http://127.0.0.1:${this.#port}`);
    this.#open.add(session);
    session.setMaxListeners(0);
    session.on('error', () => {}); // its streams say it
    session.on('close', () => this.#open.delete(session));
    return { session, asked: 0, left: 0 };
  }
}

interface SharedConnection {
  readonly session: http2.ClientHttp2Session;
  /** Tunnels that it was given, and those of them that are not over. */
  asked: number;
  left: number;
}

/** Takes tunnels of every kind at one port, as an application that speaks HTTP/1.1 and HTTP/2 does. */
export class TunnelServer {
  readonly #http1: Server = createHttpServer();
  readonly #http2 = http2.createServer({
    settings: { enableConnectProtocol: true },
    // A proxy has all its tunnels on one connection, where streams are reset as fast as can be. What Node counts as a
    // session's memory grows with those that are reset under way: with 10 MB it refuses every stream after some thousand.
    maxSessionMemory: 10_000,
    streamResetBurst: 1_000_000,
    streamResetRate: 1_000_000,
  } as http2.ServerOptions);
  readonly #either: NetServer;
  readonly #sockets = new Set<Socket>();

  /** @param onTaken is told of every tunnel, before it is open */
  constructor(onTaken: (taken: Taken) => void) {
    const take = (status: string) => (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const id = request.headers['x-tunnel'] as string;
      const side = new SocketSide(Number.parseInt(id, 10) + 1, socket, false);
      if (head.length > 0) side.receive(head);
      onTaken({ id, side, accept: () => side.sendHead(`HTTP/1.1 ${status}\r\n\r\n`) });
    };
    this.#http1.on('upgrade', take('101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo') as never);
    this.#http1.on('connect', take('200 OK') as never);
    this.#http2.on('stream', (stream, headers) => {
      const id = headers['x-tunnel'] as string;
      const side = new StreamSide(Number.parseInt(id, 10) + 1, stream, () => stream.session?.destroy());
      onTaken({ id, side, accept: () => stream.respond({ ':status': 200 }) });
    });
    this.#http2.on('session', (session) => session.on('error', () => {}));
    this.#either = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.once('data', (first: Buffer) => {
        socket.pause();
        socket.unshift(first);
        const isHttp2 = first.toString('latin1', 0, 3) === 'PRI';
        // A connection of HTTP/2 has no halves.
        socket.allowHalfOpen = !isHttp2;
        (isHttp2 ? this.#http2 : this.#http1).emit('connection', socket);
        process.nextTick(() => socket.resume());
      });
    });
  }

  /** @param port 0: any. @returns the port */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#either.listen({ port, host: '127.0.0.1', backlog: 2048 }, resolve));
    return (this.#either.address() as AddressInfo).port;
  }

  /** Ends the connections that are left: those of HTTP/2 that proxies keep. */
  endConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  close(): void {
    this.#either.close();
    this.endConnections();
  }
}

/** A connection that has had so many streams is left for another, so that connections come and go as well. */
const STREAMS_OF_A_CONNECTION = 40;
