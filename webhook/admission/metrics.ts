import { ProgramMetrics } from '../../core/metrics/program-metrics.ts';
import type { ServerLimit } from '../../core/program/server-limits.ts';
import type { ReviewOutcome } from './review-outcome.ts';

/** Metrics of the webhook. Reviews are counted as they are answered; the gauges show what was last set here. */
export class WebhookMetrics {
  readonly #metrics = new ProgramMetrics('weft_webhook_');
  readonly registry = this.#metrics.registry;
  /** The labels come from closed sets of our own words. */
  readonly #reviews = this.#metrics.counter('reviews_total', 'Admission reviews answered.', [
    'path',
    'outcome',
    'reason',
  ]);
  readonly #malformed = this.#metrics.counter('reviews_malformed_total', 'Requests that were no admission review.');
  readonly #unavailable = this.#metrics.counter(
    'reviews_unavailable_total',
    'Reviews left to the failure policy because the namespace could not be looked up.',
  );
  readonly #duration = this.#metrics.histogram(
    'review_duration_seconds',
    'Time to answer a review.',
    DURATION_BUCKETS_SECONDS,
  );
  readonly eventsWritten = this.#metrics.counter('events_written_total', 'Kubernetes Events written about pods.');
  readonly eventsDropped = this.#metrics.counter(
    'events_dropped_total',
    'Kubernetes Events left out: too many, or refused.',
  );
  /** Pods that should have a proxy and have none, as last counted. */
  uninjectedPods = 0;
  /** When the serving certificate expires, milliseconds since the epoch. */
  certificateNotAfter = 0;

  constructor() {
    this.#metrics.readGauge(
      'uninjected_pods',
      'Pods that should have a proxy and have none.',
      () => this.uninjectedPods,
    );
    this.#metrics.readGauge(
      'certificate_expiry_timestamp_seconds',
      'When the serving certificate expires, seconds since the epoch.',
      () => this.certificateNotAfter / 1000,
    );
  }

  reviewed(path: string, { outcome, reason }: ReviewOutcome, seconds: number): void {
    this.#reviews.inc({ path, outcome, reason });
    this.#duration.observe(seconds);
  }

  /** Counts that a client of one of the servers has exceeded a limit. */
  exceeded(limit: ServerLimit): void {
    this.#metrics.exceeded(limit);
  }

  malformed(): void {
    this.#malformed.inc();
  }

  unavailable(): void {
    this.#unavailable.inc();
  }
}

/** From a cached namespace to the API server's patience of 5 s. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
