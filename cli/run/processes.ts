import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A child that runs. */
export interface Started {
  readonly name: string;
  readonly process: ChildProcess;
  /** Resolves with the exit code or signal. */
  readonly ended: Promise<number | string>;
  /** The last lines that it wrote to its standard error, or to its standard output where it has written nothing there. */
  lastWords(): string;
}

/** Children of `weft run`: each writes to a log file of its own; all are ended with us. */
export class Processes {
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #running = new Set<Started>();
  #ending = false;
  /** Called when a child ends by itself. */
  onUnexpectedEnd: (program: Started, how: number | string) => void = () => {};

  /** @param folder where the logs go @param environment of every child */
  constructor(folder: string, environment: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#environment = environment;
  }

  /** Starts a program. @param onLine hears each line of its standard output too */
  start(
    name: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    onLine?: (line: string) => void,
  ): Started {
    const log: WriteStream = createWriteStream(join(this.#folder, `${name.replaceAll('/', '_')}.log`));
    const child = spawn(command[0]!, command.slice(1), {
      env: { ...baseEnvironment(), ...environment, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: it is ended with its own children, and by us, not by the terminal's Ctrl-C.
      detached: true,
    });
    let lastWords = '';
    let lastLines = '';
    child.stderr.on('data', (chunk: Buffer) => {
      lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS);
    });
    child.stderr.pipe(log, { end: false });
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.write(`${line}\n`);
      lastLines = `${lastLines}${line}\n`.slice(-LAST_WORDS);
      onLine?.(line);
    });
    const ended = new Promise<number | string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('close', (code, signal) => resolve(signal ?? code ?? 0));
    });
    const started = { name, process: child, ended, lastWords: () => lastWords || lastLines };
    this.#running.add(started);
    void ended.then((how) => {
      this.#running.delete(started);
      if (!this.#ending) this.onUnexpectedEnd(started, how);
    });
    return started;
  }

  /** The last running child that was started under a name. */
  find(name: string): Started | undefined {
    return [...this.#running].findLast((each) => each.name === name);
  }

  /** Ends the children in the reverse order of their start; those that linger are killed after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    this.#ending = true;
    for (const started of [...this.#running].reverse()) signalGroup(started, 'SIGTERM');
    const all = Promise.all([...this.#running].map(({ ended }) => ended));
    const late = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([all, late]);
    for (const started of this.#running) signalGroup(started, 'SIGKILL');
  }
}

/** The prefix of a command line that runs it as another user; none for null, our own. */
export function asUser(uid: number | null, gid?: number): readonly string[] {
  if (uid === null) return [];
  const group = gid === undefined ? [] : ['--regid', String(gid)];
  return ['setpriv', '--reuid', String(uid), ...group, '--clear-groups', '--'];
}

/** Signals a child and whatever it has started in its group. */
function signalGroup({ process: { pid } }: Started, signal: NodeJS.Signals): void {
  if (pid === undefined) return; // it could not be started
  try {
    process.kill(-pid, signal);
  } catch {} // all of them have ended
}

/** What a child inherits: nothing of ours but the path. */
function baseEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp' };
}

/** Characters of each output of a child that are remembered: a stack trace with its message. */
const LAST_WORDS = 4000;
