/**
 * What one hostile connection costs its neighbours, and what memory it makes the proxy hold, attack by attack.
 *
 *     h2load (64 connections, closed loop) ─▶ victim.ts ─▶ http/backend.c
 *     attacker.ts ──────────────────────────▶┘      └──▶ an application that serves what attacks ask for
 *
 * The victim has core 0, which its neighbours saturate; everybody else has core 1. Rounds take turns: undisturbed;
 * attacked by ten connections, a tenth of whose effect is told; and without neighbours, so that all of the proxy's processor time is the attack's (what it
 * does at rest is among it): attacked by one; that again, its memory watched; and by a client that comes back as soon as it is cut
 * off. The first figure, of no attack at all, tells how much of a difference is noise.
 *
 *   make bench CASE=hostile   (after listeners.ts; ROUNDS=5, ONLY=part of a name; needs h2load and cc)
 */
import { type ChildProcess, execFile, execFileSync, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eitherVersion } from '../../test/support/either-version.ts';
import { ALLOWED, ATTACKS } from '../../test/support/hostile-client.ts';
import { pin } from '../http/cpu.ts';
import { record, summary } from '../result.ts';
import { ask } from './ask.ts';

const here = dirname(fileURLToPath(import.meta.url));
const ROUNDS = Number(process.env.ROUNDS || 5);
const ROUND_MS = 600;
/** Of a round that counts the neighbours' answers. */
const COUNTED_SECONDS = 2;
const NEIGHBOURS = 64;
/** Attackers in a counted round: what one of them costs is less than a machine's speed differs from second to second. */
const AT_ONCE = 10;
/** Rounds until the victim is as fast as it will be. */
const WARM_UPS = 3;
const BACKEND_PORT = 18_090;

const folder = mkdtempSync(join(tmpdir(), 'weft-hostile-'));
const backend = startBackend();
const application = await eitherVersion();
const victim = fork(join(here, 'victim.ts'), { execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'] });
const attacker = fork(join(here, 'attacker.ts'), { execArgv: ['--disable-warning=ExperimentalWarning'] });
pin(victim.pid!, 0);
for (const { pid } of [process, backend, attacker]) pin(pid!, 1);
const ports = await ask<{ ofNeighbours: number; ofAttacker: number }>(victim, {
  ofNeighbours: BACKEND_PORT,
  ofAttacker: application.port,
});
let comings = 0;

for (let i = 0; i < WARM_UPS; i++) await answersBeside(null);
const noise: number[] = [];
for (let i = 0; i < ROUNDS; i++) noise.push(await lostBeside(null));
report([figure('(nobody)', 'neighbours_lose', '%', noise)]);

for (const [attack, { name, limit }] of [...ATTACKS, ...ALLOWED].entries()) {
  if (!name.includes(process.env.ONLY ?? '')) continue;
  const lost: number[] = [];
  const processor: number[] = [];
  const processorAgain: number[] = [];
  const memory: number[] = [];
  let exceeded: Record<string, number> = {};
  let cuts = 0;
  for (let i = 0; i < ROUNDS; i++) {
    lost.push(await lostBeside(attack));
    const once = await alone({ attack, again: false });
    const sampled = await alone({ attack, again: false }, true);
    const again = await alone({ attack, again: true });
    processor.push(once.cpuMs);
    processorAgain.push((again.cpuMs / ROUND_MS) * 100);
    memory.push(sampled.grown);
    ({ exceeded } = once);
    cuts = again.exceeded[limit] ?? 0;
  }
  report([
    figure(name, 'neighbours_lose', '%', lost),
    figure(name, 'processor_time', 'ms', processor),
    figure(name, 'processor_when_it_comes_again', '% of a core', processorAgain),
    figure(name, 'memory_grown', 'MiB', memory),
  ]);
  console.log(`${JSON.stringify(exceeded)}; coming again: ${Math.round((cuts * 1000) / ROUND_MS)} a second`);
}
victim.disconnect();
attacker.disconnect();
backend.kill();
rmSync(folder, { recursive: true });
process.exit(0);

/** Which attack, and whether it comes again when it is cut off. */
interface Order {
  readonly attack: number;
  readonly again: boolean;
}

/** What an attack costs a proxy that has nothing else to do. */
interface Cost {
  /** Processor time of the proxy. */
  readonly cpuMs: number;
  /** The most that it held above what it held at the beginning, garbage included, MiB; 0 unless it was watched. */
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

/** By how many per cent fewer answers the neighbours have beside one attacker than in the calm before and after. */
async function lostBeside(attack: number | null): Promise<number> {
  const before = await answersBeside(null);
  const hostile = await answersBeside(attack);
  const after = await answersBeside(null);
  return ((1 - hostile / ((before + after) / 2)) * 100) / AT_ONCE;
}

/** The neighbours' answers in a round. */
async function answersBeside(attack: number | null): Promise<number> {
  await ask(victim, 'collect');
  const load = ['-t1', `-c${NEIGHBOURS}`, '-m1', '--h1', `-D${COUNTED_SECONDS}`];
  const url = `http://127.0.0.1:${ports.ofNeighbours}/`;
  const said = new Promise<string>((resolve, reject) =>
    execFile('taskset', ['-c', '1', 'h2load', ...load, url], (error, out) => (error ? reject(error) : resolve(out))),
  );
  if (attack !== null) begin({ attack, again: false }, AT_ONCE);
  const answers = Number(/(\d+) succeeded/.exec(await said)?.[1]);
  attacker.send('stop');
  return answers;
}

async function alone(order: Order, isWatched = false): Promise<Cost> {
  await pause(100);
  await ask(victim, 'collect');
  const before = await ask<State>(victim, 'state');
  if (isWatched) victim.send('sample');
  begin(order);
  await pause(ROUND_MS);
  const after = await ask<State>(victim, 'state');
  attacker.send('stop');
  const exceeded: Record<string, number> = {};
  for (const [limit, times] of Object.entries(after.limits)) {
    const more = times - (before.limits[limit] ?? 0);
    if (more > 0) exceeded[limit] = more;
  }
  return { cpuMs: (after.cpuUs - before.cpuUs) / 1000, grown: after.grownBytes / (1 << 20), exceeded };
}

/** Each time from another address: the proxy remembers those that it has cut off. */
function begin(order: Order, connections = 1): void {
  const from = Array.from({ length: connections }, () => `127.1.${++comings >> 8}.${comings & 255}`);
  attacker.send({ port: ports.ofAttacker, from, ...order });
}

function figure(contestant: string, metric: string, unit: string, values: readonly number[]) {
  const { median, spread } = summary(values.map((value) => Math.round(value * 10) / 10));
  return { case: 'hostile', contestant, metric, unit, value: median, rounds: ROUNDS, spread };
}

function report(figures: Parameters<typeof record>[1]): void {
  record(join(here, '../results/hostile.jsonl'), figures);
}

/** The application of the neighbours: cheap, so that the proxy is what they wait for. */
function startBackend(): ChildProcess {
  const program = join(folder, 'backend');
  execFileSync('cc', ['-O2', '-w', '-o', program, join(here, '../http/backend.c')]);
  return spawn(program, [String(BACKEND_PORT), '100'], { stdio: 'ignore' });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
