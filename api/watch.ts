import type { Revocations } from './revocations.ts';
import type { Endpoint, InboundConfig, OutboundTarget } from './routing.ts';

/**
 * `POST /v1/watch` of destination: one HTTP/2 stream per proxy over mutual TLS 1.3, newline-delimited JSON both ways
 * (`content-type: application/x-ndjson`), one message a line. A line of the proxy has at most
 * {@link MAX_CLIENT_LINE_CHARACTERS}; one of destination is as long as what it says of one target, without a bound.
 *
 * The workload is taken from the client certificate, never from a message.
 */
export const WATCH_PATH = '/v1/watch';
export const WATCH_VERSION = 1;

/** Distinct targets of one stream. linkerd2-proxy's discovery cache has no bound; a scanner of addresses would fill it. */
export const MAX_TARGETS = 10_000;
/**
 * UTF-16 units of a line from a proxy; a longer one ends the stream with `message_malformed`. A hello that resumes
 * {@link MAX_TARGETS} targets has about 700,000.
 */
export const MAX_CLIENT_LINE_CHARACTERS = 2 * 1024 * 1024;

/** Either side sends a heartbeat after this silence; three times as much silence ends the stream. Milliseconds. */
export const HEARTBEAT_INTERVAL_MS = 10_000;

/** Target key of the proxy's own inbound configuration, subscribed implicitly by `hello`. */
export const INBOUND_TARGET = 'inbound';

/** Target keys of what every proxy is told without asking: the roots to trust, and who is not trusted any more. */
export const TRUST_TARGET = 'trust';
export const REVOKED_TARGET = 'revoked';

/**
 * Target keys: `inbound`, `trust`, `revoked`, `<ip>:<port>`, `[<ipv6>]:<port>` (an original destination) or `<host>:<port>`
 * (a name: explicit-proxy mode).
 */
export type TargetKey = string;

/** Features that a proxy understands. A message names those it `requires`. */
export const WATCH_FEATURES = ['routes', 'splits', 'traffic-policy', 'access', 'request-authentication'] as const;

/**
 * What a proxy sends. `hello` comes first; every `snapshot`, `delta`, `inbound`, `trust` and `revoked` is answered with `ack`, or
 * with `nack` and why the last good version stays in use. `version` is {@link WATCH_VERSION} in a `hello` and that of a
 * target's state elsewhere.
 */
export type ClientMessage =
  | {
      readonly type: 'hello';
      readonly version: number;
      readonly features: readonly string[];
      /**
       * Versions already applied, so that a reconnecting proxy is sent only what changed. It subscribes nothing: each
       * target but {@link INBOUND_TARGET} needs its own `subscribe`, whose `version`, where it has one, takes precedence.
       */
      readonly resume: Readonly<Record<TargetKey, string>>;
    }
  | { readonly type: 'subscribe'; readonly target: TargetKey; readonly version?: string }
  | { readonly type: 'unsubscribe'; readonly target: TargetKey }
  | { readonly type: 'ack'; readonly target: TargetKey; readonly version: string }
  | { readonly type: 'nack'; readonly target: TargetKey; readonly version: string; readonly reason: string }
  | { readonly type: 'heartbeat' };

/**
 * What destination sends. `hello` comes first, then the trust bundle; states of a target come in order, each with a
 * version that is the same for the same state in every replica.
 */
export type ServerMessage =
  | { readonly type: 'hello'; readonly version: number; readonly features: readonly string[] }
  /** The whole state of a target; replaces what was known. `outbound: null`: nothing is known at this address. */
  | {
      readonly type: 'snapshot';
      readonly target: TargetKey;
      readonly version: string;
      readonly requires: readonly string[];
      readonly outbound: OutboundTarget | null;
    }
  /** Change of one endpoint set of a known target; `from` must be the version that the proxy holds. */
  | {
      readonly type: 'delta';
      readonly target: TargetKey;
      readonly version: string;
      readonly from: string;
      readonly backend: string;
      /** Added or replaced, by uid and port. Applied before `remove`. */
      readonly add: readonly Endpoint[];
      readonly remove: readonly string[];
    }
  | {
      readonly type: 'inbound';
      readonly target: typeof INBOUND_TARGET;
      readonly version: string;
      readonly requires: readonly string[];
      readonly inbound: InboundConfig;
    }
  /**
   * PEM of every root to trust, sent after `hello` and whenever it changes. A proxy whose certificate was made before
   * `renewIssuedBefore`, RFC 3339, asks for another soon; empty: each may keep its own.
   */
  | {
      readonly type: 'trust';
      readonly target: typeof TRUST_TARGET;
      readonly version: string;
      readonly bundle: string;
      readonly renewIssuedBefore: string;
    }
  /** Whom nobody trusts any more, sent after `trust` and whenever it changes. */
  | {
      readonly type: 'revoked';
      readonly target: typeof REVOKED_TARGET;
      readonly version: string;
      readonly revocations: Revocations;
    }
  /** The subscription is unchanged since the `version` that the proxy named. */
  | { readonly type: 'unchanged'; readonly target: TargetKey; readonly version: string }
  | { readonly type: 'error'; readonly target: TargetKey | null; readonly reason: string; readonly message: string }
  | { readonly type: 'heartbeat' };
