import type { Clock, Timer } from '../../core/time/clock.ts';
import type { Change } from '../translate/kinds/kinds.ts';
import type { Reports } from '../translate/reports.ts';
import type { Surveyed } from '../translate/survey.ts';
import { type Judged, judgePolicies, POLICY_KINDS } from './policy-survey.ts';

/** Where verdicts are written. */
export interface VerdictWriter {
  write(judged: readonly Judged[], now: Date): Promise<number>;
  forget(object: Pick<Judged, 'kind' | 'namespace' | 'name'>): void;
}

/**
 * Keeps the status of routes and policies current: judges all of them {@link QUIET_MS} after the last change of one, of a
 * Service, or of which namespaces have pods of the mesh. What shows only where objects are read together is reported
 * although no client has asked yet.
 */
export class StatusKeeper {
  readonly #surveyed: Surveyed;
  readonly #reports: Reports;
  readonly #writer: VerdictWriter;
  readonly #clock: Clock;
  readonly #onVerdicts: (judged: readonly Judged[]) => void;
  readonly #unlisten: () => void;
  #timer: Timer | null = null;
  #isJudging = false;
  #isStale = false;
  #isClosed = false;

  constructor(options: {
    surveyed: Surveyed;
    reports: Reports;
    writer: VerdictWriter;
    clock: Clock;
    /** What was found, written or not, for metrics. */
    onVerdicts: (judged: readonly Judged[]) => void;
  }) {
    this.#surveyed = options.surveyed;
    this.#reports = options.reports;
    this.#writer = options.writer;
    this.#clock = options.clock;
    this.#onVerdicts = options.onVerdicts;
    this.#unlisten = options.surveyed.objects.onChange((changes) => this.#take(changes));
    this.#schedule();
  }

  /** Ends the listening; what is being written is finished. */
  close(): void {
    this.#isClosed = true;
    this.#unlisten();
    this.#timer?.cancel();
  }

  #take(changes: readonly Change[]): void {
    let isStale = false;
    for (const { kind, before, after } of changes) {
      if (POLICY_KINDS.includes(kind)) {
        isStale = true;
        if (after) this.#writer.forget({ kind, namespace: after.namespace, name: after.name });
      } else if (kind === 'Service') isStale = true;
      else if (kind === 'Pod' && (!before || !after)) isStale = true;
    }
    if (isStale) this.#schedule();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#isStale = true;
    if (this.#timer || this.#isJudging) return;
    this.#timer = this.#clock.after(QUIET_MS, () => void this.#judge());
  }

  async #judge(): Promise<void> {
    this.#timer = null;
    this.#isJudging = true;
    this.#isStale = false;
    const rest = () => new Promise<void>((resolve) => setImmediate(resolve));
    const { judged, complaints } = await judgePolicies(this.#surveyed, this.#reports, rest);
    this.#reports.set(
      'survey',
      complaints.map((complaint) => ({ ...complaint, place: '' })),
    );
    this.#onVerdicts(judged);
    await this.#writer.write(judged, new Date(this.#clock.now()));
    this.#isJudging = false;
    if (this.#isStale) this.#schedule();
  }
}

/** A burst of changes, such as a `kubectl apply` of a folder, is judged once. */
const QUIET_MS = 1000;
