import { hostname } from 'node:os';

import { FOLDER_READ, type FolderRead } from '../api/folder-read.ts';
import { ApiClient } from '../core/kubernetes/api-client.ts';
import { EventWriter } from '../core/kubernetes/event-writer.ts';
import type { Logger } from '../core/log/log.ts';
import { type RunningProgram, runProgram } from '../core/program/run-program.ts';
import { systemClock } from '../core/time/clock.ts';
import { type DestinationConfig, readConfig } from './config.ts';
import { Destination } from './destination.ts';
import { formatRef, refOf } from './objects/object-ref.ts';
import { formatReport, type Report, Reports } from './objects/reports.ts';
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
  if (config.source === 'folder') return { source: openFolder(config.folders, reports, log) };
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

/** Logs of each file that is read again what came of it, {@link FolderRead}. */
function openFolder(folders: readonly string[], reports: Reports, log: Logger): FolderSource {
  let changed: string[] = [];
  const source = new FolderSource(folders, reports, systemClock, (files) => {
    const isOfThem = ({ place }: Report) => files.some((file) => place === file || place.startsWith(`${file}:`));
    const faults = reports.current().filter(isOfThem).map(formatReport);
    log.info({ files, changed, faults } satisfies FolderRead, FOLDER_READ);
    changed = [];
  });
  source.objects.onChange((changes) =>
    changed.push(...changes.map(({ kind, before, after }) => formatRef(refOf(kind, (after ?? before)!)))),
  );
  return source;
}

void runProgram('destination', readConfig, startDestination);
