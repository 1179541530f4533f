import type { Notice } from '../../core/kubernetes/event-writer.ts';
import { KINDS, type Kind } from '../objects/kinds.ts';
import { formatProblem } from '../objects/problem.ts';
import type { Report } from '../objects/reports.ts';

/** What the owner of an object hears of a fault in it; null: the fault is no object's. */
export function noticeOf(report: Report): Notice | null {
  if (!report.object) return null;
  const { kind, namespace, name } = report.object;
  const definition = Object.hasOwn(KINDS, kind) ? KINDS[kind as Kind] : null;
  return {
    subject: {
      ...(definition && {
        apiVersion: definition.group ? `${definition.group}/${definition.versions[0]}` : definition.versions[0]!,
      }),
      kind: definition?.name ?? kind,
      namespace,
      name,
    },
    reason: 'Misconfigured',
    action: 'Translate',
    note: formatProblem(report),
  };
}
