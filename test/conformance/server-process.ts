import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

import { freePort } from '../support/free-port.ts';

/** Somebody else's server as a process, on a port of loopback that was free. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /**
   * Starts one and waits until it listens.
   *
   * @param command program and arguments for a port
   * @param onLine hears each line of its standard output, octets as Latin-1
   */
  static async start(
    command: (port: number) => readonly string[],
    onLine?: (line: string) => void,
    options: { uid?: number; gid?: number } = {},
  ): Promise<ServerProcess> {
    const port = await freePort();
    const [program, ...args] = command(port);
    const child = spawn(program!, args, { stdio: ['ignore', onLine ? 'pipe' : 'ignore', 'pipe'], ...options });
    if (onLine) createInterface({ input: child.stdout!.setEncoding('latin1') }).on('line', onLine);
    let said = '';
    child.stderr!.on('data', (text) => {
      said = (said + text).slice(-700);
    });
    child.on('error', (error) => {
      said += error.message;
    });
    for (let tries = 0; !(await isOpen(port)); tries++) {
      if (tries === TRIES || child.exitCode !== null) {
        child.kill('SIGKILL');
        throw new Error(`${program} does not listen: ${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return new ServerProcess(child, port);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

const TRIES = 300;

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
