import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseManifestFile } from '../../destination/objects/manifest-file.ts';
import type { Fault, Suffered } from './fault.ts';
import { CLIENT_PODS, type Manifest, TARGETS } from './manifests.ts';
import type { RunningMesh } from './running-mesh.ts';

/** Does to a mesh what a schedule says, and undoes it. */
export class Saboteur {
  /** What came about so far. */
  readonly suffered: Suffered[] = [];
  /** Faults that were left out, because what they needed to leave alone had not recovered. */
  readonly omitted: Fault[] = [];
  /** What did not recover, as sentences. */
  readonly complaints: string[] = [];
  readonly #mesh: RunningMesh;
  readonly #folder: string;
  readonly #texts: Readonly<Record<Manifest, string>>;

  constructor(mesh: RunningMesh, folder: string, texts: Readonly<Record<Manifest, string>>) {
    this.#mesh = mesh;
    this.#folder = folder;
    this.#texts = texts;
  }

  /** Does all of it. Resolves when everything is well again, or was given up. @param beginMs when the load begins */
  async perform(faults: readonly Fault[], beginMs: number): Promise<void> {
    await Promise.all(
      faults.map(async (fault) => {
        await until(beginMs + fault.beginMs);
        if (isTooMuch(fault, this.suffered)) this.omitted.push(fault);
        else await this.#perform(fault, beginMs + fault.endMs);
      }),
    );
  }

  async #perform(fault: Fault, endMs: number): Promise<void> {
    const at = this.suffered.push({ ...fault, doneMs: Date.now(), overMs: null, isInForce: false }) - 1;
    const isInForce = await this.#inflict(fault);
    this.suffered[at] = { ...this.suffered[at]!, isInForce };
    await until(endMs);
    await this.#heal(fault);
    const isWell = await this.#recovers(fault);
    if (!isWell) this.complaints.push(`fault ${fault.number}: not well again after ${RECOVERY_MS / 1000} s`);
    this.suffered[at] = { ...this.suffered[at]!, overMs: Date.now() };
  }

  /** @returns of a manifest: whether its rules are other ones now */
  async #inflict({ deed, part, pods, manifest, share }: Fault): Promise<boolean> {
    const [pod = ''] = pods;
    const link = this.#mesh.linkOf(pod);
    switch (deed) {
      case 'kill':
      case 'freeze':
        for (const { pid } of this.#mesh.find(part, pods)) process.kill(pid, deed === 'kill' ? 'SIGKILL' : 'SIGSTOP');
        return false;
      case 'cut':
        await this.#mesh.outside('ip', 'link', 'set', link, 'down');
        return false;
      case 'lose':
        for (const rule of LOSS) await this.#mesh.inside(pod, 'iptables', '-I', ...rule);
        return false;
      case 'late':
        await this.#mesh.inside(pod, 'tc', 'qdisc', 'add', 'dev', 'eth0', 'root', ...SLOW);
        await this.#mesh.outside('tc', 'qdisc', 'add', 'dev', link, 'root', ...SLOW);
        return false;
      default:
        return this.#damage(manifest!, damaged(this.#texts[manifest!], deed, share));
    }
  }

  async #heal({ deed, part, pods, manifest }: Fault): Promise<void> {
    const [pod = ''] = pods;
    const link = this.#mesh.linkOf(pod);
    switch (deed) {
      case 'kill':
        await Promise.all(this.#mesh.find(part, pods).map((program) => this.#mesh.restart(program)));
        return;
      case 'freeze':
        for (const { pid } of this.#mesh.find(part, pods)) process.kill(pid, 'SIGCONT');
        return;
      case 'cut':
        await this.#mesh.outside('ip', 'link', 'set', link, 'up');
        return;
      case 'lose':
        for (const rule of LOSS) await this.#mesh.inside(pod, 'iptables', '-D', ...rule);
        return;
      case 'late':
        await this.#mesh.inside(pod, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root');
        await this.#mesh.outside('tc', 'qdisc', 'del', 'dev', link, 'root');
        return;
      default:
        writeFileSync(join(this.#folder, manifest!), this.#texts[manifest!]);
    }
  }

  #damage(manifest: Manifest, text: string | null): boolean {
    const file = join(this.#folder, manifest);
    if (text === null) {
      rmSync(file);
      return true;
    }
    writeFileSync(file, text);
    return parseManifestFile(file, text).faults.length === 0;
  }

  /** Waits until what was killed serves again. @returns false: it does not, in time */
  async #recovers({ deed, part, pods }: Fault): Promise<boolean> {
    if (deed !== 'kill') return true;
    const deadline = Date.now() + RECOVERY_MS;
    while (Date.now() < deadline) {
      const well = await Promise.all(this.#mesh.find(part, pods).map((program) => this.#mesh.isWell(program)));
      if (well.every(Boolean)) return true;
      await until(Date.now() + 100);
    }
    return false;
  }
}

/**
 * Whether a fault would harm what an earlier one has harmed and is not well yet, or take the last that serves. Pure.
 */
export function isTooMuch({ part, pods, manifest }: Fault, suffered: readonly Suffered[]): boolean {
  const ill = suffered.filter(({ overMs }) => overMs === null);
  if (pods.length === 0) return ill.some((each) => each.part === part && each.manifest === manifest);
  const harmed = new Set(ill.flatMap((each) => each.pods));
  if (pods.some((pod) => harmed.has(pod))) return true;
  const groups = [...TARGETS.map((target) => target.pods), CLIENT_PODS];
  const neighbours = groups.find((group) => group.includes(pods[0]!))!;
  const others = neighbours.filter((pod) => harmed.has(pod)).length;
  return pods.length > 1 ? others > 0 : others + 1 >= neighbours.length;
}

/** A manifest as a fault leaves it; null: deleted. */
export function damaged(text: string, deed: Fault['deed'], share: number): string | null {
  if (deed === 'delete') return null;
  if (deed === 'halve') return text.slice(0, Math.floor(text.length * share));
  if (deed === 'break') return `${text}  unfinished: [\n`;
  return text.replace('spec:\n', 'spec:\n  surplus: true\n').replace('timeout: 15s', 'timeout: soon');
}

async function until(atMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - Date.now())));
}

/** One packet in ten, each way. */
const LOSS = [
  ['INPUT', '-i', 'eth0'],
  ['OUTPUT', '-o', 'eth0'],
].map((chain) => [...chain, '-m', 'statistic', '--mode', 'random', '--probability', '0.1', '-j', 'DROP']);
/** Packets wait for up to half a second where more comes than passes. */
const SLOW = ['tbf', 'rate', '4mbit', 'burst', '16kb', 'latency', '500ms'];
/** A program starts within seconds; a proxy may have to wait for identity, which is away for 10 s at most. */
const RECOVERY_MS = 40_000;
