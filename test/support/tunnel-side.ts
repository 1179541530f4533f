import { constants, type Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';

import { Random } from '../../core/testing/random.ts';

/** What one side saw of a tunnel. */
export interface Seen {
  /** Status of the answer that opened it; 0: none came, or this is the side that gave it. */
  readonly status: number;
  /** Octets that it heard. */
  readonly octets: number;
  /** They are those that the other side says, from the first. */
  readonly isAsSaid: boolean;
  /**
   * As they came: `end`, `reset`, `close`; for HTTP/2 `end`, then `close`, or `cut` alone where the stream's code is not 0
   * (Node makes an `end` of some resets). `never`: what was waited for did not come.
   */
  readonly events: readonly string[];
}

/** One side of a tunnel: says what its voice says, and sees what comes. */
export abstract class TunnelSide {
  status = 0;
  octets = 0;
  isAsSaid = true;
  readonly events: string[] = [];
  readonly #voice: number;
  #said = 0;
  readonly #waiting = new Set<() => void>();

  /** @param voice from where in {@link SPEECH} it speaks; the other side speaks from the next place */
  constructor(voice: number) {
    this.#voice = voice;
  }

  get seen(): Seen {
    const { status, octets, isAsSaid, events } = this;
    return { status, octets, isAsSaid, events: [...events] };
  }

  get isOver(): boolean {
    return this.events.some((event) => event === 'close' || event === 'cut');
  }

  get hasHeardEnd(): boolean {
    return this.isOver || this.events.includes('end');
  }

  /** Waits until it holds, or the tunnel is over, or it takes far too long. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (holds() || this.isOver) done();
      };
      const timer = setTimeout(() => {
        this.events.push('never');
        done();
      }, NEVER_MS);
      this.#waiting.add(look);
      look();
    });
  }

  /** Says the next `octets` of its voice. */
  say(octets: number): void {
    if (octets > 0) this.write(speech(this.#voice + this.#said, octets));
    this.#said += octets;
  }

  protected abstract write(octets: Buffer): void;
  /** Ends its direction. */
  abstract end(): void;
  /** @param code of RST_STREAM */
  abstract reset(code: number): void;
  /** Is gone, without a word. */
  abstract drop(): void;

  protected hear(octets: Buffer): void {
    // What follows an answer that opens no tunnel is its content, not the other side's voice.
    if (this.status >= 300) return;
    this.isAsSaid &&= this.#isNext(octets);
    this.octets += octets.length;
    this.changed();
  }

  protected note(event: string): void {
    this.events.push(event);
    this.changed();
  }

  protected changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  #isNext(octets: Buffer): boolean {
    const other = this.#voice % 2 === 0 ? this.#voice + 1 : this.#voice - 1;
    return octets.equals(speech(other + this.octets, octets.length));
  }
}

/** A side that has the connection to itself. */
export class SocketSide extends TunnelSide {
  readonly #socket: Socket;
  /** What has come of the answer's head; null: it is here. */
  #head: string | null;

  /** @param awaitsAnswer an answer's head comes before what the other side says */
  constructor(voice: number, socket: Socket, awaitsAnswer: boolean) {
    super(voice);
    this.#socket = socket;
    this.#head = awaitsAnswer ? '' : null;
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => this.note('end'));
    // Who writes meets a reset as EPIPE where who reads meets it as ECONNRESET.
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      this.note(code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : `${code}`),
    );
    socket.on('close', () => this.note('close'));
  }

  /** Takes what came with the head. */
  receive(chunk: Buffer): void {
    if (this.#head === null) return this.hear(chunk);
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const rest = Buffer.from(this.#head.slice(end + 4), 'latin1');
    this.status = Number(this.#head.split(' ', 2)[1]);
    this.#head = null;
    if (rest.length > 0) this.hear(rest);
    this.changed();
  }

  /** Sends a head. */
  sendHead(text: string): void {
    this.#socket.write(text);
  }

  protected override write(octets: Buffer): void {
    if (!this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.write(octets);
  }

  override end(): void {
    this.#socket.end();
  }

  override reset(_code: number): void {
    this.#socket.resetAndDestroy();
  }

  override drop(): void {
    this.#socket.destroy();
  }
}

/** A side that is a stream of HTTP/2. */
export class StreamSide extends TunnelSide {
  readonly #stream: Http2Stream;
  readonly #gone: () => void;

  /** @param gone how it is gone without a word */
  constructor(voice: number, stream: Http2Stream, gone: () => void) {
    super(voice);
    this.#stream = stream;
    this.#gone = gone;
    stream.on('data', (chunk: Buffer) => this.hear(chunk));
    stream.on('end', () => this.note('end'));
    stream.on('error', () => {}); // says what the code says
    stream.on('response', (headers) => {
      this.status = Number(headers[':status']);
      this.changed();
    });
    stream.on('close', () => {
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR) return this.note('close');
      if (this.events.at(-1) === 'end') this.events.pop();
      this.note('cut');
    });
  }

  protected override write(octets: Buffer): void {
    if (!this.#stream.destroyed && !this.#stream.writableEnded) this.#stream.write(octets);
  }

  override end(): void {
    this.#stream.end();
  }

  /** Node says END_STREAM before RST_STREAM, but where an error ends the stream: then RST_STREAM alone. */
  override reset(code: number): void {
    if (code === constants.NGHTTP2_INTERNAL_ERROR) this.#stream.destroy(new Error('reset'));
    else this.#stream.close(code);
  }

  override drop(): void {
    this.#gone();
  }
}

/** How long a side waits for what does not come. Far more than the slowest machine needs. */
export const NEVER_MS = 40_000;

/** What voices say, over and over. Its length is a prime, so that no chunk that is out of its place fits by chance. */
const SPEECH = Buffer.from(new Random(65_521).octets(65_521));
const LONG_SPEECH = Buffer.concat(Array.from({ length: 8 }, () => SPEECH));

/** `octets` of the speech from `at` on. Not to be changed. */
function speech(at: number, octets: number): Buffer {
  const start = at % SPEECH.length;
  if (start + octets > LONG_SPEECH.length) throw new Error(`${octets} octets are more than is said at once`);
  return LONG_SPEECH.subarray(start, start + octets);
}
