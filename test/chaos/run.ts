/**
 * Harms a mesh for some minutes while it is used, and judges every request: `make chaos SEED=1 MINUTES=30`. `-n` prints what
 * would be done. docs/internals/chaos.md says what may fail when.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runChaos } from './chaos.ts';
import { describeFault } from './fault.ts';
import { scheduleOf } from './schedule.ts';

const ROOT = join(fileURLToPath(import.meta.url), '../../..');
const USAGE = 'usage: make chaos [SEED=1] [MINUTES=30]   (root; node test/chaos/run.ts -n prints the faults alone)';
/** Says to the process within namespaces of its own which folder is its. */
const ENV_WORK = 'CHAOS_WORK';

const seed = Number(process.env.SEED || 1);
const minutes = Number(process.env.MINUTES || 30);
if (!Number.isInteger(seed) || !(minutes >= 0.5)) {
  console.error(USAGE);
  process.exit(64);
}
const faults = scheduleOf(seed, minutes);
const work = process.env[ENV_WORK];
if (process.argv.includes('-n')) for (const fault of faults) console.log(describeFault(fault));
else if (work === undefined) process.exitCode = await isolated();
else process.exit((await runChaos({ seed, minutes, faults, work, kept: join(ROOT, 'build/chaos') })) ? 0 : 1);

/** Starts this again in namespaces of its own, so that nothing that is done reaches the machine, and all ends with it. */
async function isolated(): Promise<number> {
  if (process.getuid!() !== 0) {
    console.error('chaos needs root: pods have network namespaces, whose links are cut');
    return 1;
  }
  mkdirSync(join(ROOT, 'build/chaos'), { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'weft-chaos-'));
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const inside = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, '--', ...inside], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, [ENV_WORK]: folder },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGKILL'));
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)));
  rmSync(folder, { recursive: true, force: true });
  return code;
}
