/**
 * What one hostile connection costs its neighbours, and what memory it makes the proxy hold, attack by attack.
 *
 *     generator (8 connections, closed loop) ─▶ victim.ts ─▶ application
 *     attacker.ts ──────────────────────────────▶┘
 *
 * Rounds take turns: undisturbed; attacked by one connection; the same while the neighbours rest, so that all of the
 * proxy's processor time is the attack's (what it does at rest is among it); that again, its memory watched; and with a
 * client that comes back as soon as it is cut off.
 *
 *   make bench CASE=hostile   (ROUNDS=5, ONLY=part of a name)
 */
import { type ChildProcess, fork } from 'node:child_process';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eitherVersion } from '../../test/support/either-version.ts';
import { ALLOWED, ATTACKS } from '../../test/support/hostile-client.ts';
import { record, summary } from '../result.ts';

const here = dirname(fileURLToPath(import.meta.url));
const ROUNDS = Number(process.env.ROUNDS || 5);
const ROUND_MS = 600;
const NEIGHBOURS = 8;

const application = await eitherVersion();
const victim = fork(join(here, 'victim.ts'), { execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'] });
const attacker = fork(join(here, 'attacker.ts'), { execArgv: ['--disable-warning=ExperimentalWarning'] });
const port = await told<number>(victim, { applicationPort: application.port });

let answers = 0;
let isResting = false;
let rounds = 0;
const asks: (() => void)[] = [];
for (let i = 0; i < NEIGHBOURS; i++) neighbour();
await round(null);

for (const [index, attack] of [...ATTACKS, ...ALLOWED].entries()) {
  if (!attack.name.includes(process.env.ONLY ?? '')) continue;
  const lost: number[] = [];
  const processor: number[] = [];
  const processorAgain: number[] = [];
  const memory: number[] = [];
  let exceeded: Record<string, number> = {};
  let cuts = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const calm = await round(null);
    const hostile = await round({ attack: index, again: false });
    const alone = await round({ attack: index, again: false }, 'alone');
    const sampled = await round({ attack: index, again: false }, 'sampled');
    const again = await round({ attack: index, again: true }, 'alone');
    lost.push((1 - hostile.answers / calm.answers) * 100);
    processor.push(alone.cpuMs);
    processorAgain.push((again.cpuMs / ROUND_MS) * 100);
    memory.push(sampled.grown);
    ({ exceeded } = alone);
    cuts = again.exceeded[attack.limit] ?? 0;
  }
  const figure = (metric: string, unit: string, values: readonly number[]) => {
    const { median, spread } = summary(values.map((value) => Math.round(value * 10) / 10));
    return { case: 'hostile', contestant: attack.name, metric, unit, value: median, rounds: ROUNDS, spread };
  };
  record(join(here, '../results/hostile.jsonl'), [
    figure('neighbours_lose', '%', lost),
    figure('processor_time', 'ms', processor),
    figure('processor_when_it_comes_again', '% of a core', processorAgain),
    figure('memory_grown', 'MiB', memory),
  ]);
  console.log(
    `${attack.name}: ${JSON.stringify(exceeded)}; coming again: ${Math.round((cuts * 1000) / ROUND_MS)} a second`,
  );
}
victim.disconnect();
attacker.disconnect();
process.exit(0);

interface Round {
  /** To the neighbours. */
  readonly answers: number;
  /** Processor time of the proxy. */
  readonly cpuMs: number;
  /** The most that it held above what it held at the beginning, garbage included, MiB; 0 unless sampled. */
  readonly grown: number;
  /** Limits exceeded, how often. */
  readonly exceeded: Record<string, number>;
}

/** What the victim says of itself. */
interface State {
  readonly limits: Record<string, number>;
  readonly cpuUs: number;
  readonly grownBytes: number;
}

async function round(
  order: { attack: number; again: boolean } | null,
  kind: 'together' | 'alone' | 'sampled' = 'together',
): Promise<Round> {
  isResting = kind !== 'together';
  if (isResting) await pause(50);
  else for (const ask of asks.splice(0)) ask();
  await told(victim, 'collect');
  const before = await told<State>(victim, 'state');
  if (kind === 'sampled') victim.send('sample');
  const from = answers;
  // Each time another address: the proxy remembers those that it has cut off.
  rounds++;
  if (order) attacker.send({ port, from: `127.1.${rounds >> 8}.${rounds & 255}`, ...order });
  await pause(ROUND_MS);
  const count = answers - from;
  const after = await told<State>(victim, 'state');
  attacker.send('stop');
  await pause(100);
  const exceeded: Record<string, number> = {};
  for (const [limit, times] of Object.entries(after.limits)) {
    const more = times - (before.limits[limit] ?? 0);
    if (more > 0) exceeded[limit] = more;
  }
  return { answers: count, cpuMs: (after.cpuUs - before.cpuUs) / 1000, grown: after.grownBytes / (1 << 20), exceeded };
}

/** One connection that asks again when it is answered. */
function neighbour(): void {
  const socket = connect(port, '127.0.0.1');
  const ask = () => socket.write('GET / HTTP/1.1\r\nHost: api\r\n\r\n');
  socket.on('connect', ask);
  socket.on('data', (chunk) => {
    if (!chunk.toString('latin1').endsWith('hello')) return;
    answers++;
    if (isResting) asks.push(ask);
    else ask();
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
