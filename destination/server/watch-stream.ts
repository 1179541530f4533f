import {
  type ClientMessage,
  HEARTBEAT_INTERVAL_MS,
  INBOUND_TARGET,
  MAX_CLIENT_LINE_CHARACTERS,
  MAX_TARGETS,
  type ServerMessage,
  type TargetKey,
  WATCH_FEATURES,
  WATCH_VERSION,
} from '../../api/watch.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import { type MessageFault, parseClientMessage } from './client-message.ts';
import { LineReader } from './line-reader.ts';
import type { Workload } from './peer.ts';
import type { Publication, Subscriber } from './publication.ts';
import { lineOf, type Publisher } from './publisher.ts';

/** Where a stream's lines go. */
export interface Outlet {
  /** @returns false when the reader is behind; then nothing more is written before {@link WatchStream.onDrain} */
  write(line: Buffer | string): boolean;
  /** Ends the stream after what was written. */
  end(): void;
}

/** What a stream tells those who count. */
export interface StreamObserver {
  onEnd(stream: WatchStream, reason: string): void;
  /** A reader was so far behind that it is never told of one version of a target. */
  onSkip(): void;
  /** A proxy refuses a version; told once per version and target. */
  onNack(stream: WatchStream, target: TargetKey, version: string, reason: string): void;
}

/** What a proxy said of one target. */
export interface TargetStatus {
  readonly target: TargetKey;
  /** Version that it was sent last; empty: none yet. */
  readonly sent: string;
  /** Version that it applied last; empty: none yet. */
  readonly applied: string;
  /** Version that it refused last and why; null once it has applied a later one. */
  readonly refused: { readonly version: string; readonly reason: string } | null;
}

/**
 * One proxy's stream: what it asked for, what it was sent, what it applied.
 *
 * Nothing is queued for a reader that is behind: it is *owed* targets, at most one entry each, and when it reads on it
 * gets the newest state of each, as a step where it holds the version before and whole otherwise. So a slow reader
 * costs the others nothing and memory for one message.
 */
export class WatchStream implements Subscriber {
  readonly workload: Workload;
  readonly #outlet: Outlet;
  readonly #publisher: Publisher;
  readonly #common: readonly Publication[];
  readonly #clock: Clock;
  readonly #observer: StreamObserver;
  readonly #lines = new LineReader(MAX_CLIENT_LINE_CHARACTERS);
  readonly #subscriptions = new Map<Publication, Subscription>();
  readonly #byTarget = new Map<TargetKey, Subscription>();
  readonly #owed = new Set<Subscription>();
  #resume: Readonly<Record<TargetKey, string>> | null = null;
  #isBehind = false;
  #isEnded = false;
  #heardAt: number;
  #wroteAt: number;
  #heartbeat: Timer;
  /** When the next heartbeat is due, monotonic milliseconds. */
  #beatAt: number;

  constructor(options: {
    workload: Workload;
    outlet: Outlet;
    publisher: Publisher;
    /** What every proxy is told without asking, in this order. */
    common: readonly Publication[];
    clock: Clock;
    observer: StreamObserver;
  }) {
    this.workload = options.workload;
    this.#outlet = options.outlet;
    this.#publisher = options.publisher;
    this.#common = options.common;
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#heardAt = this.#clock.monotonic();
    this.#wroteAt = this.#heardAt;
    this.#beatAt = this.#heardAt + HEARTBEAT_INTERVAL_MS;
    this.#heartbeat = this.#clock.after(HEARTBEAT_INTERVAL_MS, () => this.#beat());
  }

  /** Octets from the client, as text. A line that is no message of the contract ends the stream with an `error`. */
  onText(text: string): void {
    if (this.#isEnded) return;
    this.#heardAt = this.#clock.monotonic();
    const isWithinBounds = this.#lines.read(text, (line) => {
      this.#receive(parseClientMessage(line));
      return !this.#isEnded;
    });
    if (!isWithinBounds) {
      this.#refuse({
        reason: 'message_malformed',
        message: `a line is longer than ${MAX_CLIENT_LINE_CHARACTERS} characters`,
      });
    }
  }

  /** The reader has caught up. */
  onDrain(): void {
    this.#isBehind = false;
    this.#pay();
  }

  onPublish(publication: Publication): void {
    const subscription = this.#subscriptions.get(publication);
    if (!subscription || this.#isEnded) return;
    if (this.#owed.has(subscription)) this.#observer.onSkip();
    this.#owed.add(subscription);
    this.#pay();
  }

  onMoved(publication: Publication): void {
    const subscription = this.#subscriptions.get(publication);
    if (!subscription || this.#isEnded) return;
    const { target } = publication;
    this.#unsubscribe(target);
    this.#subscribe(target, subscription.applied);
  }

  /** Ends the stream; `reason` is for log and metric. */
  end(reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#heartbeat.cancel();
    for (const publication of this.#subscriptions.keys()) this.#leave(publication);
    this.#outlet.end();
    this.#observer.onEnd(this, reason);
  }

  /** What the proxy was sent and has applied, by target. */
  status(): readonly TargetStatus[] {
    return [...this.#byTarget].map(([target, { sent, applied, refused }]) => ({ target, sent, applied, refused }));
  }

  #receive(message: ClientMessage | MessageFault): void {
    if ('message' in message) this.#refuse(message);
    else if (message.type === 'hello') this.#greet(message.resume);
    else if (this.#resume === null)
      this.#refuse({ reason: 'hello_missing', message: 'the first message must be a hello' });
    else this.#follow(message, this.#resume);
  }

  #follow(message: Exclude<ClientMessage, { type: 'hello' }>, resume: Readonly<Record<TargetKey, string>>): void {
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(message.target, message.version ?? resume[message.target] ?? '');
        break;
      case 'unsubscribe':
        this.#unsubscribe(message.target);
        break;
      case 'ack':
        this.#acknowledge(message.target, message.version);
        break;
      case 'nack':
        this.#onNack(message.target, message.version, message.reason);
        break;
      case 'heartbeat':
        break;
    }
  }

  #greet(resume: Readonly<Record<TargetKey, string>>): void {
    if (this.#resume !== null) {
      this.#refuse({ reason: 'message_malformed', message: 'a second hello' });
      return;
    }
    this.#resume = resume;
    this.#write(lineOf({ type: 'hello', version: WATCH_VERSION, features: WATCH_FEATURES }));
    for (const publication of this.#common) this.#byTarget.set(publication.target, this.#join(publication, ''));
    const inbound = this.#join(this.#publisher.inbound(this.workload), resume[INBOUND_TARGET] ?? '');
    this.#byTarget.set(INBOUND_TARGET, inbound);
  }

  /** A second subscription is answered like the first. */
  #subscribe(target: TargetKey, held: string): void {
    const existing = this.#byTarget.get(target);
    if (existing) this.#offer(existing, held);
    else if (this.#byTarget.size < MAX_TARGETS + this.#common.length) {
      const client = this.#publisher.placeOf(this.workload);
      this.#byTarget.set(target, this.#join(this.#publisher.outbound(target, client), held));
    } else if (!this.#isBehind) {
      const message = `a stream has at most ${MAX_TARGETS} targets`;
      this.#write(lineOf({ type: 'error', target, reason: 'too_many_targets', message }));
    }
  }

  #unsubscribe(target: TargetKey): void {
    const subscription = this.#byTarget.get(target);
    if (!subscription || target === INBOUND_TARGET || this.#common.includes(subscription.publication)) return;
    this.#byTarget.delete(target);
    this.#owed.delete(subscription);
    this.#leave(subscription.publication);
  }

  #acknowledge(target: TargetKey, version: string): void {
    const subscription = this.#byTarget.get(target);
    if (!subscription) return;
    subscription.applied = version;
    subscription.refused = null;
  }

  /** A proxy that could not take a step is sent the whole state, once. */
  #onNack(target: TargetKey, version: string, reason: string): void {
    const subscription = this.#byTarget.get(target);
    if (!subscription) return;
    const isNew = subscription.refused?.version !== version;
    subscription.refused = { version, reason };
    if (isNew) this.#observer.onNack(this, target, version, reason);
    if (subscription.steppedTo !== version) return;
    subscription.sent = '';
    this.#owed.add(subscription);
    this.#pay();
  }

  #join(publication: Publication, held: string): Subscription {
    const subscription: Subscription = { publication, sent: '', held: '', steppedTo: '', applied: '', refused: null };
    this.#subscriptions.set(publication, subscription);
    publication.subscribers.add(this);
    this.#offer(subscription, held);
    return subscription;
  }

  #leave(publication: Publication): void {
    this.#subscriptions.delete(publication);
    publication.subscribers.delete(this);
    this.#publisher.release(publication);
  }

  /** Owes the state, or the word that the proxy has it already. */
  #offer(subscription: Subscription, held: string): void {
    subscription.sent = '';
    subscription.held = held;
    this.#owed.add(subscription);
    this.#pay();
  }

  /** Sends what is owed until the reader is behind. */
  #pay(): void {
    for (const subscription of this.#owed) {
      if (this.#isBehind || this.#isEnded) return;
      this.#owed.delete(subscription);
      if (subscription.sent !== subscription.publication.version) this.#send(subscription);
    }
  }

  #send(subscription: Subscription): void {
    const { publication, sent, held } = subscription;
    const { version, target } = publication;
    const step = publication.step?.from === sent ? publication.step : null;
    subscription.sent = version;
    subscription.held = '';
    subscription.steppedTo = step ? version : '';
    if (held === version) {
      subscription.applied = version;
      this.#write(lineOf({ type: 'unchanged', target, version }));
    } else this.#write(step?.line ?? publication.line);
  }

  #write(line: Buffer | string): void {
    this.#wroteAt = this.#clock.monotonic();
    if (!this.#outlet.write(line)) this.#isBehind = true;
  }

  #refuse({ reason, message }: MessageFault): void {
    const error: ServerMessage = { type: 'error', target: null, reason, message };
    this.#write(lineOf(error));
    this.end(reason);
  }

  #beat(): void {
    const now = this.#clock.monotonic();
    // A process that was frozen has not read what came meanwhile: its own lateness is no silence of the client.
    const wasFrozen = now - this.#beatAt > HEARTBEAT_INTERVAL_MS;
    if (now - this.#heardAt >= 3 * HEARTBEAT_INTERVAL_MS && !wasFrozen) {
      this.end('silent');
      return;
    }
    if (!this.#isBehind && now - this.#wroteAt >= HEARTBEAT_INTERVAL_MS - BEAT_SLACK_MS) this.#write(HEARTBEAT);
    this.#beatAt = now + HEARTBEAT_INTERVAL_MS;
    this.#heartbeat = this.#clock.after(HEARTBEAT_INTERVAL_MS, () => this.#beat());
  }
}

interface Subscription {
  readonly publication: Publication;
  /** Version sent last; empty: none, or one that the proxy could not use. */
  sent: string;
  /** Version that the proxy says it holds from an earlier stream. */
  held: string;
  /** The version that the last step led to; empty: the last message was whole. */
  steppedTo: string;
  applied: string;
  refused: TargetStatus['refused'];
}

const HEARTBEAT = lineOf({ type: 'heartbeat' });
/** Timers fire a little early or late; silence of almost a whole interval counts as one, milliseconds. */
const BEAT_SLACK_MS = 100;
