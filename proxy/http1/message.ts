/** What the HTTP/1 engine says to the layers above; in shape the same as HTTP/2's. */

/** Header fields as alternating names and values, names in their original case. Shared; never changed. */
export type Fields = readonly string[];

/**
 * `Connection: close` in the model: the engine reads and writes the header, layers in between carry this field, so that
 * the wish reaches the other end as it would without proxies.
 */
export const CONNECTION_FIELD = 'weft-connection';
/** Stands for `Upgrade` among the fields of an answer: what its server has chosen (101), or wants (426). */
export const UPGRADE_FIELD = 'weft-upgrade';

/** A request's first line and fields, its target taken apart (RFC 9112 section 3.2). */
export interface RequestHead {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** Path with query, `*`, or empty for CONNECT. */
  readonly path: string;
  /** Token of `Upgrade` (`websocket`); empty: none. */
  readonly protocol: string;
  /** Fields without Host and without those of the connection alone. */
  readonly fields: Fields;
  /** `HTTP/1.1` or `HTTP/1.0`, with `; absolute-form` where the target was a whole URI. */
  readonly version: string;
}

/** An answer's status, 100 to 599, and its fields without those of the connection alone. */
export interface ResponseHead {
  readonly status: number;
  readonly fields: Fields;
}

/** Hears one direction of one exchange. `bytes[start, end)` is valid only during the call. */
export interface StreamListener {
  onResponse(head: ResponseHead, end: boolean): void;
  onInformational(head: ResponseHead): void;
  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  onTrailers(fields: Fields): void;
  onReset(code: number): void;
  onSent(octets: number): void;
}

/** Hears nothing. */
export const DEAF: StreamListener = {
  onResponse() {},
  onInformational() {},
  onData() {},
  onTrailers() {},
  onReset() {},
  onSent() {},
};

/**
 * The transport under a connection, as for HTTP/2: `bytes[end, …)` is free for as much as was reserved, the writer
 * advances `end` and says `touch`; while it is `blocked`, bodies are held back until `onWritable`.
 */
export interface Wire {
  readonly bytes: Uint8Array;
  end: number;
  reserve(octets: number): void;
  readonly blocked: boolean;
  touch(): void;
  /** The engine holds so many octets more (below 0: fewer) until the wire takes them. */
  hold(octets: number): void;
  /** Sends what was written, then ends both directions. */
  close(): void;
  /** Sends what was written, then ends our direction alone. */
  finish(): void;
  /** Drops the connection at once, so that the peer cannot take it for an end. */
  reset(): void;
  /** Stops and goes on reading from the peer. */
  pause(): void;
  resume(): void;
}

// Reset codes, which are HTTP/2's (RFC 9113 section 7), so that one vocabulary serves both engines.

/** Nothing more is wanted, and nothing was wrong. */
export const NO_ERROR = 0x0;
export const PROTOCOL_ERROR = 0x1;
export const INTERNAL_ERROR = 0x2;
/** The request was not taken: sending it again is safe. */
export const REFUSED_STREAM = 0x7;
export const CANCEL = 0x8;
/** A client's listener: the answer cannot be read. None of the wire's codes, so that it is nobody else's word. */
export const MALFORMED_ANSWER = 0x1_0000;
