import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { CONTROL_ADMIN_PORT, PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { ENV_POD_NAME } from '../../api/proxy-environment.ts';
import { BRIDGE_IPV4 } from '../../cli/run/bridge.ts';
import { parseListeningSockets } from '../../cli/run/listening-socket.ts';
import { LocalMesh } from '../support/local-mesh.ts';
import type { Part } from './fault.ts';
import type { Sample } from './growth.ts';
import { PODS, TARGETS } from './manifests.ts';

/** A program of the mesh. What it is started by stays when it dies. */
export interface Program {
  /** `proxy of web-0`, `identity`. */
  readonly name: string;
  readonly part: Part | 'client';
  /** Null: of the control plane. */
  readonly pod: string | null;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly uid: string;
  pid: number;
}

/** `weft run` as a process, seen from outside its namespaces: whose programs are killed, and started again as a kubelet would. */
export class RunningMesh {
  readonly programs: readonly Program[];
  readonly #process: ChildProcess;
  /** The process within the namespaces. */
  readonly #id: string;
  readonly #state: string;
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #logs: string;

  /** @param logs folder for what `weft run` and restarted programs say @throws what it said, when it ends before it is up */
  static async start(folder: string, logs: string, certificateLifetime: string): Promise<RunningMesh> {
    const words = [WEFT, 'run', folder, '--network', 'namespaces', '--certificate-lifetime', certificateLifetime];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const book = createWriteStream(join(logs, 'weft-run.log'));
    let [output, isOver] = ['', false];
    child.on('close', () => {
      isOver = true;
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        book.write(`${new Date().toISOString()} ${line}\n`);
        if (output.length < MAX_OUTPUT) output += `${line}\n`;
      });
    while (!/^Ctrl-C/m.test(output)) {
      if (isOver) throw new Error(`weft run ended before it was up:\n${output}`);
      await wait(50);
    }
    return new RunningMesh(child, output, logs);
  }

  private constructor(child: ChildProcess, output: string, logs: string) {
    this.#process = child;
    this.#logs = logs;
    const [, id = '', state = ''] = /^logs: \/proc\/(\d+)\/root(\S+)\/logs$/m.exec(output) ?? [];
    this.#id = id;
    this.#state = state;
    this.#addresses = new Map(
      [...output.matchAll(/^pod \w+\/(\S+) ready at ([0-9.]+)/gm)].map(([, pod = '', address = '']) => [pod, address]),
    );
    this.programs = LocalMesh.processesOf(state).flatMap((pid) => programOf(pid) ?? []);
  }

  /** Folder of the logs of what `weft run` has started, as it is seen here. */
  get logs(): string {
    return `/proc/${this.#id}/root${this.#state}/logs`;
  }

  get isUp(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** The pod with an address that a text names; null: it names none. */
  podIn(text: string): string | null {
    return [...this.#addresses].find(([, address]) => new RegExp(`\\b${address}\\b(?!\\.)`).test(text))?.[0] ?? null;
  }

  /** The programs of a part: of these pods, or of the control plane. */
  find(part: Part, pods: readonly string[]): Program[] {
    return this.programs.filter(
      (program) => program.part === part && (program.pod === null || pods.includes(program.pod)),
    );
  }

  /** Starts a program that was killed, in the namespaces that it was in. Resolves when it runs, not yet ready. */
  async restart(program: Program): Promise<void> {
    const { name, pod, command, environment, uid } = program;
    const book = openSync(join(this.#logs, `${name.replaceAll(' ', '-')}.log`), 'a');
    const place = pod === null ? ['--net', '--'] : ['--', 'nsenter', `--net=${namespaceOf(pod)}`, '--'];
    const user = ['setpriv', '--reuid', uid, '--regid', uid, '--clear-groups', '--'];
    const words = ['--target', this.#id, '--mount', '--pid', ...place, ...user, ...command];
    const child = spawn('nsenter', words, { stdio: ['ignore', book, book], env: environment });
    for (;;) {
      const [pid] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
      if (pid) {
        program.pid = Number(pid);
        return;
      }
      await wait(10);
    }
  }

  /** Whether a program serves. */
  async isWell({ part, pod, pid }: Program): Promise<boolean> {
    if (!isAlive(pid)) return false;
    if (part === 'application') {
      const target = TARGETS.find(({ pods }) => pods.includes(pod!))!;
      const tables = ['tcp', 'tcp6'].map((table) => readFileSync(`/proc/${pid}/net/${table}`, 'latin1')).join('\n');
      return parseListeningSockets(tables).some(({ port }) => port === target.targetPort);
    }
    const host = pod === null ? BRIDGE_IPV4 : this.#addresses.get(pod)!;
    const port =
      part === 'proxy' ? PROXY_ADMIN_PORT : part === 'identity' ? CONTROL_ADMIN_PORT : CONTROL_ADMIN_PORT + 1;
    const url = `http://${host}:${port}/ready`;
    return this.outside('curl', '-sf', '--max-time', '1', url).then(
      () => true,
      () => false,
    );
  }

  /** Runs a command in the network of the bridge. @returns its output @throws what it said */
  outside(...command: readonly string[]): Promise<string> {
    return run('nsenter', ['--target', this.#id, '--mount', '--net', '--', ...command]);
  }

  /** Runs a command in the network of a pod. @returns its output @throws what it said */
  inside(pod: string, ...command: readonly string[]): Promise<string> {
    return this.outside('nsenter', `--net=${namespaceOf(pod)}`, '--', ...command);
  }

  /** The end of a pod's link that is at the bridge. */
  linkOf(pod: string): string {
    return `veth${PODS.indexOf(pod)}`;
  }

  /** What each program has now, `weft run` itself among them; those that are dead have nothing. */
  samples(): { name: string; pid: number; sample: Sample }[] {
    const all = [...this.programs, { name: 'weft run', pid: Number(this.#id) }];
    return all.flatMap(({ name, pid }) => {
      try {
        const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
        const descriptors = readdirSync(`/proc/${pid}/fd`).length;
        return { name, pid, sample: { atMs: Date.now(), octets: pages * PAGE_OCTETS, descriptors } };
      } catch {
        return [];
      }
    });
  }

  /** Ends `weft run`, and all that was started in its namespaces with it. */
  async end(): Promise<void> {
    if (!this.isUp) return;
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGTERM');
    await Promise.race([ended, wait(END_MS)]);
    this.#process.kill('SIGKILL');
  }
}

/** Whether a process runs; one that has ended and not been waited for does not. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** What a process is of the mesh, by its command and its environment; null: it is none of its programs. */
function programOf(pid: number): Program | null {
  const command = words(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  const environment = Object.fromEntries(
    words(readFileSync(`/proc/${pid}/environ`, 'utf8')).map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
  const [, file = ''] = /\/(\w+)\.[jt]s$/.exec(command.find((word) => /\.[jt]s$/.test(word)) ?? '') ?? [];
  if (!PROGRAMS.includes(file)) return null;
  const isControl = file === 'identity' || file === 'destination';
  const pod = isControl ? null : (environment.POD_NAME ?? environment[ENV_POD_NAME] ?? '');
  const name = isControl ? file : `${file} of ${pod}`;
  return { name, part: file as Program['part'], pod, command, environment, uid, pid };
}

function words(text: string): string[] {
  return text.split('\0').filter((word) => word !== '');
}

function namespaceOf(pod: string): string {
  return `/run/netns/pod-${PODS.indexOf(pod)}`;
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, out, text) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${text.trim() || error.message}`));
      else resolve(out);
    });
  });
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const WEFT = join(fileURLToPath(import.meta.url), '../../../cli/weft.mjs');
const PROGRAMS = ['application', 'client', 'proxy', 'identity', 'destination'];
const PAGE_OCTETS = 4096;
const MAX_OUTPUT = 100_000;
const END_MS = 10_000;
