import { SETTINGS } from './config.ts';
import { type DiscoveryLimit, MOST_UNKNOWN } from './control/discovery.ts';
import { MAX_EXTENSION_BYTES, MAX_EXTENSIONS_BYTES } from './http1/body-reader.ts';
import { MAX_EMPTY_LINES, MAX_HEAD_BYTES, MAX_HEADER_FIELDS } from './http1/head-reader.ts';
import { DEFAULT_CONNECTION_OPTIONS } from './http2/connection-options.ts';
import * as flood from './http2/flood-guard.ts';
import { MOST_OPENING } from './transport/arrivals.ts';
import { type HandshakeLimit, MOST_HANDSHAKES } from './transport/handshakes.ts';
import type { HttpLimit } from './transport/http-server.ts';

/** What a peer can exceed, as `weft_limit_exceeded_total` names it. */
export type LimitToken = HttpLimit | HandshakeLimit | DiscoveryLimit | 'connection_limit';

/** A bound on what a peer can cost. */
export interface Limit {
  readonly what: string;
  /** With its unit. */
  readonly bound: string;
  readonly reason: string;
  /** Variable that changes it; empty: none. */
  readonly variable: string;
  /** What happens above it. */
  readonly consequence: string;
}

const { maxConcurrentStreams, streamWindow, maxHeaderListSize, maxHeaderFields } = DEFAULT_CONNECTION_OPTIONS;
const GOAWAY = 'GOAWAY ENHANCE_YOUR_CALM';
const BUDGET = SETTINGS.floodBudget.name;

function spends(what: string, price: number, reason: string): Limit {
  return {
    what,
    bound: `${price} of the budget each`,
    reason,
    variable: BUDGET,
    consequence: `${GOAWAY} when it is spent`,
  };
}

/** Every limit by its token. docs/reference/limits.md is made from it. */
export const LIMITS: Readonly<Record<LimitToken, Limit>> = {
  connection_limit: {
    what: 'connections of a listener',
    bound: `${SETTINGS.maxConnections.fallback!}; inbound, addresses share them fairly, and ${MOST_OPENING} may be such that it is not known yet what they carry`,
    reason:
      'servers of WebSockets and streams hold 10,000; at rest each takes 7 KiB in plaintext and 63 KiB with mutual TLS (make bench CASE=connections-10000), so a pod that grants its proxy little memory sets less',
    variable: SETTINGS.maxConnections.name,
    consequence: 'closed as it comes, or the oldest that has said nothing yet of the address that has most of those',
  },
  tls_connection_limit: {
    what: 'inbound connections with mutual TLS',
    bound:
      'two fifths of the container’s memory limit, 64 KiB each: 1638 of 256 MiB; without a limit as many as connections',
    reason: 'they take nine times what others do; a peer opens one for 250 requests at a time',
    variable: '',
    consequence: 'closed as it comes',
  },
  handshake_limit: {
    what: 'handshakes under way, inbound',
    bound: `${MOST_HANDSHAKES}, which addresses share fairly`,
    reason: 'each takes some 80 KiB until it is done, which takes a millisecond of ours and a round trip',
    variable: '',
    consequence: 'the oldest of the address that has most is reset',
  },
  unknown_target_limit: {
    what: 'addresses and names that the application goes to and destination knows nothing of, or has not answered for',
    bound: `${MOST_UNKNOWN}, for ten minutes after their last use, and as long as destination is away`,
    reason: 'each takes 400 bytes here and a subscription there; a crawler or a scan goes to any number',
    variable: '',
    consequence: 'the one that was used the longest ago is asked for again when it is used',
  },
  handshake_timeout: {
    what: 'a handshake from its ClientHello to its end',
    bound: '10s',
    reason: 'two round trips; losing one packet thrice over costs 7 s',
    variable: '',
    consequence: 'closed',
  },
  stream_limit: {
    what: 'streams of an HTTP/2 connection',
    bound: `${maxConcurrentStreams}`,
    reason: `with windows of ${streamWindow} bytes a connection holds 16 MiB at most`,
    variable: '',
    consequence: 'RST_STREAM REFUSED_STREAM; the client may send it again',
  },
  rapid_reset: {
    ...spends(
      'requests that their client resets',
      flood.PRICE_OF_RESET - flood.WORTH_OF_STREAM,
      'a client may cancel every second call for ever, and, as often as it likes, whatever it has waited for',
    ),
    bound: `${flood.PRICE_OF_RESET - flood.WORTH_OF_STREAM} of the budget each, less the longer it was under way: nothing after ${flood.RIPE_MS} ms, after ${flood.RIPE_OF_PEER_MS} ms between proxies`,
  },
  stream_error_flood: {
    what: 'streams that we reset for their client’s fault, or refuse',
    bound: `${flood.PRICE_OF_RESET - flood.WORTH_OF_STREAM} of the budget each, ${flood.PRICE_OF_REFUSAL} of one that did not begin`,
    reason: 'the same work as a reset by the client, so it must not be cheaper',
    variable: BUDGET,
    consequence: `${GOAWAY} when it is spent`,
  },
  ping_flood: spends(
    'PING',
    flood.PRICE_OF_FRAME,
    `gRPC sends one for each read at most, and a DATA frame from us earns ${flood.WORTH_OF_DATA}; an answer that is not read costs ${flood.PRICE_OF_UNREAD_REPLY}`,
  ),
  settings_flood: spends(
    'SETTINGS, and 1 for each parameter',
    flood.PRICE_OF_SETTINGS,
    'clients send a few in the life of a connection; each is answered and looks at every stream',
  ),
  priority_flood: spends('PRIORITY', flood.PRICE_OF_FRAME, 'browsers send a handful a request'),
  window_update_flood: spends(
    'WINDOW_UPDATE',
    flood.PRICE_OF_FRAME,
    'two and a PING for each DATA frame are ordinary; frames that a tiny window cut short earn nothing',
  ),
  empty_frame_flood: spends('DATA without data or END_STREAM', flood.PRICE_OF_FRAME, 'no client needs any'),
  useless_frame_flood: spends(
    'unknown frames, and frames for streams that are over',
    flood.PRICE_OF_FRAME,
    'some are under way when a stream ends; extensions send one a request',
  ),
  continuation_flood: {
    what: 'a header block in pieces',
    bound: `${maxHeaderListSize + 16_384} bytes, no empty piece; ${flood.PRICE_OF_CONTINUATION} of the budget each`,
    reason: 'a header list that we accept has five pieces at most',
    variable: BUDGET,
    consequence: GOAWAY,
  },
  header_bomb: {
    what: 'a header block that stands for more than it is',
    bound: `${4 * maxHeaderListSize} bytes decoded`,
    reason: 'four times what is accepted; below it the client learns by 431',
    variable: '',
    consequence: GOAWAY,
  },
  header_list_too_large: {
    what: 'an HTTP/2 header list',
    bound: `${maxHeaderListSize} bytes, ${maxHeaderFields} fields; ${flood.PRICE_OF_LARGE_HEADERS} of the budget each`,
    reason: 'as HTTP/1’s',
    variable: '',
    consequence: '431; of an answer: stream error',
  },
  head_too_large: {
    what: 'an HTTP/1 head, or the trailers of a body',
    bound: `${MAX_HEAD_BYTES} bytes`,
    reason: 'what the largest known applications send',
    variable: '',
    consequence: '431 and the connection closes',
  },
  header_fields_too_many: {
    what: 'fields of an HTTP/1 head',
    bound: `${MAX_HEADER_FIELDS}`,
    reason: 'Apache, Tomcat and Envoy take 100',
    variable: '',
    consequence: '431 and the connection closes',
  },
  empty_line_flood: {
    what: 'empty lines before an HTTP/1 request',
    bound: `${MAX_EMPTY_LINES}`,
    reason: 'old clients send one after a body',
    variable: '',
    consequence: '400 and the connection closes',
  },
  chunk_extension_too_large: {
    what: 'chunk extensions',
    bound: `${MAX_EXTENSION_BYTES} bytes a chunk, ${MAX_EXTENSIONS_BYTES} a body`,
    reason: 'nobody uses them',
    variable: '',
    consequence: '400 and the connection closes',
  },
  header_timeout: {
    what: 'a head, a frame or a header block from its first byte to its last',
    bound: SETTINGS.headerTimeout.fallback!,
    reason: 'it fits a few packets; losing one of them thrice over costs 7 s',
    variable: SETTINGS.headerTimeout.name,
    consequence: `408; HTTP/2: ${GOAWAY}`,
  },
  body_timeout: {
    what: 'a pause within a body of declared length, while the client may send',
    bound: SETTINGS.bodyTimeout.fallback!,
    reason: 'as nginx; bodies of unknown length (gRPC, chunks) may be live, and have no limit',
    variable: SETTINGS.bodyTimeout.name,
    consequence: '408; HTTP/2: the stream is reset',
  },
  stall_timeout: {
    what: 'a client that takes nothing of what waits for it',
    bound: SETTINGS.stallTimeout.fallback!,
    reason: 'a slow consumer may pause a stream, and one window of memory waits for it; as Envoy',
    variable: SETTINGS.stallTimeout.name,
    consequence: 'the stream is reset; where the socket is not read: the connection',
  },
};
