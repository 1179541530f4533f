import type { CurrentIssuer } from './issue/current-issuer.ts';
import type { RefusalReason } from './refusal.ts';

/** Counters of identity, printed in the Prometheus text format 0.0.4. */
export class IdentityMetrics {
  readonly #issuer: CurrentIssuer;
  readonly #refusals = new Map<RefusalReason, number>();
  #issued = 0;

  constructor(issuer: CurrentIssuer) {
    this.#issuer = issuer;
  }

  certificateIssued(): void {
    this.#issued++;
  }

  refused(reason: RefusalReason): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  /** The whole page of /metrics. */
  toText(): string {
    const issuer = this.#issuer.get();
    return [
      ...family('weft_identity_certificates_issued_total', 'counter', 'Certificates issued to workloads.', [
        ['', this.#issued],
      ]),
      ...family('weft_identity_refusals_total', 'counter', 'Certificate requests refused, by reason.', [
        ...[...this.#refusals].map(([reason, count]) => [`{reason="${reason}"}`, count] as const),
      ]),
      ...family(
        'weft_identity_issuer_rejected_changes_total',
        'counter',
        'Changes of the issuer that were not fit to sign, so that the old issuer stayed.',
        [['', this.#issuer.rejectedChanges]],
      ),
      ...family(
        'weft_identity_authority_expiry_timestamp_seconds',
        'gauge',
        'When the certificate of each level expires, seconds since the epoch.',
        [
          ['{level="issuer"}', issuer.certificate.validToDate.getTime() / 1000],
          ['{level="root"}', issuer.root.validToDate.getTime() / 1000],
        ],
      ),
      ...family('process_start_time_seconds', 'gauge', 'Start time of the process since unix epoch in seconds.', [
        ['', Math.round(performance.timeOrigin) / 1000],
      ]),
      ...family('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', [
        ['', process.memoryUsage.rss()],
      ]),
      ...family('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', [
        ['', (process.cpuUsage().user + process.cpuUsage().system) / 1e6],
      ]),
      '',
    ].join('\n');
  }
}

/** Lines of one metric family; `samples` are pairs of a label part and a value. */
function family(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labels} ${value}`),
  ];
}
