/** Builds Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export class Exposition {
  readonly #lines: string[] = [];

  gauge(name: string, help: string, value: number): void {
    this.#family(name, help, 'gauge', [['', value]]);
  }

  counter(name: string, help: string, value: number): void {
    this.#family(name, help, 'counter', [['', value]]);
  }

  /** One gauge per entry, which is the value of `label`. */
  gauges(name: string, help: string, label: string, values: ReadonlyMap<string, number>): void {
    this.#family(name, help, 'gauge', labelled(label, values));
  }

  /** One counter per entry, which is the value of `label`. */
  counters(name: string, help: string, label: string, values: ReadonlyMap<string, number>): void {
    this.#family(name, help, 'counter', labelled(label, values));
  }

  /** Prometheus' standard metrics of a process. */
  process(): void {
    const { user, system } = process.cpuUsage();
    this.counter(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      (user + system) / 1e6,
    );
    this.gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss());
    this.gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      STARTED_AT_SECONDS,
    );
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #family(
    name: string,
    help: string,
    type: string,
    samples: readonly (readonly [labels: string, value: number])[],
  ): void {
    this.#lines.push(
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(([labels, value]) => `${name}${labels} ${value}`),
    );
  }
}

function labelled(label: string, values: ReadonlyMap<string, number>): [string, number][] {
  return [...values].map(([key, value]) => [`{${label}="${escapeLabel(key)}"}`, value]);
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

const STARTED_AT_SECONDS = (Date.now() - performance.now()) / 1000;
