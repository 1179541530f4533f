import * as tls from 'node:tls';

import {
  type ClientMessage,
  HEARTBEAT_INTERVAL_MS,
  type ServerMessage,
  type TargetKey,
  WATCH_FEATURES,
  WATCH_PATH,
  WATCH_VERSION,
} from '../../api/watch.ts';
import { Backoff } from '../../core/time/backoff.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import type { ProxyConfig } from '../config.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { MutualTls } from '../transport/mutual-tls.ts';
import { type Call, call } from './control-client.ts';

/** Who applies what destination says. */
export interface WatchListener {
  /** @returns null when the message was applied, or why it cannot be */
  onMessage(message: ServerMessage): string | null;
  /** Versions held now, by target: what a new stream resumes from. */
  held(): Readonly<Record<TargetKey, string>>;
}

/**
 * The stream to destination, kept open for as long as the process lives.
 *
 * While destination is away everything learned stays in use; the stream comes back with jittered back-off and resumes by
 * version.
 */
export class WatchClient {
  readonly #config: ProxyConfig;
  readonly #mutualTls: MutualTls;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listener: WatchListener;
  readonly #backoff = new Backoff({ minMs: 100, maxMs: 5000 });
  readonly #connectedGauge;
  readonly #reconnects;
  #call: Call | null = null;
  #established = false;
  /** Of the certificate that the present stream was begun with, milliseconds since the epoch. */
  #certificateEndsMs = 0;
  #buffer = '';
  #lastHeard = 0;
  #stopped = false;
  #isRenewing = false;
  #heartbeat: Timer | null = null;
  #retry: Timer | null = null;

  constructor(options: {
    config: ProxyConfig;
    mutualTls: MutualTls;
    clock: Clock;
    log: Log;
    metrics: Metrics;
    listener: WatchListener;
  }) {
    this.#config = options.config;
    this.#mutualTls = options.mutualTls;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#listener = options.listener;
    this.#connectedGauge = options.metrics.destinationConnected.with({});
    this.#reconnects = options.metrics.destinationStreams.with({});
  }

  /** Destination has said something on the present stream. */
  get isConnected(): boolean {
    return this.#established;
  }

  /** Connects as soon as there is a certificate, and again whenever the stream ends. */
  start(): void {
    this.#connect();
  }

  /** Ends the stream for good. */
  stop(): void {
    this.#stopped = true;
    this.#heartbeat?.cancel();
    this.#retry?.cancel();
    this.#call?.close();
  }

  /** Begins the stream anew with the certificate that is held now: destination knows the proxy by it. */
  renew(): void {
    this.#isRenewing = true;
    this.#call?.close();
    this.#isRenewing = false;
  }

  /** Asks for a target. While there is no stream nothing is sent: a new one asks for all that is held. */
  subscribe(target: TargetKey): void {
    if (this.#call) this.#send({ type: 'subscribe', target });
  }

  unsubscribe(target: TargetKey): void {
    if (this.#call) this.#send({ type: 'unsubscribe', target });
  }

  #connect(): void {
    const { credentials } = this.#mutualTls;
    if (!credentials) return this.#later();
    this.#reconnects.value++;
    this.#certificateEndsMs = credentials.notAfter;
    this.#buffer = '';
    this.#lastHeard = this.#clock.monotonic();
    const context = tls.createSecureContext({
      cert: credentials.chain,
      key: credentials.key,
      ca: credentials.trustBundle,
      minVersion: 'TLSv1.3',
    });
    const held = this.#listener.held();
    const first: ClientMessage[] = [{ type: 'hello', version: WATCH_VERSION, features: WATCH_FEATURES, resume: held }];
    for (const target of Object.keys(held)) {
      if (target !== 'inbound')
        first.push({ type: 'subscribe', target, ...(held[target] ? { version: held[target] } : {}) });
    }
    this.#call = call(
      this.#config.destinationServer,
      context,
      { path: WATCH_PATH, contentType: 'application/x-ndjson', body: first.map(line).join(''), last: false },
      {
        onHead: (status) => {
          if (status !== 200) this.#log.warn({ status }, 'destination refuses the watch');
        },
        onText: (text) => this.#receive(text),
        onEnd: (error) => this.#onEnd(error?.message ?? 'destination ended the stream'),
      },
    );
    this.#beat();
  }

  #onEnd(why: string): void {
    this.#call = null;
    this.#heartbeat?.cancel();
    this.#connectedGauge.value = 0;
    if (this.#stopped) return;
    if (this.#isRenewing) return this.#connect();
    // Destination ends a stream with the certificate that it was begun with; that is no fault.
    const hasExpired = this.#clock.now() >= this.#certificateEndsMs - CLOCK_SKEW_MS;
    const level = this.#established && !hasExpired ? 'warn' : 'debug';
    this.#log[level]({ why }, 'no stream to destination; serving on what is known');
    this.#established = false;
    this.#later();
  }

  #later(): void {
    if (!this.#stopped) this.#retry = this.#clock.after(this.#backoff.next(), () => this.#connect());
  }

  #beat(): void {
    this.#heartbeat?.cancel();
    this.#heartbeat = this.#clock.after(HEARTBEAT_INTERVAL_MS, () => {
      if (this.#clock.monotonic() - this.#lastHeard > 3 * HEARTBEAT_INTERVAL_MS) return this.#call?.close();
      this.#send({ type: 'heartbeat' });
      this.#beat();
    });
  }

  #send(message: ClientMessage): void {
    this.#call?.write(line(message));
  }

  #receive(text: string): void {
    this.#lastHeard = this.#clock.monotonic();
    const lines = (this.#buffer + text).split('\n');
    this.#buffer = lines.pop()!;
    for (const each of lines) if (each !== '') this.#message(each);
  }

  #message(text: string): void {
    let message: ServerMessage;
    try {
      message = JSON.parse(text) as ServerMessage;
    } catch {
      this.#log.error({ octets: text.length }, 'destination sent a line that is no JSON');
      return this.#call?.close();
    }
    if (!this.#established) {
      this.#established = true;
      this.#connectedGauge.value = 1;
      this.#backoff.reset();
      this.#log.info({}, 'connected to destination');
    }
    const refused = this.#listener.onMessage(message);
    if (!('version' in message) || message.type === 'hello' || message.type === 'unchanged') return;
    const { target, version } = message;
    this.#send(
      refused === null ? { type: 'ack', target, version } : { type: 'nack', target, version, reason: refused },
    );
    if (refused !== null) this.#log.error({ target, version, refused }, 'keeping the last good version');
  }
}

function line(message: ClientMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** By how much destination's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 1000;
