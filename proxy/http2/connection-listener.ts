import type { RequestHead, StreamListener } from './message.ts';
import type { Stream } from './stream.ts';

/** What a peer can exceed; `header_list_too_large` and `stream_limit` cost it the stream alone. */
export type Http2Limit =
  | 'rapid_reset'
  | 'stream_error_flood'
  | 'continuation_flood'
  | 'empty_frame_flood'
  | 'ping_flood'
  | 'settings_flood'
  | 'priority_flood'
  | 'window_update_flood'
  | 'useless_frame_flood'
  | 'header_bomb'
  | 'header_list_too_large'
  | 'stream_limit'
  | 'header_timeout'
  | 'body_timeout'
  | 'stall_timeout';

/** Hears what concerns the connection as a whole. */
export interface ConnectionListener {
  /** Server: a request has arrived. Must return who listens to its stream. */
  onRequest(stream: Stream, head: RequestHead, end: boolean): StreamListener;
  /** The peer opens no more streams (GOAWAY), or takes no more. Client: open no more streams here. */
  onGoAway(): void;
  /** A stream has ended: the last one may be gone. */
  onStreamEnd(): void;
  /** Client: `hasRoom` may hold where it did not: a stream has ended, or the peer's settings have come. */
  onRoom(): void;
  /** Our PING came back. @param roundTripMs how long it took, milliseconds */
  onPong(roundTripMs: number): void;
  /** The peer has exceeded a limit. Told once for each time, before what follows from it. */
  onLimit(limit: Http2Limit): void;
  /** The connection failed: GOAWAY was sent if it is our verdict. Every stream has been reset. */
  onFailed(code: number, reason: string): void;
}
