/**
 * What both HTTP engines say to the layers above. HTTP/1's is the same in shape; each engine spells its own, because
 * neither imports anything.
 */

/** Header fields as alternating names and values: `['accept', 'x', 'te', 'trailers']`. Shared; never changed. */
export type Fields = readonly string[];

/** Pseudo-header fields and fields of a request (RFC 9113 section 8.3.1), empty where one is absent. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** Path with query; empty for CONNECT without a protocol. */
  readonly path: string;
  /** Token of an upgrade (`websocket`): HTTP/1 `Upgrade`, HTTP/2 extended CONNECT (RFC 8441). Empty: none. */
  readonly protocol: string;
  readonly fields: Fields;
}

/** Status and fields of an answer (RFC 9113 section 8.3.2). */
export interface ResponseHead {
  /** 100 to 599. An accepted upgrade is 101 in either protocol. */
  readonly status: number;
  readonly fields: Fields;
}

/** Hears one direction of one exchange. `bytes[start, end)` is valid only during the call. */
export interface StreamListener {
  /** The final answer's head; `end`: no body follows. Clients only. */
  onResponse(head: ResponseHead, end: boolean): void;
  /** A 1xx answer other than 101. Clients only. */
  onInformational(head: ResponseHead): void;
  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  onTrailers(fields: Fields): void;
  /** The stream is over before its time. Nothing is called after it. */
  onReset(code: number): void;
  /** Octets that `sendData` had to queue have left. */
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

/** The transport under a connection: room to write into, and what happens to it. */
export interface Wire {
  /** The slab being written; `bytes[end, end + n)` is free after `reserve(n)`. The writer advances `end`. */
  readonly bytes: Uint8Array;
  end: number;
  /** Makes room for `octets` (at most 20,000), by another slab if need be. */
  reserve(octets: number): void;
  /** Copies `bytes[start, end)` to `this.bytes` from `at` on, where there is room. The host can do so without a view. */
  copy(bytes: Uint8Array, start: number, end: number, at: number): void;
  /** The peer takes no more for now: hold DATA back until `onWritable`. */
  readonly blocked: boolean;
  /** Octets were written: send them at the end of this turn. */
  touch(): void;
  /** The engine holds so many octets more (below 0: fewer) until a window or the wire takes them. */
  hold(octets: number): void;
  /** Sends what was written, then closes. */
  close(): void;
}
