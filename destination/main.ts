import { hostname } from 'node:os';

import { ApiClient } from '../core/kubernetes/api-client.ts';
import { EventWriter } from '../core/kubernetes/event-writer.ts';
import type { Logger } from '../core/log/log.ts';
import { type RunningProgram, runProgram } from '../core/program/run-program.ts';
import { systemClock } from '../core/time/clock.ts';
import { type DestinationConfig, readConfig } from './config.ts';
import { Destination } from './destination.ts';
import { Reports } from './objects/reports.ts';
import { Metrics } from './server/metrics.ts';
import { noticeOf } from './status/notice.ts';
import type { VerdictWriter } from './status/status-keeper.ts';
import { StatusWriter } from './status/status-writer.ts';
import { FolderSource } from './watch/folder.ts';
import { KubernetesSource } from './watch/kubernetes.ts';
import type { Source } from './watch/source.ts';

/** Starts destination; `close` drains its streams first. @throws whatever the source, identity or binding throws */
async function startDestination(config: DestinationConfig, log: Logger): Promise<RunningProgram> {
  const reports = new Reports();
  const metrics = new Metrics();
  const origin = await openSource(config, { reports, metrics, log });
  const destination = new Destination({ config, ...origin, reports, metrics, log });
  return { ...(await destination.start()), close: () => destination.stop() };
}

/** A cluster's faults become Events and conditions of status too; those of a folder are logged alone. */
async function openSource(
  config: DestinationConfig,
  { reports, metrics, log }: { reports: Reports; metrics: Metrics; log: Logger },
): Promise<{ source: Source; verdictWriter?: VerdictWriter }> {
  if (config.source === 'folder') return { source: new FolderSource(config.folders, reports) };
  const client = await ApiClient.fromCluster();
  const events = new EventWriter({
    api: client,
    clock: systemClock,
    program: 'destination',
    instance: hostname(),
    observer: {
      onWritten: () => {
        metrics.eventsWritten.inc();
      },
      onDropped: (reason) => {
        metrics.eventsDropped.inc();
        log.debug({ reason }, 'an Event is left out');
      },
    },
  });
  reports.onNew((report) => {
    const notice = noticeOf(report);
    if (notice) void events.write(notice);
  });
  const onProblem = (message: string) => log.warn({ message }, 'trouble with the API server');
  const source = new KubernetesSource({ client, reports, onProblem });
  return { source, verdictWriter: new StatusWriter(client, onProblem) };
}

void runProgram('destination', readConfig, startDestination);
