import * as h2 from './wire-vocabulary.ts';

/** What is wrong with a parameter of SETTINGS; the connection fails by it. */
export interface SettingFault {
  /** Error code, RFC 9113 section 7. */
  readonly code: number;
  readonly reason: string;
}

/**
 * What the peer has told of itself by SETTINGS; the initial values until then.
 *
 * Spec: RFC 9113 section 6.5, RFC 8441 section 3.
 */
export class PeerSettings {
  readonly #isServer: boolean;
  /** Its first SETTINGS have come. */
  received = false;
  /** Octets that may be sent on a new stream. */
  initialWindow = h2.DEFAULT_WINDOW;
  /** Streams that we may have open at once. One until SETTINGS come: what goes beyond its limit the peer refuses. */
  maxConcurrentStreams = 1;

  /** @param isServer the peer is one */
  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  /** SETTINGS have come: their parameters follow. */
  begin(): void {
    if (!this.received) this.maxConcurrentStreams = CONCURRENT_STREAMS_UNSAID;
    this.received = true;
  }

  /** Takes a parameter; unknown ones are ignored. @returns what is wrong with it; null: nothing */
  take(id: number, value: number): SettingFault | null {
    switch (id) {
      case h2.SETTINGS_ENABLE_PUSH:
        return value > 1 || (this.#isServer && value === 1) ? ENABLE_PUSH_INVALID : null;
      case h2.SETTINGS_MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = Math.min(value, h2.MAX_WINDOW);
        return null;
      case h2.SETTINGS_INITIAL_WINDOW_SIZE:
        if (value > h2.MAX_WINDOW) return INITIAL_WINDOW_INVALID;
        this.initialWindow = value;
        return null;
      case h2.SETTINGS_MAX_FRAME_SIZE:
        // We send frames of the smallest size that a peer may ask for.
        return value < h2.DEFAULT_MAX_FRAME_SIZE || value > h2.LARGEST_FRAME_SIZE ? MAX_FRAME_SIZE_INVALID : null;
      case h2.SETTINGS_ENABLE_CONNECT_PROTOCOL:
        return value > 1 ? ENABLE_CONNECT_PROTOCOL_INVALID : null;
    }
    return null;
  }
}

/** Of a peer that names no limit: the least that RFC 9113 section 6.5.2 recommends; more go on another connection. */
const CONCURRENT_STREAMS_UNSAID = 100;

const ENABLE_PUSH_INVALID = { code: h2.PROTOCOL_ERROR, reason: 'enable_push_invalid' };
const INITIAL_WINDOW_INVALID = { code: h2.FLOW_CONTROL_ERROR, reason: 'initial_window_invalid' };
const MAX_FRAME_SIZE_INVALID = { code: h2.PROTOCOL_ERROR, reason: 'max_frame_size_invalid' };
const ENABLE_CONNECT_PROTOCOL_INVALID = { code: h2.PROTOCOL_ERROR, reason: 'enable_connect_protocol_invalid' };
