import { createHash } from 'node:crypto';

import { API_GROUP } from '../../api/names.ts';
import { Allowance } from '../time/allowance.ts';
import type { Clock } from '../time/clock.ts';
import type { Access } from './access.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import { apiPath } from './api-path.ts';

/** What this file asks of the API server. */
export const EVENT_WRITER_ACCESS: readonly Access[] = [
  { group: 'events.k8s.io', resource: 'events', verbs: ['create'] },
];

/** An object that an Event tells about. */
export interface EventSubject {
  /** Absent: not known. */
  readonly apiVersion?: string;
  readonly kind: string;
  /** Empty for kinds without a namespace; Events about them stand in `default`. */
  readonly namespace: string;
  readonly name: string;
  /** Absent where the object does not exist yet, or it is not known. */
  readonly uid?: string;
}

/** Something that the owner of an object should hear of. */
export interface Notice {
  readonly subject: EventSubject;
  /** `Warning` unless given. */
  readonly type?: 'Normal' | 'Warning';
  /** CamelCase word, e.g. `InjectionSkipped`. */
  readonly reason: string;
  readonly action: string;
  /** A sentence; what is beyond 1,024 characters is cut off. */
  readonly note: string;
}

/** What becomes of Events, for metrics. */
export interface EventObserver {
  onWritten(): void;
  /** Too many at once, or refused by the API server. */
  onDropped(reason: string): void;
}

/**
 * Tells the owners of objects by Kubernetes Events, so that `kubectl describe` shows it: at most {@link BURST} at once and
 * {@link PER_MINUTE} a minute on average.
 *
 * Events are only ever created. The name of one is made of what it says, so that the same thing said again, by this replica
 * or another, before a restart or after, is the same Event until the API server forgets it (an hour).
 *
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
export class EventWriter {
  readonly #api: Pick<ApiClient, 'create'>;
  readonly #clock: Clock;
  readonly #reporter: { readonly reportingController: string; readonly reportingInstance: string };
  readonly #observer: EventObserver;
  readonly #allowance: Allowance;

  /** @param settings.program that reports, `destination`; `instance` is the name of its pod */
  constructor(settings: {
    readonly api: Pick<ApiClient, 'create'>;
    readonly clock: Clock;
    readonly program: string;
    readonly instance: string;
    readonly observer: EventObserver;
  }) {
    this.#api = settings.api;
    this.#clock = settings.clock;
    this.#reporter = {
      reportingController: `${API_GROUP}/${settings.program}`,
      reportingInstance: settings.instance.slice(0, MAX_INSTANCE_CHARACTERS),
    };
    this.#observer = settings.observer;
    this.#allowance = new Allowance(settings.clock, { burst: BURST, perMinute: PER_MINUTE });
  }

  /** Writes the Event of a notice, unless that would be too many. Resolves when it is done; throws never. */
  async write(notice: Notice): Promise<void> {
    if (!this.#allowance.take()) {
      this.#observer.onDropped('rate limit');
      return;
    }
    const event = { ...eventOf(notice, new Date(this.#clock.now())), ...this.#reporter };
    try {
      await this.#api.create(apiPath`/apis/events.k8s.io/v1/namespaces/${event.metadata.namespace}/events`, event);
      this.#observer.onWritten();
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists'))
        this.#observer.onDropped((error as Error).message);
    }
  }
}

/** The Event (events.k8s.io/v1) of a notice, without who reports it. */
function eventOf({ subject, type = 'Warning', reason, action, note }: Notice, now: Date) {
  const { namespace, ...regarding } = subject;
  const said = JSON.stringify([subject, reason, note]);
  const id = createHash('sha256').update(said).digest('hex').slice(0, 16);
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `${subject.name.slice(0, 200)}.${id}`, namespace: namespace || 'default' },
    eventTime: now.toISOString().replace(/\.(\d{3})Z$/, '.$1000Z'),
    action,
    reason,
    type,
    note: note.slice(0, MAX_NOTE_CHARACTERS),
    regarding: { ...regarding, ...(namespace && { namespace }) },
  };
}

const BURST = 20;
const PER_MINUTE = 20;
/** The API server refuses longer ones. */
const MAX_NOTE_CHARACTERS = 1024;
const MAX_INSTANCE_CHARACTERS = 128;
