import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

import { actsOf, type ClientSide, type Exchange, Heard, noteOpen, type Protocol, type ServerSide } from './side.ts';

/** Octets without a protocol: how they end is all that they tell, so RST and FIN are told apart. */
export async function octets(): Promise<Protocol> {
  const open = new Set<Socket>();
  const waiting = new Map<string, (side: ServerSide) => void>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    noteOpen(open, socket);
    const side = sideOf(socket);
    // A proxy that dialled for a client that might have been silent ends what it has no use for.
    const leave = () => socket.destroy();
    socket.once('end', leave);
    socket.once('data', (chunk: Buffer) => {
      socket.off('end', leave);
      const key = chunk.toString('latin1', 0, KEY_LENGTH);
      waiting.get(key)?.(side);
      waiting.delete(key);
    });
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  let count = 0;
  return {
    port: (server.address() as AddressInfo).port,
    open,
    isMultiplexed: false,
    async begin(port, { localAddress } = {}): Promise<Exchange> {
      const key = `${count++}`.padStart(KEY_LENGTH, '.');
      const taken = new Promise<ServerSide>((resolve) => waiting.set(key, resolve));
      const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true });
      noteOpen(open, socket);
      const client = sideOf(socket);
      socket.write(`${key}ab`);
      return { client, server: await taken };
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Octets by which the server knows whose exchange it has. */
const KEY_LENGTH = 5;

function sideOf(socket: Socket): ServerSide & ClientSide {
  const heard = new Heard();
  let skipped = 0;
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    const key = text.startsWith('.') && skipped === 0 ? KEY_LENGTH : 0;
    skipped += key;
    heard.octets += text.slice(key);
  });
  socket.on('end', () => heard.end());
  socket.on('error', () => {
    // RST counts after an end, too.
    heard.state = 'cut';
  });
  return {
    get heard() {
      return `${heard}`;
    },
    answer() {},
    ...actsOf(socket),
  };
}
