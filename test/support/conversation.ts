import type { Duplex } from 'node:stream';

/** One thing that is said on a connection. */
export interface Saying {
  readonly from: 'client' | 'server';
  readonly octets: Buffer;
  /** How long the speaker is silent before it. */
  readonly afterMs: number;
  /** The speaker ends its side with it. */
  readonly ends: boolean;
}

/** What a client says. @param ends and then ends its side */
export function client(octets: string | Buffer, { afterMs = 0, ends = false } = {}): Saying {
  return { from: 'client', octets: Buffer.from(octets as string, 'latin1'), afterMs, ends };
}

/** What a server says. @param ends and then ends its side */
export function server(octets: string | Buffer, { afterMs = 0, ends = false } = {}): Saying {
  return { from: 'server', octets: Buffer.from(octets as string, 'latin1'), afterMs, ends };
}

/**
 * Takes one side of a conversation: says what is its own to say once it has heard, to the octet, what the other side says
 * before it.
 *
 * @returns why it could not go on; empty: it is over
 */
export async function converse(socket: Duplex, self: 'client' | 'server', sayings: readonly Saying[]): Promise<string> {
  const ear = new Ear(socket);
  for (const { from, octets, afterMs, ends } of sayings) {
    if (from === self) {
      if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
      if (octets.length > 0) socket.write(octets);
      if (ends) socket.end();
      continue;
    }
    const heard = await ear.take(octets.length);
    if (!heard.equals(octets)) return `the ${self} heard ${quote(heard)} rather than ${quote(octets)}`;
    if (ends && !(await ear.hearsEnd())) return `the ${self} did not hear the end after ${quote(octets)}`;
  }
  return '';
}

/** How long somebody who expects to hear something waits for it. */
const PATIENCE_MS = 4000;

/** What has been heard on a socket and not yet taken. */
class Ear {
  #heard: Buffer = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => {};

  constructor(socket: Duplex) {
    socket.on('data', (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]);
      this.#wake();
    });
    const onEnd = () => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.on('error', onEnd);
  }

  /** The next `count` octets, or what there is of them when there will be no more. */
  async take(count: number): Promise<Buffer> {
    await this.#until(() => this.#heard.length >= count || this.#isOver);
    const taken = this.#heard.subarray(0, count);
    this.#heard = this.#heard.subarray(taken.length);
    return taken;
  }

  /** Whether the other side ends without another word. */
  async hearsEnd(): Promise<boolean> {
    await this.#until(() => this.#isOver || this.#heard.length > 0);
    return this.#isOver && this.#heard.length === 0;
  }

  /** Waits until it holds, but not longer than patience lasts. */
  async #until(holds: () => boolean): Promise<void> {
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS).unref());
    let isLate = false;
    deadline.then(() => {
      isLate = true;
    });
    while (!holds() && !isLate)
      await Promise.race([
        deadline,
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
      ]);
  }
}

function quote(octets: Buffer): string {
  return JSON.stringify(octets.toString('latin1'));
}
