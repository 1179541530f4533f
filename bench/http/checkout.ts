import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseAllDocuments } from 'yaml';

import { ENV_POD_NAME } from '../../api/proxy-environment.ts';
import { type MeshedPods, manifestsIn, meshedCredentials, writeCredentials } from './topology.ts';

/** Another checkout of Weft that takes part, by its own programs. */
export interface Checkout {
  readonly folder: string;
  /** `weft@` and its short commit: its name in the results. */
  readonly name: string;
}

/**
 * Finds the checkouts among those who are wanted, `weft@DIR`, and bundles their programs where they are not yet.
 *
 * @throws when a folder is no checkout, or two are at the same commit
 */
export function prepareCheckouts(wanted: readonly string[]): Checkout[] {
  const checkouts = wanted.filter((each) => each.startsWith(PREFIX)).map((each) => prepare(each.slice(PREFIX.length)));
  const names = new Set(checkouts.map(({ name }) => name));
  if (names.size < checkouts.length) throw new Error('AGAINST names two checkouts at the same commit');
  return checkouts;
}

function prepare(given: string): Checkout {
  const folder = resolve(given);
  if (!existsSync(join(folder, CLI)))
    throw new Error(`AGAINST=${PREFIX}${given}: ${folder} has no ${CLI}, so it is no checkout of Weft`);
  if (!existsSync(join(folder, 'build/proxy.js')))
    execFileSync('make', ['-C', folder, 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
  const commit = execFileSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return { folder, name: `${PREFIX}${commit}` };
}

/**
 * A mesh of another checkout, whole: its own `weft run` starts its own control plane, bundles and flags on the manifests
 * that our mesh has.
 *
 * It lies in network, mount and process namespaces inside ours, so that both can have the same addresses; we see its
 * processes and enter its networks by their ids. Like our own mesh it runs through all rounds and rests while others are
 * measured. `PROXY_FLAGS` does not reach it, because `weft run` has no such option.
 */
export class CheckoutMesh implements MeshedPods {
  readonly name: string;
  readonly #checkout: Checkout;
  readonly #folder: string;
  #process: ChildProcess | null = null;
  #pods: readonly Pod[] = [];

  /** @param folder of `makeFolder` */
  constructor(checkout: Checkout, folder: string) {
    this.name = checkout.name;
    this.#checkout = checkout;
    this.#folder = folder;
  }

  /** Starts it, and resolves when its pods are ready. @throws what it said, when it ends before */
  async start(): Promise<void> {
    const { WEFT_RUN_INSIDE: _, ...environment } = process.env;
    const command = [join(this.#checkout.folder, CLI), 'run', manifestsIn(this.#folder), '--network', 'namespaces'];
    const child = spawn(process.execPath, command, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const pods: Pod[] = [];
    await new Promise<void>((resolve, reject) => {
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => {
          said += `${line}\n`;
          const ready = /^pod default\/(\S+)-0 ready at ([0-9.]+)/.exec(line);
          if (ready) pods.push({ deployment: ready[1]!, address: ready[2]! });
          if (line.startsWith('to look inside')) resolve();
        });
      child.once('close', (code) => reject(new Error(`weft run of ${this.name} ended with ${code}:\n${said}`)));
    });
    this.#pods = pods;
  }

  /** Ends it with all its processes. */
  async end(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  get enter(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#inside()}/ns/net`, '--'];
  }

  namespace(deployment: string): string {
    return `/proc/${this.pid(deployment)}/ns/net`;
  }

  address(deployment: string): string {
    return this.#pods.find((pod) => pod.deployment === deployment)!.address;
  }

  clusterIp(service: string): string {
    const objects = parseAllDocuments(readFileSync(join(this.#state(), 'cluster/state.yaml'), 'utf8'));
    const found = objects
      .map((document) => document.toJS() as { kind: string; metadata: { name: string }; spec: { clusterIP: string } })
      .find(({ kind, metadata }) => kind === 'Service' && metadata.name === service);
    return found!.spec.clusterIP;
  }

  /** Process of a pod's proxy. */
  pid(deployment: string): number {
    const variable = `${ENV_POD_NAME}=${deployment}-0`;
    const found = this.#processes().find((pid) => {
      const isProxy = read(`/proc/${pid}/cmdline`).includes('/proxy.js');
      return isProxy && read(`/proc/${pid}/environ`).split('\0').includes(variable);
    });
    if (found === undefined) throw new Error(`${this.name} has no proxy of ${deployment}`);
    return found;
  }

  /** Processes that are no proxies and take load: the containers of its pods. */
  backends(): number[] {
    return this.#processes().filter((pid) => /^(backend|iperf3)$/.test(read(`/proc/${pid}/comm`).trim()));
  }

  credentials(): string {
    return writeCredentials(join(this.#folder, `credentials-${this.name}.json`), meshedCredentials(this.#state()));
  }

  /** Folder of its state, which its own mount namespace hides from us. */
  #state(): string {
    const run = `/proc/${this.#inside()}/root/run`;
    const name = readdirSync(run).find((each) => each.startsWith('weft-state-'));
    return join(run, name!);
  }

  /** The process of `weft run` within its namespaces, which has started the proxies. */
  #inside(): number {
    return parentOf(this.pid('client'));
  }

  /** All that it has started, in our own numbers (pid_namespaces(7)). */
  #processes(): number[] {
    const parents = new Map(
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => [Number(pid), parentOf(Number(pid))]),
    );
    const isOurs = (pid: number): boolean => {
      for (let at = parents.get(pid) ?? 0; at > 1; at = parents.get(at) ?? 0)
        if (at === this.#process!.pid) return true;
      return false;
    };
    return [...parents.keys()].filter(isOurs);
  }
}

interface Pod {
  readonly deployment: string;
  readonly address: string;
}

/** 0: the process is gone. Source: proc_pid_status(5). */
function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** Empty when the process is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const PREFIX = 'weft@';
const CLI = 'cli/weft.mjs';
