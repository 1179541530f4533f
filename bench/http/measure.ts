import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Case, CaseKind } from './cases.ts';
import type { Entrance } from './contestants.ts';
import { processorMs, unsharedMiB } from './cpu.ts';
import { generate, transfer } from './generator.ts';

/** What one contestant did in one round: figures by their name in the results. */
export type Sample = Readonly<Partial<Record<Metric, number>>> & { readonly failed: number };

export type Metric =
  | 'cpu_ms_per_1000'
  | 'requests_per_second'
  | 'p50'
  | 'p99'
  | 'p999'
  | 'mb_per_cpu_second'
  | 'mb_per_second'
  | 'unshared_loaded'
  | 'kib_per_connection';

/** Puts the load of a case on a contestant, after two warm-ups. */
export function measure(each: Case, entrance: Entrance): Promise<Sample> {
  return MEASURES[each.kind](each, entrance);
}

const MEASURES: Readonly<Record<CaseKind, (each: Case, entrance: Entrance) => Promise<Sample>>> = {
  requests: measureRequests,
  tcp: measureTransfer,
  connections: measureConnections,
  handshakes: measureHandshakes,
};

async function measureRequests(each: Case, { enter, host, port, pids }: Entrance): Promise<Sample> {
  const url = `http://${host}:${port}/route/`;
  // What the clock gives in the run proper is too little to warm up with: compilers wait for a few thousand requests.
  await generate(enter, { ...each, rate: 0 }, url, each.rate > 0 ? WARM_REQUESTS : Math.ceil(each.requests / 4));
  if (each.rate > 0) await generate(enter, each, url, 2 * each.rate);
  const before = processorMs(pids);
  const run = await generate(enter, each, url, each.requests);
  const cpuMs = processorMs(pids) - before;
  const at = (share: number) => run.latencies[Math.floor(run.latencies.length * share)] ?? 0;
  const messages = each.requests * Math.max(1, each.messages);
  return {
    failed: run.failed,
    ...(each.rate > 0
      ? { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
      : { requests_per_second: run.requestsPerSecond }),
    ...(pids.length > 0
      ? {
          cpu_ms_per_1000: cpuMs / (messages / 1000),
          ...(each.body > 1000 ? { mb_per_cpu_second: (each.requests * each.body) / 1e6 / (cpuMs / 1000) } : {}),
          unshared_loaded: Math.max(...pids.map(unsharedMiB)),
        }
      : {}),
  };
}

async function measureTransfer(_each: Case, { enter, host, port, pids }: Entrance): Promise<Sample> {
  await transfer(enter, host, port, 1);
  const before = processorMs(pids);
  const { octets } = await transfer(enter, host, port, TRANSFER_SECONDS);
  const cpuMs = processorMs(pids) - before;
  return {
    failed: 0,
    mb_per_second: octets / 1e6 / TRANSFER_SECONDS,
    ...(pids.length > 0
      ? { mb_per_cpu_second: octets / 1e6 / (cpuMs / 1000), unshared_loaded: Math.max(...pids.map(unsharedMiB)) }
      : {}),
  };
}

/** Private memory that connections add, when they rest. */
async function measureConnections(each: Case, entrance: Entrance): Promise<Sample> {
  // What a process takes for its first work, code above all, is no connection's. (h2load has no client certificate.)
  const { enter, host, port } = entrance;
  if (each.path === 'server') await (await startConnections('cycle', WARM_HANDSHAKES, entrance)).end();
  else await generate(enter, { ...each, connections: 8 }, `http://${host}:${port}/route/`, WARM_REQUESTS);
  const warm = await startConnections('hold', WARM_CONNECTIONS, entrance);
  await rest();
  const memory = () => entrance.pids.reduce((sum, pid) => sum + unsharedMiB(pid), 0);
  const before = memory();
  const held = await startConnections('hold', each.connections - WARM_CONNECTIONS, entrance);
  await rest();
  const after = memory();
  await held.end();
  await warm.end();
  if (entrance.pids.length === 0) return { failed: 0 };
  return {
    failed: 0,
    kib_per_connection: ((after - before) * 1024) / (each.connections - WARM_CONNECTIONS),
    unshared_loaded: after,
  };
}

async function measureHandshakes(each: Case, entrance: Entrance): Promise<Sample> {
  await (await startConnections('cycle', each.requests / 4, entrance)).end();
  const before = processorMs(entrance.pids);
  const begun = performance.now();
  await (await startConnections('cycle', each.requests, entrance)).end();
  const seconds = (performance.now() - begun) / 1000;
  return {
    failed: 0,
    cpu_ms_per_1000: (processorMs(entrance.pids) - before) / (each.requests / 1000),
    requests_per_second: each.requests / seconds,
    unshared_loaded: Math.max(...entrance.pids.map(unsharedMiB)),
  };
}

/** Starts the client of {@link ./connections.ts} on core 1. @returns when its connections are made, and how to end it */
async function startConnections(
  mode: 'hold' | 'cycle',
  count: number,
  { enter, host, port, credentials }: Entrance,
): Promise<{ end(): Promise<void> }> {
  const command = [
    ...enter,
    'taskset',
    ...['-c', '1', process.execPath, CLIENT, mode, String(count), host, String(port)],
    ...(credentials === '' ? [] : [credentials]),
  ];
  const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const made = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stdout }).once('line', () => resolve(true));
    void ended.then(() => resolve(false));
  });
  if (!(await made)) throw new Error(`the client of ${count} connections ended with ${await ended}`);
  return {
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Time for collectors and buffers to settle. */
function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2000));
}

const CLIENT = fileURLToPath(new URL('./connections.ts', import.meta.url));
const TRANSFER_SECONDS = 4;
const WARM_REQUESTS = 20_000;
const WARM_CONNECTIONS = 100;
const WARM_HANDSHAKES = 1000;
