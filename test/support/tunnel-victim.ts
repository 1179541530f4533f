import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Asked } from './tunnel-ends.ts';
import type { TunnelPlan, Victim } from './tunnel-plan.ts';

/** A tunnel whose one side is in a process that is killed. */
export interface DoomedTunnel {
  readonly plan: TunnelPlan;
  readonly asked: Asked;
  /** Where a client asks for it. */
  readonly port: number;
}

/** What a victim is told. */
export interface VictimOrder {
  readonly side: Victim;
  readonly tunnels: readonly DoomedTunnel[];
  /** Where it listens, on the server's side. */
  readonly port: number;
}

/** A process that has one side of many tunnels, until it is killed. */
export class TunnelVictim {
  readonly #child: ChildProcess;
  /** It has said and heard what it was to. */
  readonly whenReady: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.whenReady = once(child, 'message');
  }

  /** Starts one; a server listens when it is here. */
  static async start(order: VictimOrder): Promise<TunnelVictim> {
    const child = fork(PROGRAM);
    child.send(order);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the victim ended with ${code}`))),
    ]);
    return new TunnelVictim(child);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'tunnel-victim-program.ts');
