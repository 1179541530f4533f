import { Connection } from '../../proxy/http2/connection.ts';
import type { ConnectionListener } from '../../proxy/http2/connection-listener.ts';
import { type ConnectionOptions, DEFAULT_CONNECTION_OPTIONS } from '../../proxy/http2/connection-options.ts';
import type { RequestHead, StreamListener } from '../../proxy/http2/message.ts';
import type { Stream } from '../../proxy/http2/stream.ts';
import * as h2 from '../../proxy/http2/wire-vocabulary.ts';
import { framesIn, settings } from './http2-frames.ts';
import { MemoryWire } from './memory-wire.ts';
import { Recorder } from './recorder.ts';

/** A request or a stream of a {@link Talk}, and what its listener heard. */
export interface Exchange {
  readonly stream: Stream;
  readonly recorder: Recorder;
  /** Server: what was asked. */
  readonly head: RequestHead;
}

/** A connection whose peer is spoken by the test, frame by frame; what the connection writes comes back in words. */
export class Talk implements ConnectionListener {
  readonly wire = new MemoryWire();
  readonly connection: Connection;
  readonly exchanges: Exchange[] = [];
  readonly limits: string[] = [];
  readonly pongs: number[] = [];
  /** What the connection wrote before it heard anything, a client's preface apart. */
  readonly opening: string[];
  goAways = 0;
  /** Streams that have ended. */
  ends = 0;
  /** How often there may have been room for another stream. */
  rooms = 0;
  failure: readonly [code: number, reason: string] | null = null;
  nowMs = 1000;

  /** The peer's SETTINGS, empty unless others are given, have come. */
  constructor(role: 'client' | 'server', options: Partial<ConnectionOptions> = {}, peer: Buffer | null = settings()) {
    const all = { ...DEFAULT_CONNECTION_OPTIONS, nowMs: () => this.nowMs, ...options };
    const latin1 = (bytes: Uint8Array, start: number, end: number) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
    this.connection = new Connection(role, this.wire, this, latin1, all);
    const written = Buffer.from(this.wire.take());
    const prefaced = role === 'client' ? h2.PREFACE.length : 0;
    if (written.toString('latin1', 0, prefaced) !== h2.PREFACE.slice(0, prefaced)) throw new Error('no preface');
    this.opening = framesIn(written.subarray(prefaced));
    if (role === 'server') this.says(Buffer.from(h2.PREFACE));
    if (peer !== null) this.says(peer);
    this.ends = 0;
    this.rooms = 0;
  }

  /** The peer sends frames, all at once. @returns what was written for an answer */
  says(...frames: readonly Uint8Array[]): string[] {
    const octets = Buffer.concat(frames);
    this.connection.receive(octets, 0, octets.length);
    return this.written();
  }

  /** What was written since the last time. */
  written(): string[] {
    return framesIn(this.wire.take());
  }

  /** Client: asks for something, the same each time. */
  ask(head: Partial<RequestHead> = {}, last = true): Exchange {
    const recorder = new Recorder();
    const stream = this.connection.open(recorder);
    recorder.stream = stream;
    const all = { method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', fields: [], ...head };
    stream.sendRequest(all, last);
    const exchange = { stream, recorder, head: all };
    this.exchanges.push(exchange);
    return exchange;
  }

  /** What each stream has heard. */
  get heard(): string[][] {
    return this.exchanges.map(({ recorder }) => recorder.heard);
  }

  onRequest(stream: Stream, head: RequestHead, end: boolean): StreamListener {
    const recorder = new Recorder();
    recorder.stream = stream;
    recorder.heard.push(`request ${head.method} ${head.path}${end ? ' end' : ''}`);
    this.exchanges.push({ stream, recorder, head });
    return recorder;
  }

  onGoAway(): void {
    this.goAways++;
  }

  onStreamEnd(): void {
    this.ends++;
  }

  onRoom(): void {
    this.rooms++;
  }

  onPong(roundTripMs: number): void {
    this.pongs.push(roundTripMs);
  }

  onLimit(limit: string): void {
    this.limits.push(limit);
  }

  onFailed(code: number, reason: string): void {
    this.failure = [code, reason];
  }
}
