/**
 * Weft's proxy beside others, case by case: contestants take turns within a round, proxies on core 0, generator and
 * backend on core 1, processor time from the scheduler. Needs root, h2load, iperf3 and cc; starts itself in namespaces of
 * its own.
 *
 *   make bench CASE=h2-mtls [AGAINST=haproxy,nghttpx] [ROUNDS=5] [PROXY_FLAGS="--cpu-prof …"]
 *
 * `AGAINST=weft@DIR` takes another checkout of Weft as a contestant, with its own programs (see {@link CheckoutMesh}).
 */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { decideMode, isIsolated, runIsolated } from '../../cli/run/isolation.ts';
import { CASES } from './cases.ts';
import { type Checkout, CheckoutMesh, prepareCheckouts } from './checkout.ts';
import { contestantsOf } from './contestants.ts';
import { pin } from './cpu.ts';
import { measure, type Sample } from './measure.ts';
import { PEERS } from './peers.ts';
import { report } from './report.ts';
import { makeFolder, Topology } from './topology.ts';

const here = dirname(fileURLToPath(import.meta.url));
const rounds = Number(process.env.ROUNDS || 5);
const wanted = process.env.AGAINST ? process.env.AGAINST.split(',') : PEERS.map(({ name }) => name);

const each = CASES.find(({ name }) => name === process.env.CASE);
if (!each) {
  console.error(`CASE must be one of ${CASES.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}
decideMode('namespaces');
// Before there is no network any more: a checkout may have packages to install.
const checkouts = tryToPrepare();
if (!isIsolated()) process.exit(await runIsolated());

const folder = makeFolder(each);
let topology = await start();
const others = checkouts.map((checkout) => new CheckoutMesh(checkout, folder));
for (const other of others) await startOther(other);
pin(process.pid, 1);
const contestants = contestantsOf(each, wanted, others);
const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]));
console.log(`${each.name}: ${each.what}; ${rounds} rounds`);
for (let round = 0; round < rounds; round++) {
  for (const contestant of contestants) {
    // Memory that connections took is there for those that follow: each of ours begins with a fresh process, as peers do.
    if (each.kind === 'connections') await renew(contestant.mesh);
    const entrance = await contestant.open(each, topology);
    try {
      const sample = await measure(each, entrance);
      if (sample.failed > 0)
        console.error(`! ${contestant.name}: ${sample.failed} of ${each.requests} requests failed`);
      samples.get(contestant.name)!.push(sample);
    } catch (error) {
      // One that cannot must not cost the others their figures.
      console.error(`! ${contestant.name}: ${(error as Error).message}`);
    } finally {
      await entrance.leave();
    }
  }
  process.stderr.write(`round ${round + 1} of ${rounds}\n`);
}
await showRoutes();
for (const other of others) await other.end();
await topology.end();
rmSync(folder, { recursive: true });
report(each, samples, join(here, '../results'));
process.exit(0);

function tryToPrepare(): Checkout[] {
  try {
    return prepareCheckouts(wanted);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(64);
  }
}

async function start(): Promise<Topology> {
  const started = await Topology.start(folder);
  for (const pod of ['server', 'plain', 'peer-server']) pin(started.pid(pod, 'main'), 1);
  return started;
}

async function startOther(other: CheckoutMesh): Promise<void> {
  await other.start();
  for (const pid of other.backends()) pin(pid, 1);
}

/** Starts a mesh again. */
async function renew(mesh: 'own' | CheckoutMesh | null): Promise<void> {
  if (mesh === null) return;
  if (mesh === 'own') {
    await topology.end();
    topology = await start();
  } else {
    await mesh.end();
    await startOther(mesh);
  }
}

/** The route's own count, so that a proxy without routes cannot win. */
async function showRoutes(): Promise<void> {
  const text = await (await fetch(`http://${topology.address('client')}:4191/metrics`)).text();
  for (const line of text.split('\n')) if (/^route_request_total.*rt_route="route 19"/.test(line)) console.log(line);
}
