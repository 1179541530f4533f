import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { resetConnection } from '../../../proxy/transport/tcp-reset.ts';

import {
  type Beginning,
  type ClientSide,
  type Exchange,
  Heard,
  noteOpen,
  type Protocol,
  type ServerSide,
} from './side.ts';

/** HTTP/1.1 as Node's own client and server speak it, bodies in chunks. */
export async function http1(): Promise<Protocol> {
  const open = new Set<Socket>();
  const waiting = new Map<string, (side: ServerSide) => void>();
  const server = createServer((message, response) => {
    waiting.get(message.url!)?.(serverSide(message, response));
    waiting.delete(message.url!);
  });
  server.keepAliveTimeout = 0;
  server.on('connection', (socket) => noteOpen(open, socket));
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  let count = 0;
  return {
    port: (server.address() as AddressInfo).port,
    open,
    isMultiplexed: false,
    async begin(port, beginning = {}): Promise<Exchange> {
      const path = `/${count++}`;
      const taken = new Promise<ServerSide>((resolve) => waiting.set(path, resolve));
      const client = clientSide(port, path, open, beginning);
      const server = await taken;
      return { client, server };
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function clientSide(port: number, path: string, open: Set<unknown>, { length, localAddress }: Beginning): ClientSide {
  const heard = new Heard();
  const agent = new Agent({ keepAlive: false });
  const headers = { host: 'api', ...(length && { 'content-length': length }) };
  const asked = request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers, localAddress });
  asked.on('socket', (socket) => noteOpen(open, socket));
  asked.on('error', () => heard.cut());
  asked.on('close', () => {
    if (heard.status === '') heard.cut();
  });
  asked.on('response', (response) => {
    heard.status = `${response.statusCode}`;
    listen(response, heard);
  });
  asked.write('ab');
  return {
    get heard() {
      return `${heard}`;
    },
    say: (text) => asked.write(text),
    end: () => asked.end(),
    reset: () => resetConnection(asked.socket!),
    leave: () => asked.socket!.destroy(),
  };
}

function serverSide(message: IncomingMessage, response: ServerResponse): ServerSide {
  const heard = new Heard();
  listen(message, heard);
  response.on('error', () => {});
  const { socket } = message;
  return {
    get heard() {
      return `${heard}`;
    },
    answer: () => response.writeHead(200).flushHeaders(),
    say: (text) => response.write(text),
    end: () => response.end(),
    reset: () => resetConnection(socket),
    leave: () => socket.destroy(),
  };
}

function listen(message: IncomingMessage, heard: Heard): void {
  message.on('data', (chunk: Buffer) => {
    heard.octets += chunk.toString('latin1');
  });
  message.on('end', () => heard.end());
  message.on('error', () => heard.cut());
  message.on('close', () => heard.cut());
}
