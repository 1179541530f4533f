import { ProgramMetrics } from '../../core/metrics/program-metrics.ts';
import type { ServerLimit } from '../../core/program/server-limits.ts';
import { KINDS, type Kind } from '../objects/kinds.ts';
import type { Reports } from '../objects/reports.ts';
import type { Judged } from '../status/policy-survey.ts';
import type { Source } from '../watch/source.ts';
import type { Publisher } from './publisher.ts';
import type { WatchStream } from './watch-stream.ts';

/** What the gauges look at when they are scraped. Parts that do not exist yet are null. */
export interface Measured {
  readonly source: Source;
  readonly reports: Reports;
  readonly publisher: () => Publisher | null;
  readonly streams: () => Iterable<WatchStream>;
  readonly judged: () => readonly Judged[];
  /** Milliseconds since the epoch; null: not certified yet. */
  readonly certificateNotAfter: () => number | null;
}

/** Metrics of destination. Counters are counted where things happen; gauges are read when somebody scrapes. */
export class Metrics {
  readonly #metrics = new ProgramMetrics('weft_destination_');
  readonly registry = this.#metrics.registry;
  readonly streamsStarted = this.#metrics.counter('streams_started_total', 'Watch streams begun.');
  readonly streamsEnded = this.#metrics.counter('streams_ended_total', 'Watch streams ended, by reason.', ['reason']);
  readonly clientsRefused = this.#metrics.counter('clients_refused_total', 'Clients turned away, by reason.', [
    'reason',
  ]);
  readonly overflows = this.#metrics.counter('queue_overflow_total', 'Versions that a slow reader was never told of.');
  readonly nacks = this.#metrics.counter('nacks_total', 'Versions that a proxy refused.');
  readonly certifyFailures = this.#metrics.counter('certify_failures_total', 'Failed tries to be certified.');
  readonly eventsWritten = this.#metrics.counter('events_written_total', 'Kubernetes Events written about faults.');
  readonly eventsDropped = this.#metrics.counter(
    'events_dropped_total',
    'Kubernetes Events left out: too many, or refused.',
  );

  /** Counts that a client of one of the servers has exceeded a limit. */
  exceeded(limit: ServerLimit): void {
    this.#metrics.exceeded(limit);
  }

  /** Adds the gauges. Called once. */
  measure({ source, reports, publisher, streams, judged, certificateNotAfter }: Measured): void {
    const metrics = this.#metrics;
    const statuses = () => [...streams()].map((stream) => stream.status());
    metrics.readGauge('streams', 'Watch streams that are open.', () => statuses().length);
    metrics.readGauge(
      'publications',
      'Targets and inbound configurations kept up to date.',
      () => publisher()?.size ?? 0,
    );
    metrics.readGauge(
      'certificate_expiry_timestamp_seconds',
      'When the certificate expires; 0: there is none.',
      () => (certificateNotAfter() ?? 0) / 1000,
    );
    metrics.readGauges('targets', 'Targets of all streams, by what their proxy made of them.', 'state', () => {
      return stateCounts(statuses());
    });
    metrics.readGauges('objects', 'Objects held, by kind.', 'kind', () => {
      return new Map((Object.keys(KINDS) as Kind[]).map((kind) => [kind, source.objects.count(kind)]));
    });
    metrics.readGauges('problems', 'Faults in objects and files that stand at the moment, by kind.', 'kind', () => {
      return countBy(reports.current().map(({ object }) => object?.kind ?? 'file'));
    });
    metrics.readGauges('policies', 'Routes and policies of the mesh, by what is made of them.', 'reason', () => {
      return countBy(judged().map(({ verdict }) => verdict.reason));
    });
    metrics.readGauges('source_staleness_seconds', 'Time since a source was last known to be right.', 'source', () => {
      return new Map([...source.staleness()].map(([name, ms]) => [name, ms / 1000]));
    });
  }
}

/** How many targets are applied, still on their way, or refused. Those with nothing to say yet do not count. */
function stateCounts(statuses: readonly ReturnType<WatchStream['status']>[]): Map<string, number> {
  const known = statuses.flat().filter(({ sent, applied }) => sent !== '' || applied !== '');
  const counts = countBy(
    known.map(({ sent, applied, refused }) => (refused ? 'refused' : sent === applied ? 'applied' : 'pending')),
  );
  return new Map(['applied', 'pending', 'refused'].map((state) => [state, counts.get(state) ?? 0]));
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
