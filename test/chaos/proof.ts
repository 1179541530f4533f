import { createCipheriv, createHash } from 'node:crypto';

/**
 * The octets that belong to a name: whoever knows the name can tell any other octets from them, cut or moved ones too.
 *
 * @param length octets, 0 and more
 */
export function octetsOf(name: string, length: number): Buffer {
  const key = createHash('md5').update(name).digest();
  return createCipheriv('aes-128-ctr', key, ZERO).update(Buffer.alloc(length));
}

/** A gRPC message: not compressed, with its length before it. Source: gRPC over HTTP2, Length-Prefixed-Message. */
export function grpcMessage(body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** A piece of a conversation of octets: its length, four octets, before it. */
export function piece(body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Puts together again what {@link grpcMessage} and {@link piece} have framed, however it is split. */
export class Pieces {
  readonly #headOctets: number;
  #rest: Buffer = Buffer.alloc(0);

  /** @param headOctets 5 of gRPC, of which the first is passed over; 4 of octets */
  constructor(headOctets: 4 | 5) {
    this.#headOctets = headOctets;
  }

  /** Octets of a piece that is not complete. */
  get pending(): number {
    return this.#rest.length;
  }

  /** Takes what has come. @returns the pieces that are complete now */
  push(octets: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    const pieces: Buffer[] = [];
    for (;;) {
      if (this.#rest.length < this.#headOctets) return pieces;
      const end = this.#headOctets + this.#rest.readUInt32BE(this.#headOctets - 4);
      if (this.#rest.length < end) return pieces;
      pieces.push(this.#rest.subarray(this.#headOctets, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

const ZERO = Buffer.alloc(16);
