import type { Socket } from 'node:net';

import { peek } from './peek.ts';

/** Who spoke, when a client had been silent. `server`: the protocol is server-first, and `upstream` is connected. */
export type FirstToSpeak<T> = { readonly who: 'client'; readonly value: T } | { readonly who: 'server' | 'nobody' };

/**
 * Lets client and server race to speak first: a protocol whose server speaks first is never stalled, and a client that
 * was only slow is still understood.
 *
 * @param decide what the client's first octets are; null: more are needed
 */
export async function raceToSpeak<T>(
  client: Socket,
  upstream: Socket,
  decide: (bytes: Buffer) => T | null,
): Promise<FirstToSpeak<T>> {
  const cancel = new AbortController();
  const [fromClient, fromServer] = [
    peek(client, decide, 0, cancel.signal),
    peek(upstream, () => true, 0, cancel.signal),
  ];
  await Promise.race([fromClient, fromServer]);
  cancel.abort();
  const [heard, server] = await Promise.all([fromClient, fromServer]);
  if (heard.outcome === 'decided') return { who: 'client', value: heard.value };
  if (server.outcome === 'decided') return { who: 'server' };
  // One side ended without a word: a relay carries that on.
  return { who: 'nobody' };
}
