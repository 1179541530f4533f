/**
 * The hostile crowd of listeners.ts, in a process of its own: many connections that do one thing, and come again when they
 * are cut off. Told what to do, it does so until it is told to stop.
 */
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls';

import type { Shown } from './listener.ts';

/** What each connection of a crowd does. */
export interface Conduct {
  readonly name: string;
  /** Connections at a time. */
  readonly size: number;
  /** `hello`: a ClientHello and no more; `none`: no TLS, whatever the server speaks. */
  readonly tls: 'none' | 'hello' | 'whole';
  /** What is said first, once the connection is there; empty: nothing. */
  readonly words: string;
  /** What is said again and again, as fast as it is taken. */
  readonly more: string;
  /** What comes back is read. */
  readonly reads: boolean;
  /** What TLS is asked to carry; not given: what honest clients speak. */
  readonly protocol?: 'h2';
}

interface Order {
  readonly shown: Shown;
  readonly conduct: Conduct;
  /** Addresses of loopback that take turns. */
  readonly from: readonly string[];
}

/** A connection that was cut off comes again after this long, milliseconds. */
const PAUSE_MS = 1000;
const open = new Set<Socket>();
let turn = 0;

process.on('disconnect', () => process.exit());
process.on('message', async (message: Order | 'stop') => {
  turn++;
  for (const socket of open) socket.destroy();
  if (message === 'stop') return process.send!('stopped');
  const hello = message.conduct.tls === 'hello' ? await clientHello(message.shown) : null;
  for (let i = 0; i < message.conduct.size; i++) come(message, hello, i, turn);
});

function come(order: Order, hello: Buffer | null, at: number, ours: number): void {
  if (ours !== turn) return;
  const { shown, conduct, from } = order;
  const socket = connect({ port: shown.port, host: '127.0.0.1', localAddress: from[at % from.length]!, noDelay: true });
  open.add(socket);
  socket.on('error', () => {});
  socket.once('close', () => {
    open.delete(socket);
    setTimeout(() => come(order, hello, at, ours), PAUSE_MS);
  });
  socket.once('connect', () => {
    if (hello) socket.write(hello);
    else if (conduct.tls === 'whole' && shown.tls) behave(secured(socket, shown, conduct), conduct, 'secureConnect');
    else behave(socket, conduct, null);
  });
  if (hello) socket.resume();
}

function behave(socket: Socket, { words, more, reads }: Conduct, event: 'secureConnect' | null): void {
  const begin = () => {
    if (reads) socket.resume();
    if (words !== '') socket.write(words, 'latin1');
    if (more !== '') repeat(socket, more);
  };
  if (event) socket.once(event, begin);
  else begin();
}

function repeat(socket: Socket, text: string): void {
  if (socket.destroyed) return;
  if (socket.write(text, 'latin1')) setImmediate(() => repeat(socket, text));
  else socket.once('drain', () => repeat(socket, text));
}

function secured(socket: Socket, { tls, servername, ...shown }: Shown, conduct: Conduct): TLSSocket {
  const protocol = conduct.protocol ?? shown.protocol;
  const { ca, cert, key } = tls!;
  const secureContext = createSecureContext({ ca, ecdhCurve: 'X25519', ...(cert && { cert, key }) });
  const secure = connectTls({ socket, servername, secureContext, ALPNProtocols: [protocol] });
  secure.on('error', () => {});
  secure.once('close', () => socket.destroy());
  return secure;
}

/** What a client says first. */
async function clientHello({ servername }: Shown): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => socket.once('data', (octets) => resolve(octets) ?? socket.destroy()));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  connectTls({ port, host: '127.0.0.1', servername }).on('error', () => {});
  const hello = await promise;
  server.close();
  return hello;
}
