import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describeFault, type Fault, type Suffered } from './fault.ts';
import { Ledger } from './ledger.ts';
import { Lives } from './lives.ts';
import { CLIENT_PODS, type Manifest, manifests } from './manifests.ts';
import { NewLines } from './new-lines.ts';
import { type Findings, isGood, printFindings } from './report.ts';
import { gaugesAtRest } from './rest.ts';
import { RunningMesh } from './running-mesh.ts';
import { Saboteur } from './saboteur.ts';

/** What a run is about. */
export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: readonly Fault[];
  /** Folder of the mesh's manifests and of the clients' ledgers. */
  readonly work: string;
  /** Folder of what stays: the ledger and the logs. */
  readonly kept: string;
}

/** Runs a mesh, its load and its faults, and prints what came of it. @returns whether nothing is to be complained of */
export async function runChaos({ seed, minutes, faults, work, kept }: ChaosOptions): Promise<boolean> {
  const folder = join(work, 'manifests');
  const logs = join(kept, `${seed}-logs`);
  const book = join(kept, `${seed}.jsonl`);
  rmSync(logs, { recursive: true, force: true });
  for (const each of [folder, logs]) mkdirSync(each, { recursive: true });
  writeFileSync(book, '');
  const texts = manifests(import.meta.dirname, work, seed, RATE);
  for (const manifest of Object.keys(texts) as Manifest[]) writeFileSync(join(folder, manifest), texts[manifest]);
  for (const fault of faults) console.log(describeFault(fault));
  const mesh = await RunningMesh.start(folder, logs, CERTIFICATE_LIFETIME);
  const beginMs = Date.now() + 1000;
  const endMs = beginMs + minutes * 60_000;
  const ledger = new Ledger();
  const saboteur = new Saboteur(mesh, folder, texts);
  const lives = new Lives(beginMs, Math.min(WARM_UP_MS, (endMs - beginMs) / 3));
  const books = CLIENT_PODS.map((pod) => new NewLines(join(work, `${pod}.jsonl`)));
  const read = () => {
    for (const line of books.flatMap((each) => each.read())) {
      const entry = ledger.take(line);
      if (entry) appendFileSync(book, `${JSON.stringify(entry)}\n`);
    }
  };
  writeFileSync(join(work, 'load.json'), JSON.stringify({ beginMs, endMs }));
  const performed = saboteur.perform(faults, beginMs);
  while (ledger.ended < CLIENT_PODS.length && Date.now() < endMs + LATEST_END_MS && mesh.isUp) {
    await wait(STEP_MS);
    read();
    if (Date.now() < endMs) for (const each of mesh.samples()) lives.add(each);
    const now = saboteur.suffered.filter(({ overMs }) => overMs === null);
    const failed = ledger.total - ledger.count('right');
    console.log(
      `${String(Math.round((Date.now() - beginMs) / 1000)).padStart(5)} s  ${ledger.total} requests, ${failed} not right, ` +
        `${ledger.count('wrong')} wrong, ${ledger.count('hang')} hang, median ${ledger.takeMedianMs()} ms; now: ${now.map(nameOf).join(', ') || 'peace'}`,
    );
  }
  await performed;
  await wait(REST_MS);
  const findings: Findings = {
    seed,
    minutes,
    ledger,
    isUp: mesh.isUp,
    suffered: saboteur.suffered,
    omitted: saboteur.omitted,
    complaints: [...saboteur.complaints, ...(mesh.isUp ? await gaugesAtRest(mesh) : [])],
    growth: lives.growth(mesh.samples()),
    podIn: (text) => mesh.podIn(text),
  };
  for (const fault of saboteur.suffered) appendFileSync(book, `${JSON.stringify({ fault })}\n`);
  for (const growth of findings.growth)
    appendFileSync(book, `${JSON.stringify({ growth, octets: lives.octetsOf(growth) })}\n`);
  printFindings(findings, beginMs);
  keepLogs(mesh, logs);
  await mesh.end();
  console.log(`ledger: ${book}; logs: ${logs}`);
  return isGood(findings);
}

/** Copies what `weft run` has kept; what a run has shown does not depend on it. */
function keepLogs(mesh: RunningMesh, logs: string): void {
  try {
    if (mesh.isUp) cpSync(mesh.logs, logs, { recursive: true });
  } catch (error) {
    console.log(`the logs of the programs as they were started could not be kept: ${(error as Error).message}`);
  }
}

function nameOf({ number, deed, part, pods, manifest }: Suffered): string {
  return `#${number} ${deed} ${manifest ?? [part, ...pods].join(' ')}`;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Requests a second, of all clients. */
const RATE = 150;
const CERTIFICATE_LIFETIME = '90s';
const WARM_UP_MS = 60_000;
const STEP_MS = 10_000;
/** Above all that a request may take. */
const LATEST_END_MS = 150_000;
/** A server's proxy holds for 10 s what was silent in the handshake. */
const REST_MS = 15_000;
