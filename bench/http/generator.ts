import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Case } from './cases.ts';

/** What the generator saw of a run. */
export interface Run {
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
export async function generate(enter: readonly string[], each: Case, url: string, requests: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-log-'));
  // The command that enters may change the user.
  chmodSync(folder, 0o777);
  const log = join(folder, 'log');
  const { connections, streams, rate, protocol } = each;
  const options = [
    ...['-t1', `-c${Math.min(connections, requests)}`, `-m${streams}`, `-n${requests}`],
    ...(protocol === 'h1' ? ['--h1'] : []),
    ...(rate > 0 ? [`--rps=${rate / connections}`, `--log-file=${log}`] : []),
    ...requestOptions(each, folder),
  ];
  try {
    const out = await output([...enter, 'taskset', '-c', '1', 'h2load', ...options, url]);
    const counts = /requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed/.exec(out);
    if (!counts) throw new Error(`h2load: ${out}`);
    return {
      failed: requests - Number(counts[1]),
      requestsPerSecond: Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(out)?.[1] ?? 0),
      latencies: rate === 0 ? [] : latenciesOf(readFileSync(log, 'utf8')),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs iperf3 on core 1 for some seconds, the server sending. @returns octets that came */
export async function transfer(
  enter: readonly string[],
  host: string,
  port: number,
  seconds: number,
): Promise<{ octets: number }> {
  const options = ['-c', host, '-p', String(port), '-t', String(seconds), '-R', '--json'];
  const out = await output([...enter, 'taskset', '-c', '1', 'iperf3', ...options]);
  return { octets: (JSON.parse(out) as { end: { sum_received: { bytes: number } } }).end.sum_received.bytes };
}

/** Fields and body of each request, where the case has some. */
function requestOptions({ headers, messages, body }: Case, folder: string): string[] {
  const options: string[] = [];
  for (let at = 0; at < headers; at += LARGE_FIELD)
    options.push('-H', `x-large-${at}: ${`${at}`.repeat(LARGE_FIELD)}`.slice(0, LARGE_FIELD));
  if (messages > 0) {
    const message = Buffer.alloc(5 + body, 'x');
    message.writeUInt8(0);
    message.writeUInt32BE(body, 1);
    const file = join(folder, 'message');
    writeFileSync(file, message);
    options.push('-d', file, '-H', 'content-type: application/grpc', '-H', 'te: trailers');
  }
  return options;
}

/** Lines of the log: start in microseconds, status, duration in microseconds. */
function latenciesOf(log: string): number[] {
  const lines = log.trim().split('\n');
  return lines.map((line) => Number(line.split('\t')[2]) / 1000).sort((a, b) => a - b);
}

function output(command: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command[0]!, command.slice(1), { maxBuffer: 1 << 24, timeout: 180_000 }, (error, out, text) => {
      if (error) reject(new Error(`${error.message} ${text} ${out}`));
      else resolve(out);
    });
  });
}

/** Octets of one large field: a token or a cookie. */
const LARGE_FIELD = 400;
