import type { Socket } from 'node:net';

import { peek } from './peek.ts';

/** Who spoke, when a client had been silent. But for `client`, `upstream` is connected and the caller's. */
export type FirstToSpeak<T> =
  | { readonly who: 'client'; readonly value: T }
  | { readonly who: 'server' | 'nobody'; readonly upstream: Socket };

/**
 * Lets client and server race to speak first: a protocol whose server speaks first is never stalled, and a client that
 * was only slow is still understood, even when it speaks while the server is being connected.
 *
 * @param connecting the server's connection; rejects when there is none, which counts only while the client is silent
 * @param decide what the client's first octets are; null: more are needed
 */
export async function raceToSpeak<T>(
  client: Socket,
  connecting: Promise<Socket>,
  decide: (bytes: Buffer) => T | null,
): Promise<FirstToSpeak<T>> {
  const cancel = new AbortController();
  const fromClient = peek(client, decide, 0, cancel.signal);
  const fromServer = connecting.then(async (upstream) => {
    const heard = await peek(upstream, () => true, 0, cancel.signal);
    return { upstream, heard };
  });
  const failed = await Promise.race([fromClient, fromServer]).then(
    () => null,
    (error: Error) => error,
  );
  cancel.abort();
  const heard = await fromClient;
  if (heard.outcome === 'decided') {
    fromServer.then(
      ({ upstream }) => upstream.destroy(),
      () => {},
    );
    return { who: 'client', value: heard.value };
  }
  if (failed) throw failed;
  // One side may have ended without a word: a relay carries that on.
  const server = await fromServer;
  return { who: server.heard.outcome === 'decided' ? 'server' : 'nobody', upstream: server.upstream };
}
