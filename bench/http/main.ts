/**
 * Weft's proxy beside others, case by case: contestants take turns within a round, proxies on core 0, generator and
 * backend on core 1, processor time from the scheduler. Needs root, h2load and cc; starts itself in namespaces of its own.
 *
 *   make bench CASE=h2-mtls [AGAINST=haproxy,nghttpx] [ROUNDS=5]
 */
import { execFileSync, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROXY_UID } from '../../api/names.ts';
import { decideMode, isIsolated, runIsolated } from '../../cli/run/isolation.ts';
import { type Figure, record, summary } from '../result.ts';
import { CASES, type Case } from './cases.ts';
import { pin, processorMs, unsharedMiB } from './cpu.ts';
import { generate, type Run } from './generator.ts';
import { PEERS, type Peer } from './peers.ts';
import { BACKEND_PORT, Topology } from './topology.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const rounds = Number(process.env.ROUNDS || 5);
const wanted = process.env.AGAINST ? process.env.AGAINST.split(',') : PEERS.map(({ name }) => name);

const each = CASES.find(({ name }) => name === process.env.CASE);
if (!each) {
  console.error(`CASE must be one of ${CASES.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}
decideMode('namespaces');
if (!isIsolated()) process.exit(await runIsolated());

/** What one contestant did in one round. */
interface Sample {
  readonly run: Run;
  /** Milliseconds of processor time of its proxies for 1,000 requests. */
  readonly cpu: number;
  /** Largest unshared memory among its proxies, MiB. */
  readonly memory: number;
}

const topology = await Topology.start(each.body);
for (const pod of ['server', 'plain', 'peer-server']) pin(topology.pid(pod, 'main'), 1);
pin(process.pid, 1);
const peers = PEERS.filter(({ name }) => wanted.includes(name) && isInstalled(name));
// Twice the same contestant tells how much of a difference is noise.
const contestants = ['direct', 'weft', 'weft-again', ...peers.map(({ name }) => name)];
const samples = new Map<string, Sample[]>(contestants.map((name) => [name, []]));
console.log(`${each.name}: ${each.what}; ${each.requests} requests, ${rounds} rounds`);
for (let round = 0; round < rounds; round++) {
  for (const name of contestants) {
    const peer = peers.find((candidate) => candidate.name === name);
    const sample = peer
      ? await measurePeer(each, peer)
      : name === 'direct'
        ? await measureDirect(each)
        : await measureWeft(each);
    if (sample.run.failed > 0) console.error(`! ${name}: ${sample.run.failed} of ${each.requests} requests failed`);
    samples.get(name)!.push(sample);
  }
  process.stderr.write(`round ${round + 1} of ${rounds}\n`);
}
await showRoutes();
await topology.end();
report(each);
process.exit(0);

async function measureWeft(each: Case): Promise<Sample> {
  const target = each.hops === 2 ? 'server' : 'plain';
  const pids = [
    topology.pid('client', 'weft-proxy'),
    ...(each.hops === 2 ? [topology.pid('server', 'weft-proxy')] : []),
  ];
  for (const pid of pids) pin(pid, 0);
  const scrape = setInterval(() => {
    for (const pod of ['client', 'server'])
      fetch(`http://${topology.address(pod)}:4191/metrics`).then((answer) => answer.text());
  }, 1000);
  try {
    return await measure(
      each,
      ['nsenter', `--net=${topology.namespace('client')}`, '--'],
      topology.serviceUrl(target),
      pids,
    );
  } finally {
    clearInterval(scrape);
  }
}

/** As user of the proxy, whom the rules exempt. */
function measureDirect(each: Case): Promise<Sample> {
  const enter = ['nsenter', `--net=${topology.namespace('client')}`, '--', ...asProxy()];
  return measure(each, enter, `http://${topology.address('plain')}:${BACKEND_PORT}/route/`, []);
}

async function measurePeer(each: Case, peer: Peer): Promise<Sample> {
  const target = each.hops === 2 ? 'peer-server' : 'plain';
  const place = {
    folder: topology.folder,
    server: topology.address(target),
    port: BACKEND_PORT,
    hops: each.hops,
    protocol: each.protocol,
  };
  const processes = peer.commands(place).map((command, at) => {
    const namespace = topology.namespace(at === 0 ? 'peer-client' : 'peer-server');
    const whole = [`--net=${namespace}`, '--', ...asProxy(), 'taskset', '-c', '0', ...command];
    const child = spawn('nsenter', whole, { stdio: ['ignore', 'inherit', 'inherit'] });
    return { child, ended: new Promise((resolve) => child.once('close', resolve)) };
  });
  try {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const enter = ['nsenter', `--net=${topology.namespace('peer-client')}`, '--'];
    const url = `http://${topology.address(target)}:${BACKEND_PORT}/route/`;
    return await measure(
      each,
      enter,
      url,
      processes.map(({ child }) => child.pid!),
    );
  } finally {
    for (const { child, ended } of processes) {
      child.kill('SIGKILL');
      await ended;
    }
  }
}

async function measure(each: Case, enter: string[], url: string, pids: number[]): Promise<Sample> {
  await generate(enter, { ...each, rate: 0 }, url, Math.ceil(each.requests / 4));
  if (each.rate > 0) await generate(enter, each, url, 2 * each.rate);
  const before = processorMs(pids);
  const run = await generate(enter, each, url, each.requests);
  return {
    run,
    cpu: (processorMs(pids) - before) / (each.requests / 1000),
    memory: Math.max(0, ...pids.map(unsharedMiB)),
  };
}

function report(each: Case): void {
  const figures: Figure[] = [];
  const table: string[][] = [
    ['contestant', 'CPU ms/1000', 'spread', 'x weft', 'req/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'MiB'],
  ];
  const ours = samples.get('weft')!;
  for (const [name, all] of samples) {
    const cpu = summary(all.map((sample) => sample.cpu));
    const ratio = summary(all.map((sample, at) => sample.cpu / ours[at]!.cpu)).median;
    const rate = summary(all.map(({ run }) => run.requestsPerSecond)).median;
    const latency = (share: number) =>
      summary(all.map(({ run }) => run.latencies[Math.floor(run.latencies.length * share)] ?? 0));
    const quantiles = { p50: latency(0.5), p99: latency(0.99), p999: latency(0.999) };
    const figure = (metric: string, unit: string, value: { median: number; spread: readonly [number, number] }) =>
      figures.push({
        case: each.name,
        contestant: name,
        metric,
        unit,
        value: round(value.median),
        rounds: all.length,
        spread: [round(value.spread[0]), round(value.spread[1])],
      });
    if (name !== 'direct') figure('cpu_ms_per_1000', 'ms', cpu);
    if (each.rate === 0) figure('requests_per_second', '1/s', summary(all.map(({ run }) => run.requestsPerSecond)));
    else for (const [metric, value] of Object.entries(quantiles)) figure(metric, 'ms', value);
    if (each.body > 1000 && name !== 'direct')
      figure('mb_per_cpu_second', 'MB/s', summary(all.map((sample) => each.body / 1000 / (sample.cpu / 1000))));
    if (name !== 'direct') figure('unshared_loaded', 'MiB', summary(all.map((sample) => sample.memory)));
    table.push([
      name,
      ...(name === 'direct'
        ? ['', '', '']
        : [cpu.median.toFixed(1), cpu.spread.map((value) => value.toFixed(1)).join('..'), ratio.toFixed(2)]),
      rate.toFixed(0),
      ...Object.values(quantiles).map(({ median }) => (each.rate > 0 ? median.toFixed(2) : '')),
      name === 'direct' ? '' : summary(all.map((sample) => sample.memory)).median.toFixed(1),
    ]);
  }
  record(join(root, `bench/results/${each.name}.jsonl`), figures);
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}

/** The route's own count, so that a proxy without routes cannot win. */
async function showRoutes(): Promise<void> {
  const text = await (await fetch(`http://${topology.address('client')}:4191/metrics`)).text();
  for (const line of text.split('\n')) if (/^route_request_total.*rt_route="route 19"/.test(line)) console.log(line);
}

function asProxy(): string[] {
  return ['setpriv', '--reuid', String(PROXY_UID), '--regid', String(PROXY_UID), '--clear-groups', '--'];
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`${program} is not installed: left out`);
    return false;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
