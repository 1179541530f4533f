import { KINDS, type Kind } from '../translate/kinds/kinds.ts';
import type { Reports } from '../watch/reports.ts';
import type { Source } from '../watch/source.ts';
import { Exposition } from './exposition.ts';
import type { Publisher } from './publisher.ts';
import type { WatchStream } from './watch-stream.ts';

/** What happened since the start; the program adds to it, a scrape reads it. */
export class Counters {
  streamsStarted = 0;
  /** By reason of {@link WatchStream.end}, without the text after a colon. */
  readonly streamsEnded = new Map<string, number>();
  /** Clients that never got a stream, by reason. */
  readonly refused = new Map<string, number>();
  /** Versions that a slow reader was never told of. */
  skipped = 0;
  nacks = 0;
  certifyFailures = 0;
  eventsWritten = 0;
  eventsDropped = 0;

  static add(counts: Map<string, number>, key: string): void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

/** What a scrape looks at. Parts that do not exist yet are null. */
export interface Measured {
  readonly counters: Counters;
  readonly source: Source;
  readonly reports: Reports;
  readonly publisher: Publisher | null;
  readonly streams: Iterable<WatchStream>;
  /** Milliseconds since the epoch; null: not certified yet. */
  readonly certificateNotAfter: number | null;
}

/** Metrics of destination in Prometheus' text format. docs/reference/metrics.md lists them. */
export function renderMetrics({
  counters,
  source,
  reports,
  publisher,
  streams,
  certificateNotAfter,
}: Measured): string {
  const text = new Exposition();
  const statuses = [...streams].map((stream) => stream.status());
  text.gauge('weft_destination_streams', 'Watch streams that are open.', statuses.length);
  text.counter('weft_destination_streams_started_total', 'Watch streams begun.', counters.streamsStarted);
  text.counters(
    'weft_destination_streams_ended_total',
    'Watch streams ended, by reason.',
    'reason',
    counters.streamsEnded,
  );
  text.counters(
    'weft_destination_clients_refused_total',
    'Clients turned away, by reason.',
    'reason',
    counters.refused,
  );
  text.counter(
    'weft_destination_queue_overflow_total',
    'Versions that a slow reader was never told of.',
    counters.skipped,
  );
  text.counter('weft_destination_nacks_total', 'Versions that a proxy refused.', counters.nacks);
  text.gauge(
    'weft_destination_publications',
    'Targets and inbound configurations kept up to date.',
    publisher?.size ?? 0,
  );
  text.gauges(
    'weft_destination_targets',
    'Targets of all streams, by what their proxy made of the last version.',
    'state',
    stateCounts(statuses),
  );
  const kinds = Object.keys(KINDS) as Kind[];
  text.gauges(
    'weft_destination_objects',
    'Objects held, by kind.',
    'kind',
    new Map(kinds.map((kind) => [kind, source.objects.count(kind)])),
  );
  const problems = new Map<string, number>();
  for (const { object } of reports.current()) Counters.add(problems, object?.kind ?? 'file');
  text.gauges(
    'weft_destination_problems',
    'Faults in objects and files that stand at the moment, by kind.',
    'kind',
    problems,
  );
  const staleness = new Map([...source.staleness()].map(([name, ms]) => [name, ms / 1000]));
  text.gauges(
    'weft_destination_source_staleness_seconds',
    'Time since a source was last known to be up to date.',
    'source',
    staleness,
  );
  text.gauge(
    'weft_destination_certificate_expiry_timestamp_seconds',
    'When the certificate expires; 0: there is none.',
    (certificateNotAfter ?? 0) / 1000,
  );
  text.counter('weft_destination_certify_failures_total', 'Failed tries to be certified.', counters.certifyFailures);
  text.counter(
    'weft_destination_events_written_total',
    'Kubernetes Events written about faults.',
    counters.eventsWritten,
  );
  text.counter(
    'weft_destination_events_dropped_total',
    'Kubernetes Events left out: too many at once, or refused.',
    counters.eventsDropped,
  );
  text.process();
  return text.toString();
}

function stateCounts(statuses: readonly ReturnType<WatchStream['status']>[]): Map<string, number> {
  const counts = new Map([
    ['applied', 0],
    ['pending', 0],
    ['refused', 0],
  ]);
  for (const { sent, applied, refused } of statuses.flat()) {
    if (sent === '' && applied === '') continue;
    Counters.add(counts, refused ? 'refused' : sent === applied ? 'applied' : 'pending');
  }
  return counts;
}
