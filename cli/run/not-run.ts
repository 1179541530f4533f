import { type OtherManifest, refOfOther } from '../../destination/objects/manifest-file.ts';
import { formatRef } from '../../destination/objects/object-ref.ts';
import type { Put } from '../../destination/objects/object-store.ts';
import { formatReport } from '../../destination/objects/reports.ts';
import { kindsNotRead } from '../analyze/kinds-not-read.ts';
import { refOfPut } from './edits.ts';

/**
 * A sentence for each object that a local mesh passes over: workloads of kinds that are not run, objects of a mesh whose
 * kinds are not read, and one line for all else. Pure.
 */
export function sentencesOfNotRun(puts: readonly Put[], others: readonly OtherManifest[]): string[] {
  const workloads = [
    ...puts
      .filter(({ kind }) => kind === 'Pod' || kind === 'ReplicaSet')
      .map((put) => ({ place: put.place, ref: refOfPut(put) })),
    ...others.filter(isWorkload).map((other) => ({ place: other.place, ref: formatRef(refOfOther(other)) })),
  ];
  const unread = kindsNotRead(others);
  const unreadPlaces = new Set(unread.map(({ place }) => place));
  const rest = others.filter((other) => !isWorkload(other) && !unreadPlaces.has(other.place));
  return [
    ...workloads.map(({ place, ref }) => `${place}: ${ref}: is not run: weft run runs Deployments alone`),
    ...unread.map(({ object, place, field, message }) => formatReport({ object, place, path: field, message })),
    ...(rest.length === 0 ? [] : [`no effect here: ${rest.map((other) => formatRef(refOfOther(other))).join(', ')}`]),
  ];
}

function isWorkload({ group, kind }: OtherManifest): boolean {
  return WORKLOADS.includes(`${group}/${kind}`);
}

/** Kinds that make pods in a cluster. */
const WORKLOADS: readonly string[] = [
  'apps/StatefulSet',
  'apps/DaemonSet',
  'batch/Job',
  'batch/CronJob',
  '/ReplicationController',
];
