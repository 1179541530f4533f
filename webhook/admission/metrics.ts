import type { ReviewOutcome } from './review-outcome.ts';

/** Counters of the webhook, printed in the Prometheus text format 0.0.4. */
export class WebhookMetrics {
  /** By `path`, `outcome` and `reason`: closed sets of our own words. */
  readonly #reviews = new Map<string, number>();
  readonly #buckets = DURATION_BUCKETS_SECONDS.map(() => 0);
  #durationSeconds = 0;
  #count = 0;
  #malformed = 0;
  #unavailable = 0;
  #events = 0;
  /** Pods that should have a proxy and have none, as last counted. */
  uninjectedPods = 0;
  /** When the serving certificate expires, milliseconds since the epoch. */
  certificateNotAfter = 0;

  reviewed(path: string, { outcome, reason }: ReviewOutcome, seconds: number): void {
    const labels = `{path="${path}",outcome="${outcome}",reason="${reason}"}`;
    this.#reviews.set(labels, (this.#reviews.get(labels) ?? 0) + 1);
    this.#durationSeconds += seconds;
    this.#count++;
    for (const [at, bound] of DURATION_BUCKETS_SECONDS.entries()) if (seconds <= bound) this.#buckets[at]!++;
  }

  malformed(): void {
    this.#malformed++;
  }

  unavailable(): void {
    this.#unavailable++;
  }

  eventDropped(): void {
    this.#events++;
  }

  /** The whole page of /metrics. */
  toText(): string {
    const { user, system } = process.cpuUsage();
    return [
      ...family('weft_webhook_reviews_total', 'counter', 'Admission reviews answered.', [...this.#reviews]),
      ...family('weft_webhook_reviews_malformed_total', 'counter', 'Requests that were no admission review.', [
        ['', this.#malformed],
      ]),
      ...family(
        'weft_webhook_reviews_unavailable_total',
        'counter',
        'Reviews left to the failure policy because the namespace could not be looked up.',
        [['', this.#unavailable]],
      ),
      ...family('weft_webhook_review_duration_seconds', 'histogram', 'Time to answer a review.', [
        ...DURATION_BUCKETS_SECONDS.map((bound, at) => [`_bucket{le="${bound}"}`, this.#buckets[at]!] as const),
        ['_bucket{le="+Inf"}', this.#count],
        ['_sum', this.#durationSeconds],
        ['_count', this.#count],
      ]),
      ...family('weft_webhook_events_dropped_total', 'counter', 'Events that were too many or could not be written.', [
        ['', this.#events],
      ]),
      ...family('weft_webhook_uninjected_pods', 'gauge', 'Pods that should have a proxy and have none.', [
        ['', this.uninjectedPods],
      ]),
      ...family(
        'weft_webhook_certificate_expiry_timestamp_seconds',
        'gauge',
        'When the serving certificate expires, seconds since the epoch.',
        [['', this.certificateNotAfter / 1000]],
      ),
      ...family('process_start_time_seconds', 'gauge', 'Start time of the process since unix epoch in seconds.', [
        ['', Math.round(performance.timeOrigin) / 1000],
      ]),
      ...family('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', [
        ['', process.memoryUsage.rss()],
      ]),
      ...family('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', [
        ['', (user + system) / 1e6],
      ]),
      '',
    ].join('\n');
  }
}

/** Lines of one metric family; `samples` are pairs of what follows the name and a value. */
function family(
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  help: string,
  samples: readonly (readonly [suffix: string, value: number])[],
): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([suffix, value]) => `${name}${suffix} ${value}`),
  ];
}

/** From a cached namespace to the API server's patience of 5 s. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
