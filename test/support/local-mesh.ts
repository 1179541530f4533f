import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import { CONTROL_PORTS } from '../../cli/run/control-plane.ts';
import { isWildcard, socketsListeningOn } from '../../cli/run/listening-socket.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** User and group `nobody`: whoever root becomes to have no privilege. */
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
const unprivileged = process.getuid!() === 0 ? NOBODY : [];

/** Why `weft run` cannot run here without privileges; empty: it can. */
export function unprivilegedObstacle(): string {
  const taken = takenPort();
  if (taken) return `another program listens on every address at port ${taken}`;
  try {
    execFileSync(unprivileged[0] ?? 'env', [...unprivileged.slice(1), 'cat', join(root, 'build/proxy.js')], {
      stdio: 'ignore',
      maxBuffer: 1,
    });
    return '';
  } catch {
    return 'user 65534 cannot read build/proxy.js';
  }
}

/** A port of the mesh's own programs that another program has on every address; undefined: there is none. */
export function takenPort(): number | undefined {
  const ports = [...CONTROL_PORTS, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT, PROXY_ADMIN_PORT];
  return ports.find((port) => socketsListeningOn(port).some(isWildcard));
}

/** `weft run` as a process without privileges. */
export class LocalMesh {
  readonly process: ChildProcess;
  /** Resolves with the exit code or signal. */
  readonly ended: Promise<number | string>;
  output = '';

  constructor(...args: readonly string[]) {
    const command = [...unprivileged, process.execPath, join(root, 'cli/weft.mjs'), 'run', ...args];
    this.process = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout!, this.process.stderr!])
      createInterface({ input: stream }).on('line', (line) => {
        this.output += `${line}\n`;
      });
    this.ended = new Promise((resolve) =>
      this.process.on('close', (code, signal) => {
        // Those of a start that failed outlive it.
        const kept = /^hint: .*logs: (\S+)$/m.exec(this.output)?.[1];
        if (kept) rmSync(kept, { recursive: true, force: true });
        resolve(signal ?? code ?? 0);
      }),
    );
  }

  /** Resolves when the mesh has said that it is up. @throws what it said, when it ends before */
  async up(): Promise<void> {
    let over: number | string | null = null;
    void this.ended.then((how) => {
      over = how;
    });
    while (!/^logs:/m.test(this.output)) {
      if (over !== null) throw new Error(`weft run ended with ${over}:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The address of a pod. */
  ip(pod: string): string {
    return new RegExp(`^pod \\w+/${pod} ready at ([0-9.]+)`, 'm').exec(this.output)![1]!;
  }

  /** Folder of the mesh's state. */
  get state(): string {
    return /logs: (\S+)\/logs/.exec(this.output)![1]!;
  }

  /** Ids of the processes that belong to a mesh with this state, whoever started them. */
  static processesOf(state: string): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`WEFT_RUN_STATE=${state}`);
        } catch {
          return false;
        }
      })
      .map(Number);
  }
}
