import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

import { actsOf, type Exchange, Heard, noteOpen, type Protocol, type ServerSide, type Side } from './side.ts';

/** How a tunnel is asked for, and the first line and fields of the answer that opens it. */
export interface TunnelKind {
  readonly request: (id: string) => string;
  readonly answer: string;
}

/** WebSocket's, and whatever else is begun by `Upgrade` (RFC 9110 section 7.8). */
export const UPGRADE: TunnelKind = {
  request: (id) => `GET /${id} HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  answer: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
};

/** CONNECT (RFC 9110 section 9.3.6). */
export const CONNECT: TunnelKind = {
  request: (id) => `CONNECT api:80 HTTP/1.1\r\nHost: api:80\r\nx-id: ${id}\r\n\r\n`,
  answer: 'HTTP/1.1 200 OK\r\n\r\n',
};

/** Tunnels of one kind through HTTP/1.1. What the client says before the answer waits for it. */
export async function tunnels(kind: TunnelKind): Promise<Protocol> {
  const open = new Set<Socket>();
  const waiting = new Map<string, (side: ServerSide) => void>();
  const server = createServer();
  const take = (request: { url?: string; headers: Record<string, unknown> }, socket: Socket, head: Buffer) => {
    noteOpen(open, socket);
    const id = `${request.headers['x-id'] ?? request.url!.slice(1)}`;
    const side = sideOf(socket, head.toString('latin1'));
    waiting.get(id)?.({
      ...side,
      get heard() {
        return side.heard;
      },
      answer: () => socket.write(kind.answer),
    });
    waiting.delete(id);
  };
  server.on('upgrade', take as never);
  server.on('connect', take as never);
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  let count = 0;
  return {
    port: (server.address() as AddressInfo).port,
    open,
    isMultiplexed: false,
    async begin(port, { localAddress } = {}): Promise<Exchange> {
      const id = `${count++}`;
      const taken = new Promise<ServerSide>((resolve) => waiting.set(id, resolve));
      const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true });
      noteOpen(open, socket);
      const client = sideOf(socket, '', true);
      socket.write(`${kind.request(id)}ab`);
      return { client, server: await taken };
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** @param early what came with the head @param answered the first lines are an answer's head */
function sideOf(socket: Socket, early: string, answered = false): Side {
  const heard = new Heard();
  let head: string | null = answered ? '' : null;
  heard.octets = early;
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    if (head === null) {
      heard.octets += text;
      return;
    }
    head += text;
    const at = head.indexOf('\r\n\r\n');
    if (at < 0) return;
    heard.status = head.slice(9, 12);
    heard.octets = head.slice(at + 4);
    head = null;
  });
  socket.on('end', () => heard.end());
  socket.on('error', () => {
    heard.state = 'cut';
  });
  return {
    get heard() {
      return `${heard}`;
    },
    ...actsOf(socket),
  };
}
