import { formatRef, type ObjectRef } from './object-ref.ts';
import { formatProblem, type Problem } from './problem.ts';

/** A fault, and the object or file that has it. */
export interface Report extends Problem {
  /** null: the text is not even an object. */
  readonly object: ObjectRef | null;
  /** `manifests/api.yaml:12`; empty where the object came from an API server. */
  readonly place: string;
}

/**
 * Every fault that stands at the moment. Whoever finds faults sets all of his at once, so that one that is mended goes;
 * listeners hear of each fault once, when it first appears.
 */
export class Reports {
  readonly #byFinder = new Map<string, ReadonlyMap<string, Report>>();
  readonly #listeners = new Set<(report: Report) => void>();

  /** Replaces the faults that `finder` (a file, an object, a target) knows of. */
  set(finder: string, reports: readonly Report[]): void {
    const known = reports.length > 0 ? new Set(this.#keys()) : null;
    if (reports.length === 0) this.#byFinder.delete(finder);
    else this.#byFinder.set(finder, new Map(reports.map((report) => [textOf(report), report])));
    for (const report of reports) {
      if (known!.has(textOf(report))) continue;
      known!.add(textOf(report));
      for (const listener of this.#listeners) listener(report);
    }
  }

  /** Every fault, once, however many find it. @param isWanted asked of finders */
  current(isWanted: (finder: string) => boolean = () => true): readonly Report[] {
    const finders = [...this.#byFinder].filter(([finder]) => isWanted(finder));
    return [...new Map(finders.flatMap(([, reports]) => [...reports])).values()];
  }

  /** Calls `listener` with each fault that no finder knew until then. @returns how to end that */
  onNew(listener: (report: Report) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  *#keys(): Iterable<string> {
    for (const reports of this.#byFinder.values()) yield* reports.keys();
  }
}

/** `manifests/api.yaml:12: Service/default/api: spec.ports[0].port: is no port`. */
export function formatReport(report: Report): string {
  const object = report.object && formatRef(report.object);
  return [report.place, object, formatProblem(report)].filter((part) => part !== null && part !== '').join(': ');
}

/** The place is left out: a fault that moves down a line is no new fault. */
function textOf(report: Report): string {
  return formatReport({ ...report, place: report.object ? '' : report.place });
}
