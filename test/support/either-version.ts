import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';

const BIG = Buffer.alloc(1 << 20, 'b');

/**
 * An application that takes HTTP/1 and HTTP/2 on one port of loopback: answers `/big` with a mebibyte, everything else
 * with a word, once the request has ended.
 */
export async function eitherVersion(): Promise<{ port: number; close(): void }> {
  const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    request.on('error', () => {});
    request.resume();
    request.on('end', () => void response.end(request.url === '/big' ? BIG : 'hello'));
  };
  const http1 = http.createServer(answer);
  const http2c = http2.createServer(answer as unknown as Parameters<typeof http2.createServer>[1]);
  http2c.on('sessionError', () => {});
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null;
      if (!first) return socket.destroy();
      socket.unshift(first);
      (first.toString('latin1', 0, 3) === 'PRI' ? http2c : http1).emit('connection', socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
