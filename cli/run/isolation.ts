import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

import { WeftError } from '../../core/errors/weft-error.ts';
import { iptablesObstacle, programObstacle } from './namespace-programs.ts';
import type { NetworkMode } from './network.ts';
import { builtPrograms } from './programs.ts';
import { EXIT_INTERRUPTED, isStopped, whenStopped } from './stop-signal.ts';

/** How the pods get their network, and why so. */
export interface ModeChoice {
  readonly mode: NetworkMode;
  readonly why: string;
}

const INSIDE = 'WEFT_RUN_INSIDE';

/** Whether this process is already in namespaces of its own. */
export function isIsolated(): boolean {
  return process.env[INSIDE] === '1';
}

/** Chooses how the pods get their network, finding out what this machine allows where that matters. */
export function decideMode(wanted: NetworkMode | null): ModeChoice {
  return chooseMode(wanted, isIsolated() || wanted === 'loopback' ? '' : namespacesObstacle());
}

/** Why a mesh cannot have network namespaces and redirect rules here, found out by trying; empty: it can. One line. */
function namespacesObstacle(): string {
  if (process.getuid?.() !== 0) return 'network namespaces and redirect rules need root';
  const missing = programObstacle();
  if (missing) return missing;
  const init = [process.execPath, join(builtPrograms().folder, 'init.js')];
  const { error, status, stderr } = spawnSync('unshare', [...NAMESPACES, '--', 'sh', '-c', TRIAL, 'sh', ...init], {
    encoding: 'utf8',
    env: { ...process.env, XTABLES_LOCKFILE: '/dev/null' },
  });
  if (error) return `unshare cannot be started: ${error.message}`;
  if (status === 0) return '';
  const lines = stderr.trim().split('\n');
  const fault = lines.find((line) => line.startsWith(INIT_FAULT));
  if (!fault) return lines.at(-1) || `a trial of them ended with ${status}`;
  // Whatever it says: with the programs that are missing it might not.
  return iptablesObstacle() || fault.slice(INIT_FAULT.length);
}

/**
 * Chooses how the pods get their network. Pure.
 *
 * @param wanted null: namespaces where they are possible
 * @param obstacle why namespaces are impossible; empty: they are not
 * @throws WeftError when namespaces are wanted and impossible
 */
export function chooseMode(wanted: NetworkMode | null, obstacle: string): ModeChoice {
  if (wanted === 'loopback') return { mode: wanted, why: 'as --network says' };
  if (obstacle === '') return { mode: 'namespaces', why: 'root, network namespaces and iptables are there' };
  if (wanted === null) return { mode: 'loopback', why: obstacle };
  throw new WeftError('namespaces_impossible', `the pods cannot have network namespaces: ${obstacle}`, {
    hint: 'run it as root with util-linux, iproute2 and iptables installed, or use "weft run --network loopback"',
  });
}

/**
 * Starts this command line again in network, mount and process namespaces of its own: nothing that it makes is seen
 * outside, and all of it goes away with it, however it ends.
 *
 * @returns the exit code
 */
export function runIsolated(): Promise<number> {
  const inside = [process.execPath, ...process.argv.slice(1)];
  // Before the start: a signal in the midst of it would end this process alone, and what it started would stay.
  const stopped = whenStopped();
  const child = spawn(
    'setpriv',
    // Killed with this process, and with it what is inside.
    ['--pdeathsig', 'KILL', 'unshare', ...NAMESPACES, '--kill-child', '--', ...inside],
    { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], env: { ...process.env, [INSIDE]: '1' } },
  );
  tellItsId(child);
  return new Promise((resolve, reject) => {
    let repeat: NodeJS.Timeout | undefined;
    // The first process of a namespace gets a signal only once it listens for it, so it is sent until it is heard.
    void stopped.then(() => {
      repeat = setInterval(() => stopInside(child), REPEAT_MS);
      stopInside(child);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(repeat);
      resolve(signal ? (isStopped() ? EXIT_INTERRUPTED : 1) : (code ?? 1));
    });
  });
}

/** Asks what is inside to end; unshare itself ignores the signal, and without it the kernel ends what is inside. */
function stopInside(child: ChildProcess): void {
  const within = onlyChildOf(child.pid);
  if (within === null) child.kill('SIGKILL');
  else
    try {
      process.kill(within, 'SIGTERM');
    } catch {} // it has ended
}

/** Tells what is inside its id outside, which it cannot see. @see readOwnId */
function tellItsId(child: ChildProcess): void {
  const pipe = child.stdio[ID_FD] as Writable;
  pipe.on('error', () => {}); // it has ended
  const deadline = Date.now() + ID_LIMIT_MS;
  const look = (): void => {
    const within = onlyChildOf(child.pid);
    if (within === null && child.exitCode === null && Date.now() < deadline) setTimeout(look, ID_POLL_MS);
    else pipe.end(String(within ?? ''));
  };
  child.on('spawn', look);
}

/** The id that this process, which is in namespaces of its own, has outside; null: it is not known. To be called once. */
export function readOwnId(): number | null {
  if (!isIsolated()) return null;
  try {
    return Number.parseInt(readFileSync(ID_FD, 'utf8'), 10) || null;
  } catch {
    return null;
  } finally {
    closeSync(ID_FD);
  }
}

/** The process that another one has started; null: it is not known. Source: proc_pid_task_children(5). */
function onlyChildOf(pid: number | undefined): number | null {
  try {
    return Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10) || null;
  } catch {
    return null; // the kernel was built without it
  }
}

const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--mount-proc'];

/** Descriptor at which what is inside reads its id. */
const ID_FD = 3;
const ID_POLL_MS = 10;
/** A kernel that does not tell the children of a process never does. */
const ID_LIMIT_MS = 2000;
/** How often what is inside is asked to end until it does. */
const REPEAT_MS = 250;

/** How a line of proxy/init begins that says why it failed. */
const INIT_FAULT = 'weft init: ';

/** What the namespaces mode does to the kernel, tried in namespaces that go away again; its arguments run proxy/init. */
const TRIAL = `
ip link set lo up && ip link add trial0 type bridge && ip link add trial1 type veth peer name trial2 || exit 1
exec "$@" > /dev/null
`;
