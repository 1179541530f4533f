import type { Socket } from 'node:net';

import { type Peeked, peek } from './peek.ts';

/** How the opening words of a connection are judged, and how long they are waited for. */
export interface OpeningRules<T> {
  /** What the client's octets are; null: more are needed. Is given all that have come, again and again. */
  readonly decide: (bytes: Buffer) => T | null;
  /** What they are when no more come, or no more are waited for. */
  readonly otherwise: () => T;
  /** Connects to the server, where it may be the one to speak first; null: the client has to. */
  readonly dial: (() => Promise<Socket>) | null;
  /** How long a silent client is waited for: then its server is dialled, or, where it has to speak, it is let go. */
  readonly silenceMs: number;
  /** How long octets may stay undecided, asked when some have come that are. */
  readonly undecidedMs: () => number;
}

/** A connection to the server, which may not be there yet, or fail; null: there is none. */
type Upstream = Promise<Socket> | null;

/** How a connection began. */
export type Opening<T> =
  /**
   * `ended`: what the client had said, which may be nothing, before it ended its direction, and which is no longer in the
   * socket; else null. `upstream`: the connection that was opened while the client was silent, the caller's, to carry what
   * the client says on or to be {@link letGo}: a server may take no other; else null.
   */
  | { readonly who: 'client'; readonly value: T; readonly ended: Buffer | null; readonly upstream: Upstream }
  /** The server spoke first, or one of both left without a word. `upstream` is connected, and the caller's. */
  | { readonly who: 'server' | 'nobody'; readonly upstream: Socket }
  /** The client left, or never said a word. */
  | { readonly who: 'gone' };

/**
 * Waits for the opening words of a connection and lets whoever speaks first decide: a protocol whose server speaks first
 * is never stalled, a client that was only slow is still understood, even when it speaks while its server is being
 * connected, and what cannot be told is told in time. Every octet of the client stays in the socket, or is in `ended`.
 *
 * A server that begins with SETTINGS speaks HTTP/2, in which the client's word counts all the same.
 *
 * @throws what `dial` throws, where the client goes on being silent
 */
export async function listenToOpening<T>(client: Socket, rules: OpeningRules<T>): Promise<Opening<T>> {
  const { decide, otherwise, dial, silenceMs, undecidedMs } = rules;
  const firstWords = (bytes: Buffer): T | typeof UNDECIDED => decide(bytes) ?? UNDECIDED;
  let look = await peek(client, firstWords, silenceMs);
  let upstream: Upstream = null;
  if (look.outcome === 'silent') {
    if (!dial) return { who: 'gone' };
    const first = await raceToSpeak(client, dial(), silenceMs);
    if (first.who !== 'client') return first;
    ({ upstream } = first);
    look = await peek(client, firstWords, 0);
  }
  const isTold = look.outcome !== 'decided' || look.value !== UNDECIDED;
  const told = isTold ? (look as Peeked<T>) : await peek(client, decide, undecidedMs());
  if (told.outcome === 'decided') return { who: 'client', value: told.value, ended: null, upstream };
  if (told.outcome !== 'ended') return { who: 'client', value: otherwise(), ended: null, upstream };
  // To end without a word says something as well, but where only words are looked for.
  if (told.bytes.length > 0 || (dial && !client.destroyed))
    return { who: 'client', value: otherwise(), ended: told.bytes, upstream };
  letGo(upstream);
  return { who: 'gone' };
}

/** Closes a connection that there is no use for, also once it is there. Throws never. */
export function letGo(upstream: Upstream): void {
  upstream?.then(
    (socket) => socket.destroy(),
    () => {},
  );
}

/** @returns who was first; the client: it has spoken, or is the one that has to */
async function raceToSpeak(
  client: Socket,
  connecting: Promise<Socket>,
  silenceMs: number,
): Promise<{ who: 'server' | 'nobody'; upstream: Socket } | { who: 'client'; upstream: Upstream }> {
  const cancel = new AbortController();
  const fromClient = peek(client, () => true, 0, cancel.signal);
  const fromServer = connecting.then(async (upstream) => {
    const heard = await peek(upstream, isSettings, 0, cancel.signal);
    return { upstream, heard };
  });
  const failed = await Promise.race([fromClient, fromServer]).then(
    () => null,
    (error: Error) => error,
  );
  cancel.abort();
  const spoken = await fromClient;
  if (spoken.outcome === 'decided') {
    fromServer.catch(() => {});
    return { who: 'client', upstream: failed ? null : connecting };
  }
  if (failed) {
    // There is no server to wait for; a client that was only slow may still learn that.
    const late = await peek(client, () => true, silenceMs);
    if (late.outcome !== 'decided') throw failed;
    return { who: 'client', upstream: null };
  }
  // One side may have ended without a word: a relay carries that on.
  const { upstream, heard } = await fromServer;
  if (heard.outcome !== 'decided') return { who: 'nobody', upstream };
  if (!heard.value) return { who: 'server', upstream };
  upstream.destroy();
  return { who: 'client', upstream: null };
}

/** Whether a server's first octets are a SETTINGS frame (RFC 9113 section 3.4); null: they may become one. */
function isSettings(bytes: Buffer): boolean | null {
  for (let i = 0; i < bytes.length && i < SETTINGS_HEAD.length; i++) {
    const expected = SETTINGS_HEAD[i]!;
    if (expected >= 0 && bytes[i] !== expected) return false;
  }
  return bytes.length >= SETTINGS_HEAD.length ? bytes[2]! % 6 === 0 : null;
}

/** Length (fewer than 43 settings), type, flags, stream; -1: any. */
const SETTINGS_HEAD = [0, 0, -1, 4, 0, 0, 0, 0, 0];

/** Something has come that does not tell yet. */
const UNDECIDED = Symbol('undecided');
