import { ProgramMetrics } from '../core/metrics/program-metrics.ts';
import type { ServerLimit } from '../core/program/server-limits.ts';
import type { CurrentIssuer } from './issue/current-issuer.ts';
import type { RefusalReason } from './refusal.ts';

/** Metrics of identity. Requests are counted where they are answered; what concerns the issuer is read at each scrape. */
export class IdentityMetrics {
  readonly #metrics = new ProgramMetrics('weft_identity_');
  readonly registry = this.#metrics.registry;
  readonly #issued = this.#metrics.counter('certificates_issued_total', 'Certificates issued to workloads.');
  readonly #refusals = this.#metrics.counter('refusals_total', 'Certificate requests refused, by reason.', ['reason']);

  constructor(issuer: CurrentIssuer) {
    this.#metrics.readCounter(
      'issuer_rejected_changes_total',
      'Changes of the issuer that were not fit to sign, so that the old issuer stayed.',
      () => issuer.rejectedChanges,
    );
    this.#metrics.readGauges(
      'authority_expiry_timestamp_seconds',
      'When the certificate of each level expires, seconds since the epoch.',
      'level',
      () => {
        const { certificate, root } = issuer.get();
        return new Map([
          ['issuer', certificate.validToDate.getTime() / 1000],
          ['root', root.validToDate.getTime() / 1000],
        ]);
      },
    );
  }

  certificateIssued(): void {
    this.#issued.inc();
  }

  /** Counts that a client of one of the servers has exceeded a limit. */
  exceeded(limit: ServerLimit): void {
    this.#metrics.exceeded(limit);
  }

  refused(reason: RefusalReason): void {
    this.#refusals.inc({ reason });
  }
}
