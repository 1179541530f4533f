/**
 * What a crowd does to each listener of Weft, as honest clients beside it see it.
 *
 *     honest-client.ts (4 clients, each call on a connection of its own) ──▶ listener.ts
 *     crowd.ts (up to 2,000 connections from 4 addresses, which come again) ─▶┘
 *
 * The listener has core 0 and the memory limit of its container, everybody else core 1, so that a crowd at work slows the
 * honest clients too. Each row is SECONDS (3) long; the first of a listener has no crowd, and what one crowd has left behind in
 * the process the next one meets. A row prints the honest calls that succeeded, their latency (median, 99th percentile,
 * worst), and the listener's own memory before, at most, and after.
 *
 *   make bench CASE=hostile   (SECONDS=3, ONLY=part of a name such as "webhook: large")
 */
import { type ChildProcess, fork } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROXY_NODE_FLAGS } from '../../api/image.ts';
import { eitherVersion } from '../../test/support/either-version.ts';
import { pin } from '../http/cpu.ts';
import { type Figure, record } from '../result.ts';
import { ask } from './ask.ts';
import { conductsOf } from './conducts.ts';
import { type Confined, startConfined } from './confined.ts';
import type { Conduct } from './crowd.ts';
import { callFor } from './honest-client.ts';
import type { Listener, Shown } from './listener.ts';

const here = dirname(fileURLToPath(import.meta.url));
const SECONDS = Number(process.env.SECONDS || 3);
const ONLY = process.env.ONLY ?? '';
/** Until a crowd has come. */
const GATHERING_MS = 500;
/** Until what it left has gone. */
const LEAVING_MS = 1_000;
const FROM = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];

/** Memory limit of the container, MiB (manifests/control-plane.ts, webhook/inject/settings.ts). */
const LIMIT_MIB: Readonly<Record<Listener, number>> = {
  'proxy inbound': 256,
  'proxy admin': 256,
  identity: 256,
  destination: 512,
  webhook: 256,
};

const application = await eitherVersion();
for (const listener of Object.keys(LIMIT_MIB) as Listener[]) {
  const conducts = conductsOf(listener).filter(({ name }) => `${listener}: ${name}`.includes(ONLY));
  if (conducts.length > 0) await attack(listener, conducts);
}

application.close();

async function attack(listener: Listener, conducts: readonly Conduct[]): Promise<void> {
  const crowd = fork(join(here, 'crowd.ts'), { execArgv: ['--disable-warning=ExperimentalWarning'] });
  for (const { pid } of [process, crowd]) pin(pid!, 1);
  let { server, shown } = await start(listener);
  const limited = server.isLimited ? '' : ', which no cgroup enforces here';
  console.log(`\n${listener}: limit ${LIMIT_MIB[listener]} MiB${limited}`);
  for (const conduct of [null, ...conducts]) {
    await row(listener, server, shown, conduct, crowd);
    const { exitCode, signalCode } = server.child;
    if (exitCode === null && signalCode === null) continue;
    console.log(`  ended by ${signalCode ?? exitCode}, and is started again`);
    await server.end();
    ({ server, shown } = await start(listener));
  }
  crowd.disconnect();
  await server.end();
}

/** A listener that has answered calls for a second. */
async function start(listener: Listener): Promise<{ server: Confined; shown: Shown }> {
  const server = startConfined(
    'listener.ts',
    LIMIT_MIB[listener],
    listener.startsWith('proxy') ? PROXY_NODE_FLAGS : [],
  );
  const shown = await ask<Shown>(server.child, { listener, application: application.port });
  pin(server.child.pid!, 0);
  await callFor(shown, 1000);
  return { server, shown };
}

async function row(
  listener: Listener,
  server: Confined,
  shown: Shown,
  conduct: Conduct | null,
  crowd: ChildProcess,
): Promise<void> {
  const name = conduct?.name ?? 'nobody';
  const before = server.ownMiB();
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, server.ownMiB());
  }, 20);
  if (conduct) crowd.send({ shown, conduct, from: FROM });
  await pause(GATHERING_MS);
  const { made, succeeded, p50, p99, worst } = await callFor(shown, SECONDS * 1000);
  await ask(crowd, 'stop');
  await pause(LEAVING_MS);
  clearInterval(watching);
  const after = server.ownMiB();
  const measured: [metric: string, value: number, unit: string][] = [
    ['honest_calls', made, 'calls'],
    ['honest_succeeded', (succeeded / made) * 100, '%'],
    ['memory_before', before, 'MiB'],
    ['memory_most', most, 'MiB'],
    ['memory_after', after, 'MiB'],
  ];
  if (succeeded > 0) measured.push(['honest_p50', p50, 'ms'], ['honest_p99', p99, 'ms'], ['honest_worst', worst, 'ms']);
  const figures = measured.map(([metric, exact, unit]): Figure => {
    const value = Math.round(exact * 10) / 10;
    const contestant = `${listener}: ${name}`;
    return { case: 'hostile-listeners', contestant, metric, unit, value, rounds: 1, spread: [value, value] };
  });
  record(join(here, '../results/hostile-listeners.jsonl'), figures, () => {});
  const times = succeeded > 0 ? `, ${[p50, p99, worst].map((ms) => ms.toFixed(1)).join(' / ')} ms` : '';
  const memory = [before, most, after].map((mib) => mib.toFixed(0)).join(' / ');
  console.log(`  ${name.padEnd(21)} ${succeeded} of ${made} calls${times}; ${memory} MiB`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
