import { createHash } from 'node:crypto';

import { API_GROUP } from '../../api/names.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import type { ApiClient } from '../../core/kubernetes/api-client.ts';
import type { Clock } from '../../core/time/clock.ts';
import { KINDS, type Kind } from '../objects/kinds.ts';
import { formatRef } from '../objects/object-ref.ts';
import { formatProblem } from '../objects/problem.ts';
import type { Report } from '../objects/reports.ts';

/** What this file asks of the API server. */
export const EVENT_WRITER_ACCESS: readonly Access[] = [
  { group: 'events.k8s.io', resource: 'events', verbs: ['create'] },
];

/** What becomes of Events, for metrics. */
export interface EventObserver {
  onWritten(): void;
  /** Too many at once, or refused by the API server. */
  onDropped(reason: string): void;
}

/**
 * Tells the owner of an object about its faults with Kubernetes Events, so that `kubectl describe` shows them.
 *
 * Events are only ever created, at most {@link BURST} at once and {@link PER_MINUTE} a minute on average; their name is
 * made of the fault, so that replicas and restarts do not repeat one another while the first still stands (an hour).
 *
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
export class EventWriter {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #observer: EventObserver;
  readonly #instance: string;
  #allowance = BURST;
  #allowedAt: number;

  /** @param instance name of the pod that reports */
  constructor(options: { client: ApiClient; clock: Clock; instance: string; observer: EventObserver }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#instance = options.instance;
    this.#observer = options.observer;
    this.#allowedAt = this.#clock.monotonic();
  }

  /** Writes the Event of a report, unless that would be too many. Resolves when it is done; throws never. */
  async write(report: Report): Promise<void> {
    if (!report.object) return;
    if (!this.#isAllowed()) {
      this.#observer.onDropped('rate limit');
      return;
    }
    const event = eventOf(report, { now: new Date(this.#clock.now()), instance: this.#instance });
    try {
      await this.#client.create(`/apis/events.k8s.io/v1/namespaces/${event.metadata.namespace}/events`, event);
      this.#observer.onWritten();
    } catch (error) {
      const { reason, message } = error as { reason?: string; message: string };
      if (reason !== 'AlreadyExists') this.#observer.onDropped(message);
    }
  }

  #isAllowed(): boolean {
    const now = this.#clock.monotonic();
    this.#allowance = Math.min(BURST, this.#allowance + ((now - this.#allowedAt) / 60_000) * PER_MINUTE);
    this.#allowedAt = now;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}

/** The Event (events.k8s.io/v1) of a report about an object. */
export function eventOf(report: Report, by: { readonly now: Date; readonly instance: string }) {
  const { kind, namespace, name } = report.object!;
  const note = formatProblem(report);
  const definition = Object.hasOwn(KINDS, kind) ? KINDS[kind as Kind] : null;
  const id = createHash('sha256')
    .update(`${formatRef(report.object!)} ${note}`)
    .digest('hex')
    .slice(0, 16);
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    // Events about objects without a namespace stand in `default`.
    metadata: { name: `${name.slice(0, 200)}.${id}`, namespace: namespace || 'default' },
    eventTime: by.now.toISOString().replace(/\.(\d{3})Z$/, '.$1000Z'),
    reportingController: `${API_GROUP}/destination`,
    reportingInstance: by.instance.slice(0, 128),
    action: 'Translate',
    reason: 'Misconfigured',
    type: 'Warning',
    note: note.slice(0, MAX_NOTE_CHARACTERS),
    regarding: {
      kind,
      name,
      ...(namespace && { namespace }),
      ...(definition && {
        apiVersion: definition.group ? `${definition.group}/${definition.versions[0]}` : definition.versions[0],
      }),
    },
  };
}

const BURST = 20;
const PER_MINUTE = 20;
/** The API server refuses a longer one. */
const MAX_NOTE_CHARACTERS = 1024;
