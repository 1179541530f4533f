import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Random } from '../../../core/testing/random.ts';
import type { Head, Mark } from './head-generator.ts';

/** How a client writes a head. */
export interface Delivery {
  /** For a person to read. */
  readonly name: string;
  /** Ends of pieces, in order; each is followed by the pause. */
  readonly cuts: readonly number[];
  readonly pauseMs: number;
  /** The client ends its side with the last octet, rather than when nothing more is heard. */
  readonly endsAtOnce: boolean;
}

/** At once, octet by octet, or in two pieces with a pause that is longer than one of the waits of the proxy. */
export function chooseDelivery(random: Random, head: Head): Delivery {
  const endsAtOnce = random.oneIn(3);
  const end = endsAtOnce ? ', and ends' : '';
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return { name: `at once${end}`, cuts: [], pauseMs: 0, endsAtOnce };
    case 3: {
      const cuts = Array.from({ length: Math.min(head.marks.end, 400) }, (_, i) => i + 1);
      return { name: `octet by octet${end}`, cuts, pauseMs: 0, endsAtOnce };
    }
    default: {
      const mark = random.pick(MARKS);
      const pauseMs = random.oneIn(2) ? LONGER_THAN_SILENCE_MS : LONGER_THAN_THE_WAIT_MS;
      return { name: `${pauseMs} ms, ${mark}${end}`, cuts: [head.marks[mark]], pauseMs, endsAtOnce };
    }
  }
}

/** All in one piece. */
export const AT_ONCE: Delivery = { name: 'at once', cuts: [], pauseMs: 0, endsAtOnce: false };

/** Of the test's proxy: after it who may speak first is no longer waited for. */
const LONGER_THAN_SILENCE_MS = 60;
/** Of the test's proxy: after it undecided octets are sent on. */
export const LONGER_THAN_THE_WAIT_MS = 600;

const MARKS: readonly Mark[] = [
  'start',
  'in method',
  'after method',
  'in target',
  'before version',
  'after first line',
  'end',
];

/**
 * Writes a head, and resolves when the connection is gone: a client that hears nothing more ends its side, and at last
 * leaves.
 *
 * @param waitMs how long a client that has written everything hears nothing before it ends its side
 */
export async function deliver(socket: Duplex, octets: Buffer, delivery: Delivery, waitMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let heard = 0;
  socket.on('data', () => heard++);
  socket.on('error', () => {}); // its end is heard by `close`
  let from = 0;
  for (const cut of delivery.cuts) {
    if (cut > from) socket.write(octets.subarray(from, cut));
    from = cut;
    await (delivery.pauseMs > 0 ? pause(delivery.pauseMs) : new Promise(setImmediate));
    if (socket.destroyed) return;
  }
  if (from < octets.length) socket.write(octets.subarray(from));
  if (!delivery.endsAtOnce) {
    for (let before = -1; before !== heard && !socket.destroyed; ) {
      before = heard;
      await Promise.race([closed, pause(waitMs)]);
    }
  }
  if (!socket.destroyed) socket.end();
  await Promise.race([closed, pause(LONGER_THAN_THE_WAIT_MS)]);
  socket.destroy();
  await closed;
}

/** Resolves when a socket is gone. */
export function gone(socket: Socket): Promise<void> {
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
