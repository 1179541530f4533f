import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { oneOf } from '../../core/config/setting-kinds.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { differences, type RouteRow, routeRows, routeTable, type Tally } from '../demo/report.ts';
import { decideMode, isIsolated, runIsolated } from '../run/isolation.ts';
import { openLoopback } from '../run/loopback.ts';
import { startMesh } from '../run/mesh.ts';
import { openNamespaces } from '../run/namespaces.ts';
import { readFolder } from '../run/objects.ts';
import { EXIT_INTERRUPTED, whenStopped } from '../run/stop-signal.ts';

const here = join(dirname(fileURLToPath(import.meta.url)), '../demo');

/** The route of the user's profile that has a timeout of 5 s, and how exactly its deadline must be met. */
const TIMEOUT_MS = 5000;
const TOLERANCE_MS = 100;

/** `weft demo`. */
export const demo: Command = {
  name: 'demo',
  summary: 'run a demo mesh, put it under load and print its routes',
  help: `usage: weft demo [--keep] [-o json]

Runs a frontend, a worker and two versions of api-service with a ServiceProfile. Version 2 fails every third request
and ten requests are never answered; the table shows what retries and timeouts make of it. The figures come from the
proxies' own metrics and are compared with what the load generators saw. As root each pod has a network namespace with
the real redirect rules, otherwise, or where something for that is missing, an address of its own in 127.0.0.0/8 (weft
run --help). Leaves nothing behind.

  --keep     stay up afterwards and print the addresses to look at (make demo KEEP=1)
  -o json    print the rows and checks as JSON
`,
  async run(args) {
    const { values } = readArguments('demo', args, {
      keep: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o', default: 'table' },
    });
    const json = readValue('-o', values.output, oneOf(['table', 'json'])) === 'json';
    const { mode, why } = decideMode(null);
    if (mode === 'namespaces' && !isIsolated()) return runIsolated();
    const stopped = whenStopped();
    const say = (line: string) => void (json || process.stdout.write(`${line}\n`));
    const tallies = new Map<string, Tally>();
    let told: () => void = () => {};
    const allTold = new Promise<void>((resolve) => {
      told = () => tallies.size === 2 && resolve();
    });
    say(mode === 'namespaces' ? `mode: ${mode}` : `mode: ${mode} (${why})`);
    const start = performance.now();
    const network = mode === 'loopback' ? await openLoopback((line) => say(`! ${line}`)) : openNamespaces();
    const folder = writeManifests(join(network.layout.state, 'demo'));
    const starting = startMesh({
      folder,
      objects: readFolder(folder).objects,
      network,
      progress: say,
      onOutput: (pod, line) => {
        if (!line.startsWith('TALLY ')) return;
        tallies.set(pod.deployment, JSON.parse(line.slice(6)) as Tally);
        told();
      },
      certificateLifetime: '24h',
    });
    const mesh = await Promise.race([starting, stopped]);
    if (!mesh) {
      await network.close();
      return EXIT_INTERRUPTED;
    }
    say(`the mesh is up after ${((performance.now() - start) / 1000).toFixed(1)} s; about 12 s of load follow`);
    const loadStart = performance.now();
    try {
      const end = await Promise.race([allTold, tooLate(90_000), stopped.then(() => EXIT_INTERRUPTED)]);
      if (end !== undefined) return end;
      const seconds = (performance.now() - loadStart) / 1000;
      const rows: RouteRow[] = [];
      const problems: string[] = [];
      for (const pod of mesh.plan.pods.filter(({ deployment }) => tallies.has(deployment))) {
        const text = await (await fetch(`http://${pod.ips[0]}:${PROXY_ADMIN_PORT}/metrics`)).text();
        const own = routeRows(pod.deployment, text, seconds);
        rows.push(...own);
        problems.push(...differences(tallies.get(pod.deployment)!, own));
      }
      const checks = judge(rows, [...tallies.values()], problems);
      if (json)
        process.stdout.write(
          `${JSON.stringify({ mode, rows, checks, tallies: Object.fromEntries(tallies) }, null, 2)}\n`,
        );
      else {
        say(`\n${routeTable(rows)}\n`);
        for (const { passed, text } of checks) say(`${passed ? '√' : '×'} ${text}`);
      }
      if (values.keep) {
        for (const pod of mesh.plan.pods)
          say(`metrics of ${pod.name}: http://${pod.ips[0]}:${PROXY_ADMIN_PORT}/metrics`);
        for (const line of network.lookInside(mesh.plan)) say(line);
        say('Ctrl-C ends it.');
        await stopped;
      }
      return checks.every(({ passed }) => passed) ? 0 : 1;
    } finally {
      await mesh.end();
    }
  },
};

interface Check {
  readonly passed: boolean;
  readonly text: string;
}

function judge(rows: readonly RouteRow[], tallies: readonly Tally[], problems: readonly string[]): Check[] {
  const users = rows.find(({ route }) => route === 'GET /api/users');
  const stalled = tallies.flatMap((tally) => tally.stalled);
  const off = Math.max(...stalled.map((ms) => Math.abs(ms - TIMEOUT_MS)));
  return [
    {
      passed: (users?.retries ?? 0) > 0 && users!.effectiveSuccess > users!.actualSuccess,
      text: `retries lift the success of GET /api/users from ${percent(users?.actualSuccess)} to ${percent(users?.effectiveSuccess)}`,
    },
    {
      passed: stalled.length === 10 && off <= TOLERANCE_MS,
      text: `${stalled.length} stalled requests were answered 504 at the route's ${TIMEOUT_MS} ms, at most ${off.toFixed(1)} ms off`,
    },
    {
      passed: rows.length > 0 && rows.every(({ mtls }) => mtls === 1),
      text: `mutual TLS carried ${percent(Math.min(...rows.map(({ mtls }) => mtls)))} of the requests`,
    },
    {
      passed: problems.length === 0,
      text: problems.length === 0 ? 'the metrics equal the tally of the load generators' : problems.join('; '),
    },
  ];
}

function percent(share: number | undefined): string {
  return share === undefined ? 'nothing' : `${(share * 100).toFixed(2)}%`;
}

/** Writes the demo's manifests with the path of its application filled in. @returns the folder */
function writeManifests(folder: string): string {
  mkdirSync(folder);
  for (const name of readdirSync(join(here, 'manifests'))) {
    const text = readFileSync(join(here, 'manifests', name), 'utf8').replaceAll(
      'DEMO_APPLICATION',
      join(here, 'application.mjs'),
    );
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function tooLate(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new WeftError('demo_too_slow', `the load did not end within ${ms / 1000} s`)), ms).unref();
  });
}
