import t from 'tap';

import { Reports } from '../objects/reports.ts';
import type { Judged } from '../status/policy-survey.ts';
import { FakeSource } from '../testing/fake-source.ts';
import { service } from '../testing/manifests.ts';
import { Metrics } from './metrics.ts';
import type { Publisher } from './publisher.ts';
import type { TargetStatus, WatchStream } from './watch-stream.ts';

/** Lines of our own metrics, without their help. */
async function scrape(metrics: Metrics): Promise<string[]> {
  const text = await metrics.registry.metrics();
  return text.split('\n').filter((line) => line.startsWith('weft_destination_'));
}

function judged(reason: Judged['verdict']['reason']): Judged {
  return { kind: 'VirtualService', namespace: 'default', name: 'vs', verdict: { reason } as Judged['verdict'] };
}

t.test('the gauges show what is there when they are scraped', async (t) => {
  const reports = new Reports();
  const source = new FakeSource(reports);
  source.put(service('api', '10.96.0.1'), service('web', '10.96.0.2'));
  source.staleness = () => new Map([['Service', 1500]]);
  const report = { object: { kind: 'Service', namespace: 'default', name: 'api' }, place: '', path: '', message: 'x' };
  reports.set('a', [report]);
  reports.set('b', [{ ...report, object: null, message: 'no YAML' }]);
  const none: TargetStatus = { target: 'a:1', sent: '', applied: '', refused: null };
  const streams: Pick<WatchStream, 'status'>[] = [
    {
      status: () => [
        none,
        { ...none, sent: 'v1', applied: 'v1' },
        { ...none, sent: 'v2', applied: 'v1' },
        { ...none, sent: 'v2', applied: 'v1', refused: { version: 'v2', reason: 'x' } },
      ],
    },
    {
      status: () => [
        { ...none, sent: 'v1' },
        { ...none, applied: 'v1' },
      ],
    },
  ];
  const metrics = new Metrics();
  metrics.measure({
    source,
    reports,
    publisher: () => ({ size: 7 }) as Publisher,
    streams: () => streams as unknown as WatchStream[],
    judged: () => [judged('Accepted'), judged('Accepted'), judged('Conflicted')] as Judged[],
    certificateNotAfter: () => 90_000,
  });
  const lines = await scrape(metrics);
  for (const line of [
    'streams 2',
    'publications 7',
    'certificate_expiry_timestamp_seconds 90',
    'targets{state="applied"} 1',
    'targets{state="pending"} 3',
    'targets{state="refused"} 1',
    'objects{kind="Service"} 2',
    'objects{kind="Pod"} 0',
    'problems{kind="Service"} 1',
    'problems{kind="file"} 1',
    'policies{reason="Accepted"} 2',
    'policies{reason="Conflicted"} 1',
    'source_staleness_seconds{source="Service"} 1.5',
  ])
    t.ok(lines.includes(`weft_destination_${line}`), line);
});

t.test('before anything is there the gauges are 0', async (t) => {
  const reports = new Reports();
  const metrics = new Metrics();
  metrics.measure({
    source: new FakeSource(reports),
    reports,
    publisher: () => null,
    streams: () => [],
    judged: () => [],
    certificateNotAfter: () => null,
  });
  const lines = await scrape(metrics);
  for (const line of [
    'streams 0',
    'publications 0',
    'certificate_expiry_timestamp_seconds 0',
    'targets{state="refused"} 0',
  ])
    t.ok(lines.includes(`weft_destination_${line}`), line);
});

t.test('the counters begin at 0 and tell their reasons apart', async (t) => {
  const metrics = new Metrics();
  t.same(await scrape(metrics), [
    'weft_destination_streams_started_total 0',
    'weft_destination_queue_overflow_total 0',
    'weft_destination_nacks_total 0',
    'weft_destination_certify_failures_total 0',
    'weft_destination_events_written_total 0',
    'weft_destination_events_dropped_total 0',
  ]);
  metrics.streamsEnded.inc({ reason: 'silent' });
  metrics.clientsRefused.inc({ reason: 'workload_unknown' });
  const lines = await scrape(metrics);
  t.ok(lines.includes('weft_destination_streams_ended_total{reason="silent"} 1'));
  t.ok(lines.includes('weft_destination_clients_refused_total{reason="workload_unknown"} 1'));
});
