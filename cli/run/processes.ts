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
}

/** Children of `weft run`: each writes to a log file of its own; all are ended with us. */
export class Processes {
  readonly #folder: string;
  readonly #started: Started[] = [];
  #ending = false;
  /** Called when a child ends by itself. */
  onUnexpectedEnd: (name: string, how: number | string) => void = () => {};

  /** @param folder where the logs go */
  constructor(folder: string) {
    this.#folder = folder;
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
      env: { ...baseEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.pipe(log, { end: false });
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.write(`${line}\n`);
      onLine?.(line);
    });
    const ended = new Promise<number | string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('close', (code, signal) => resolve(signal ?? code ?? 0));
    });
    const started = { name, process: child, ended };
    this.#started.push(started);
    void ended.then((how) => {
      if (!this.#ending) this.onUnexpectedEnd(name, how);
    });
    return started;
  }

  /** The last child that was started under a name. */
  find(name: string): Started | undefined {
    return this.#started.findLast((each) => each.name === name);
  }

  /** Ends the children in the reverse order of their start; those that linger are killed after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    this.#ending = true;
    for (const { process: child } of [...this.#started].reverse()) child.kill('SIGTERM');
    const all = Promise.all(this.#started.map(({ ended }) => ended));
    const late = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([all, late]);
    for (const { process: child } of this.#started) if (child.exitCode === null) child.kill('SIGKILL');
  }
}

/** What a child inherits: nothing of ours but the path. */
function baseEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp' };
}
