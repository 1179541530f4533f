/**
 * What one hostile connection costs its neighbours, and what memory it makes the proxy hold, attack by attack.
 *
 *     generator (8 connections, closed loop) ─▶ victim.ts ─▶ application
 *     attacker.ts ──────────────────────────────▶┘
 *
 * Rounds take turns: undisturbed, attacked by one connection, attacked by one that comes again as soon as it is cut off.
 *
 *   make bench CASE=hostile   (ROUNDS=5, ONLY=part of a name)
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eitherVersion } from '../../test/support/either-version.ts';
import { ATTACKS } from '../../test/support/hostile-client.ts';
import { record, summary } from '../result.ts';

const here = dirname(fileURLToPath(import.meta.url));
const ROUNDS = Number(process.env.ROUNDS || 5);
const ROUND_MS = 1000;
const NEIGHBOURS = 8;

const application = await eitherVersion();
const victim = fork(join(here, 'victim.ts'), { execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'] });
const attacker = fork(join(here, 'attacker.ts'), { execArgv: ['--disable-warning=ExperimentalWarning'] });
const port = await told<number>(victim, { applicationPort: application.port });

let answers = 0;
for (let i = 0; i < NEIGHBOURS; i++) neighbour();
await round(null);

for (const [index, attack] of ATTACKS.entries()) {
  if (!attack.name.includes(process.env.ONLY ?? '')) continue;
  const once: number[] = [];
  const again: number[] = [];
  const processor: number[] = [];
  const processorAgain: number[] = [];
  const memory: number[] = [];
  const memoryAgain: number[] = [];
  const exceeded: Record<string, number>[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const calm = await round(null);
    const hostile = await round({ attack: index, again: false });
    const persistent = await round({ attack: index, again: true });
    once.push(lost(calm.rate, hostile.rate));
    again.push(lost(calm.rate, persistent.rate));
    processor.push((hostile.cpuUs / calm.cpuUs - 1) * 100);
    processorAgain.push((persistent.cpuUs / calm.cpuUs - 1) * 100);
    memory.push(hostile.peak - calm.peak);
    memoryAgain.push(persistent.peak - calm.peak);
    exceeded.push(hostile.exceeded, persistent.exceeded);
  }
  const figure = (metric: string, unit: string, values: readonly number[]) => {
    const { median, spread } = summary(values.map((value) => Math.round(value * 10) / 10));
    return { case: 'hostile', contestant: attack.name, metric, unit, value: median, rounds: ROUNDS, spread };
  };
  record(join(here, '../results/hostile.jsonl'), [
    figure('neighbours_lose', '%', once),
    figure('processor_time_added_an_answer', '%', processor),
    figure('neighbours_lose_when_it_comes_again', '%', again),
    figure('processor_time_added_an_answer_when_it_comes_again', '%', processorAgain),
    figure('peak_memory_added', 'MiB', memory),
    figure('peak_memory_added_when_it_comes_again', 'MiB', memoryAgain),
  ]);
  console.log(`${attack.name}: ${JSON.stringify(exceeded.slice(-2))}`);
}
victim.disconnect();
attacker.disconnect();
process.exit(0);

/** Share of `rate` that is missing beside it, in per cent. */
function lost(calm: number, rate: number): number {
  return (1 - rate / calm) * 100;
}

/** What the victim says of itself. */
interface State {
  readonly limits: Record<string, number>;
  readonly cpuUs: number;
}

interface Round {
  /** Answers a second to the neighbours. */
  readonly rate: number;
  /** Processor time of the proxy for each of them, microseconds: other load on the machine hardly changes it. */
  readonly cpuUs: number;
  /** Highest resident memory above that at the beginning, MiB. */
  readonly peak: number;
  /** Limits exceeded, how often. */
  readonly exceeded: Record<string, number>;
}

async function round(order: { attack: number; again: boolean } | null): Promise<Round> {
  await told(victim, 'collect');
  const before = await told<State>(victim, 'state');
  writeFileSync(`/proc/${victim.pid}/clear_refs`, '5'); // the peak begins anew
  const resident = kibibytes('VmRSS');
  const from = answers;
  const begun = performance.now();
  if (order) attacker.send({ port, ...order });
  await pause(ROUND_MS);
  const rate = ((answers - from) * 1000) / (performance.now() - begun);
  const peak = (kibibytes('VmHWM') - resident) / 1024;
  const count = answers - from;
  const after = await told<State>(victim, 'state');
  attacker.send('stop');
  await pause(100);
  const exceeded: Record<string, number> = {};
  for (const [limit, times] of Object.entries(after.limits)) {
    const more = times - (before.limits[limit] ?? 0);
    if (more > 0) exceeded[limit] = more;
  }
  return { rate, cpuUs: (after.cpuUs - before.cpuUs) / count, peak, exceeded };
}

function kibibytes(label: string): number {
  const text = readFileSync(`/proc/${victim.pid}/status`, 'utf8');
  return Number(new RegExp(`^${label}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
}

/** One connection that asks again when it is answered. */
function neighbour(): void {
  const socket = connect(port, '127.0.0.1');
  const ask = () => socket.write('GET / HTTP/1.1\r\nHost: api\r\n\r\n');
  socket.on('connect', ask);
  socket.on('data', (chunk) => {
    if (!chunk.toString('latin1').endsWith('hello')) return;
    answers++;
    ask();
  });
  socket.on('error', (error) => {
    throw error;
  });
}

function told<T>(child: ChildProcess, message: object | string): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  child.once('message', (answer) => resolve(answer as T));
  child.send(message);
  return promise;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
