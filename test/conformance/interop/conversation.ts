import { connect } from 'node:net';

import { run } from '../program.ts';

/** Where a client finds its server. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Talks to a server and tells what it heard, which is the same whenever it asks; nothing: it failed. */
export type Conversation = (server: Address) => Promise<string>;

/** A program that is told host and port, and writes what it hears. @param args for where the server is */
export function program(name: string, args: (server: Address) => readonly string[], input = ''): Conversation {
  return async (server) => {
    const { code, stdout } = await run(name, args(server), { timeoutMs: 20_000, input });
    return code === 0 ? stdout : '';
  };
}

/** A client that says these pieces, the next one when there was an answer, or after `afterMs`; the last one ends it all. */
export function says(pieces: readonly string[], afterMs = 0): Conversation {
  return (server) => say(server, pieces, afterMs);
}

/** Has the conversation of {@link says}. */
export function say({ host, port }: Address, pieces: readonly string[], afterMs = 0): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    let heard = '';
    let next = 0;
    const speak = () => {
      socket.write(pieces[next++]!);
      if (next === pieces.length) socket.end();
      else if (afterMs > 0) setTimeout(speak, afterMs);
    };
    socket.on('connect', speak);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (afterMs === 0 && next < pieces.length) speak();
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('close', () => resolve(heard));
  });
}
