import type { FloodGuard } from './flood-guard.ts';
import * as write from './frame-writer.ts';
import { HeaderEncoder } from './header-encoder.ts';
import type { Fields, RequestHead, ResponseHead, Wire } from './message.ts';
import type { ReceiveWindows } from './receive-windows.ts';
import { ResetStreams } from './reset-streams.ts';
import { SendWindow } from './send-window.ts';
import type { Stream, StreamOwner } from './stream.ts';

/** Writes the frames of a connection's streams. */
export class Sender implements StreamOwner {
  readonly #wire: Wire;
  readonly #receiveWindows: ReceiveWindows;
  readonly #onOver: (stream: Stream) => void;
  readonly encoder: HeaderEncoder;
  readonly window: SendWindow;
  /** What still comes on them is expected for a while. */
  readonly resetStreams = new ResetStreams();

  /**
   * @param guard earns with what was sent
   * @param onOver a stream is over
   */
  constructor(wire: Wire, guard: FloodGuard, receiveWindows: ReceiveWindows, onOver: (stream: Stream) => void) {
    this.#wire = wire;
    this.#receiveWindows = receiveWindows;
    this.#onOver = onOver;
    this.encoder = new HeaderEncoder(wire);
    this.window = new SendWindow(wire, guard);
  }

  writeRequest(stream: Stream, head: RequestHead, last: boolean): void {
    this.encoder.writeRequest(stream.id, head, last);
  }

  writeResponse(stream: Stream, head: ResponseHead, last: boolean): void {
    this.encoder.writeResponse(stream.id, head, stream.isUpgrade, last);
  }

  writeTrailers(stream: Stream, fields: Fields): void {
    this.encoder.writeFields(stream.id, fields, true);
  }

  writeBody(stream: Stream, bytes: Uint8Array, start: number, end: number, last: boolean): number {
    return this.window.write(stream, bytes, start, end, last);
  }

  writeEnd(stream: Stream): void {
    write.writeData(this.#wire, stream.id, NO_OCTETS, 0, 0, true);
    this.#wire.touch();
  }

  writeReset(streamId: number, code: number): void {
    this.resetStreams.add(streamId);
    write.writeReset(this.#wire, streamId, code);
    this.#wire.touch();
  }

  writeGrant(stream: Stream, octets: number): void {
    write.writeWindowUpdate(this.#wire, stream.id, octets);
    this.#wire.touch();
  }

  windowGrowth(stream: Stream, octets: number): number {
    return this.#receiveWindows.growthOf(stream, octets);
  }

  hold(octets: number): void {
    this.#wire.hold(octets);
  }

  wait(stream: Stream): void {
    this.window.wait(stream);
  }

  forget(stream: Stream): void {
    this.#onOver(stream);
  }
}

const NO_OCTETS = new Uint8Array(0);
