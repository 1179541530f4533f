import { createHash } from 'node:crypto';

import { API_GROUP } from '../../api/names.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError } from '../../core/kubernetes/api-client.ts';
import type { Clock } from '../../core/time/clock.ts';
import { Allowance } from './allowance.ts';

/** What this file asks of the API server. */
export const EVENTS_ACCESS: readonly Access[] = [{ group: 'events.k8s.io', resource: 'events', verbs: ['create'] }];

/** An object that an Event tells about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Absent where the object does not exist yet. */
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
  readonly note: string;
}

/**
 * Writes Kubernetes Events, at most {@link BURST} at once and {@link PER_MINUTE} a minute.
 *
 * The name of an Event is made of what it says, so that the same thing said again, by this replica or another, is the
 * same Event until the API server forgets it after an hour.
 *
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
export class Events {
  readonly #api: Pick<ApiClient, 'create'>;
  readonly #clock: Clock;
  readonly #instance: string;
  readonly #onDropped: () => void;
  readonly #allowance: Allowance;

  /** @param settings.instance name of the pod that reports */
  constructor(settings: {
    readonly api: Pick<ApiClient, 'create'>;
    readonly clock: Clock;
    readonly instance: string;
    readonly onDropped: () => void;
  }) {
    this.#api = settings.api;
    this.#clock = settings.clock;
    this.#instance = settings.instance.slice(0, 128);
    this.#onDropped = settings.onDropped;
    this.#allowance = new Allowance(settings.clock, { burst: BURST, perMinute: PER_MINUTE });
  }

  /** Never throws. */
  async write({ subject, type = 'Warning', reason, action, note }: Notice): Promise<void> {
    if (!this.#allowance.take()) return this.#onDropped();
    const { namespace } = subject;
    const event = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${subject.name.slice(0, 200)}.${hash([subject, reason, note])}`, namespace },
      eventTime: new Date(this.#clock.now()).toISOString().replace(/Z$/, '000Z'),
      reportingController: `${API_GROUP}/webhook`,
      reportingInstance: this.#instance,
      action,
      reason,
      type,
      note: note.slice(0, MAX_NOTE_LENGTH),
      regarding: subject,
    };
    try {
      await this.#api.create(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`, event);
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) this.#onDropped();
    }
  }
}

/** 16 hexadecimal digits that tell notices apart. */
function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

const BURST = 20;
const PER_MINUTE = 20;
/** The API server refuses a longer one. */
const MAX_NOTE_LENGTH = 1024;
