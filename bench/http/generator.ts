import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Case } from './cases.ts';

/** What the generator saw of a run. */
export interface Run {
  readonly succeeded: number;
  readonly failed: number;
  readonly requestsPerSecond: number;
  /** Milliseconds, ascending; only of runs by the clock. */
  readonly latencies: readonly number[];
}

/**
 * Runs h2load on core 1 behind a command that enters the client's network.
 *
 * @param enter e.g. `nsenter --net=… --`
 * @throws what h2load said when it fails
 */
export function generate(enter: readonly string[], each: Case, url: string, requests: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-log-'));
  // The command that enters may change the user.
  chmodSync(folder, 0o777);
  const log = join(folder, 'log');
  const { connections, streams, rate, protocol } = each;
  const command = [
    ...enter,
    'taskset',
    ...['-c', '1', 'h2load', '-t1', `-c${connections}`, `-m${streams}`, `-n${requests}`],
    ...(protocol === 'h1' ? ['--h1'] : []),
    ...(rate > 0 ? [`--rps=${rate / connections}`, `--log-file=${log}`] : []),
    url,
  ];
  return new Promise((resolve, reject) => {
    execFile(command[0]!, command.slice(1), { maxBuffer: 1 << 24, timeout: 120_000 }, (error, out, text) => {
      const counts = /requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed/.exec(out);
      if (error || !counts) return reject(new Error(`h2load: ${error?.message ?? ''} ${text} ${out}`));
      // Lines of the log: start in microseconds, status, duration in microseconds.
      const latencies =
        rate === 0
          ? []
          : readFileSync(log, 'utf8')
              .trim()
              .split('\n')
              .map((line) => Number(line.split('\t')[2]) / 1000);
      rmSync(folder, { recursive: true });
      resolve({
        succeeded: Number(counts[1]),
        failed: Number(counts[2]) + requests - Number(counts[1]) - Number(counts[2]),
        requestsPerSecond: Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(out)?.[1] ?? 0),
        latencies: latencies.sort((a, b) => a - b),
      });
    });
  });
}
