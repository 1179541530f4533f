import type { Clock, Timer } from '../../core/time/clock.ts';
import { type Change, POLICY_KINDS } from '../objects/kinds.ts';
import type { Reports } from '../objects/reports.ts';
import type { Surveyed } from '../translate/survey.ts';
import { type Judged, judgePolicies } from './policy-survey.ts';

/** Where verdicts are written. */
export interface VerdictWriter {
  write(judged: readonly Judged[], now: Date): Promise<number>;
  forget(object: Pick<Judged, 'kind' | 'namespace' | 'name'>): void;
}

/**
 * Keeps the status of routes and policies current: judges all of them {@link QUIET_MS} after a change of one or of a
 * Service, {@link CHURN_MS} after pods come or go: they decide which namespaces are the mesh's and which clients there are,
 * and in a large cluster some always do. What shows only where objects are read together is reported
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
  /** When the timer fires, monotonic. */
  #dueMs = Number.POSITIVE_INFINITY;
  #isJudging = false;
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
    this.#schedule(QUIET_MS);
  }

  /** Something has changed that is no object. */
  judgeSoon(): void {
    this.#schedule(QUIET_MS);
  }

  /** Ends the listening; what is being written is finished. */
  close(): void {
    this.#isClosed = true;
    this.#unlisten();
    this.#timer?.cancel();
  }

  #take(changes: readonly Change[]): void {
    for (const { kind, before, after } of changes) {
      const isPolicy = POLICY_KINDS.includes(kind);
      if (isPolicy && after) this.#writer.forget({ kind, namespace: after.namespace, name: after.name });
      if (isPolicy || kind === 'Service') this.#schedule(QUIET_MS);
      else if (kind === 'Pod' && (!before || !after)) this.#schedule(CHURN_MS);
    }
  }

  /** Judges in `ms`, or earlier where that is due already. */
  #schedule(ms: number): void {
    const dueMs = this.#clock.monotonic() + ms;
    if (this.#isClosed || this.#dueMs <= dueMs) return;
    this.#dueMs = dueMs;
    this.#timer?.cancel();
    // While judging, what comes next is begun when that is over.
    if (!this.#isJudging) this.#timer = this.#clock.after(ms, () => void this.#judge());
  }

  async #judge(): Promise<void> {
    this.#timer = null;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#isJudging = true;
    const rest = () => new Promise<void>((resolve) => setImmediate(resolve));
    const { judged, complaints } = await judgePolicies(this.#surveyed, this.#reports, rest);
    this.#reports.set(
      'survey',
      complaints.map((complaint) => ({ ...complaint, place: '' })),
    );
    this.#onVerdicts(judged);
    await this.#writer.write(judged, new Date(this.#clock.now()));
    this.#isJudging = false;
    const leftMs = this.#dueMs - this.#clock.monotonic();
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (leftMs < Number.POSITIVE_INFINITY) this.#schedule(Math.max(leftMs, 0));
  }
}

/** A burst of changes, such as a `kubectl apply` of a folder, is judged once. */
const QUIET_MS = 1000;
const CHURN_MS = 30_000;
