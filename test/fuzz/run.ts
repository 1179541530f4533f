/**
 * Fuzzes one target (or all) for some seconds: `make fuzz TARGET=http1-request SECONDS=60 SEED=1`.
 *
 * Case `i` of seed `s` is always the same input. Each is run at once and in pieces: no exception, the same outcome, no
 * growth of the heap, no case that takes longer than {@link STUCK_MS}. A finding is written to build/fuzz/.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { Random } from '../../core/testing/random.ts';
import { damage, pieceEnds, type Target } from './target.ts';
import { TARGETS } from './targets.ts';

const ROOT = join(fileURLToPath(import.meta.url), '../../..');
const STUCK_MS = 10_000;
/** What the heap may grow by between collections of one target's run. */
const MAX_GROWTH_BYTES = 16 << 20;

const seconds = Number(process.env.SECONDS ?? 10);
const seed = Number(process.env.SEED ?? 1);
const names = process.env.TARGET ? [process.env.TARGET] : Object.keys(TARGETS);
const progress = new Int32Array(new SharedArrayBuffer(4));
const watchdog = watch(progress);
let findings = 0;
let total = 0;
for (const name of names) {
  const target = TARGETS[name];
  if (!target) {
    console.error(`there is no target ${name}; there are ${Object.keys(TARGETS).join(', ')}`);
    process.exit(64);
  }
  total += fuzz(name, target);
}
await watchdog.terminate();
console.log(`fuzz: ${total} executions, ${findings} findings, seed ${seed}`);
process.exit(findings > 0 ? 1 : 0);

function fuzz(name: string, target: Target): number {
  const seeds = readSeeds(name);
  const end = performance.now() + seconds * 1000;
  let executions = 0;
  let baseline = 0;
  let found = 0;
  for (let i = 0; performance.now() < end && found < 5; i++, executions++) {
    const random = new Random(seed * 1_000_003 + i);
    const octets = seeds.length > 0 && random.oneIn(8) ? damage(random.pick(seeds), random) : target.make(random);
    Atomics.store(progress, 0, i);
    const fault = faultOf(target, octets, pieceEnds(random, octets.length));
    if (fault) {
      found++;
      mkdirSync(join(ROOT, 'build/fuzz'), { recursive: true });
      writeFileSync(join(ROOT, 'build/fuzz', `${name}-${seed}-${i}`), octets);
      console.log(`${name}: case ${i} of seed ${seed}, kept as build/fuzz/${name}-${seed}-${i}: ${fault}`);
    }
    if (i % 20_000 === 19_999) {
      gc?.();
      const { heapUsed } = process.memoryUsage();
      if (baseline === 0) baseline = heapUsed;
      else if (heapUsed - baseline > MAX_GROWTH_BYTES) {
        found++;
        console.log(`${name}: the heap has grown by ${heapUsed - baseline} octets in ${i + 1} cases`);
        break;
      }
    }
  }
  findings += found;
  console.log(`  ${name}: ${executions} executions, ${found} findings`);
  return executions;
}

function faultOf(target: Target, octets: Uint8Array, ends: readonly number[]): string | null {
  try {
    const whole = target.run(octets, [octets.length]);
    const split = target.run(octets, ends);
    return whole === split ? null : `at once ${whole.slice(0, 1500)}\n  in pieces ${split.slice(0, 1500)}`;
  } catch (error) {
    return (error as Error).stack ?? String(error);
  }
}

function readSeeds(name: string): Buffer[] {
  const folder = join(ROOT, 'test/fuzz/seeds', name);
  return readdirSync(folder).map((file) => readFileSync(join(folder, file)));
}

/** Ends the process when one case does not end. */
function watch(shared: Int32Array): Worker {
  const source = `
    const { workerData } = require('node:worker_threads');
    let last = -1;
    setInterval(() => {
      const now = Atomics.load(workerData, 0);
      if (now === last) {
        console.error('case ' + now + ' of seed ${seed} does not end');
        process.kill(process.pid, 'SIGKILL');
      }
      last = now;
    }, ${STUCK_MS});`;
  return new Worker(source, { eval: true, workerData: shared });
}
