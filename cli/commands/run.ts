import { resolve } from 'node:path';

import { ISSUANCE_LIFETIME_MS } from '../../api/identity-environment.ts';
import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { durationBetween, oneOf } from '../../core/config/setting-kinds.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { decideMode, isIsolated, runIsolated } from '../run/isolation.ts';
import { LiveEdits } from '../run/live-edits.ts';
import { openLoopback } from '../run/loopback.ts';
import { startMesh } from '../run/mesh.ts';
import { openNamespaces } from '../run/namespaces.ts';
import { NETWORK_MODES } from '../run/network.ts';
import { readFolder } from '../run/objects.ts';
import { EXIT_INTERRUPTED, whenStopped } from '../run/stop-signal.ts';

/** `weft run FOLDER`. */
export const run: Command = {
  name: 'run',
  summary: 'run a whole mesh from a folder of manifests, without a cluster',
  help: `usage: weft run FOLDER [options]

Runs the Deployments of FOLDER as local processes, each pod with a proxy of its own, beside identity and destination.
Editing a file of FOLDER changes routes and policy live; a line says that it is applied, what is wrong with it, or what
needs a restart. A container needs its command; images are not run.

Pods get their network in one of two ways, and the first line says which:

  namespaces   each pod in a network namespace with the real redirect rules; programs run unchanged, as in a cluster.
               Needs root, util-linux, iproute2 and iptables.
  loopback     each pod on an address of its own in 127.0.0.0/8, without any privilege. Programs listen on $HOST and
               send their requests through the proxy of HTTP_PROXY, which is set for them and resolves the names of
               Services. Node's own http and fetch do so, except with an Agent of the program's own, which needs
               { proxyEnv: process.env }.

  --network MODE             namespaces or loopback (namespaces where they are possible)
  --certificate-lifetime D   lifetime of workload certificates, 10s to 720h (24h)
  --quiet                    do not show what the containers print

Ctrl-C ends it and leaves nothing behind. docs/reference/weft-run.md says what of a Pod is honoured.
`,
  async run(args) {
    const { values, positionals } = readArguments(
      'run',
      args,
      {
        network: { type: 'string' },
        'certificate-lifetime': { type: 'string', default: '24h' },
        quiet: { type: 'boolean', default: false },
      },
      ['FOLDER'],
    );
    const wanted = values.network === undefined ? null : readValue('--network', values.network, oneOf(NETWORK_MODES));
    const certificateLifetime = values['certificate-lifetime'].trim();
    readValue('--certificate-lifetime', certificateLifetime, durationBetween(...ISSUANCE_LIFETIME_MS));
    const folder = resolve(positionals[0]!);
    const found = readFolder(folder);
    const { mode, why } = decideMode(wanted);
    if (mode === 'namespaces' && !isIsolated()) return runIsolated();
    const stopped = whenStopped();
    const say = (line: string) => void process.stdout.write(`${line}\n`);
    say(`mode: ${mode} (${why})`);
    const network = mode === 'loopback' ? await openLoopback((line) => say(`! ${line}`)) : openNamespaces();
    const edits = new LiveEdits({ folder, found, addressing: network, say });
    const starting = startMesh({
      folder,
      objects: found.objects,
      network,
      onDestinationLine: (line) => edits.onLogLine(line),
      progress: say,
      onOutput: (pod, line) => {
        if (!values.quiet) say(`[${pod.name}] ${line}`);
      },
      certificateLifetime,
    });
    const mesh = await Promise.race([starting, stopped]);
    // Stopped while it starts: what has begun ends with its network, or with this process where that is the first of its namespace.
    if (!mesh) {
      await network.close();
      return EXIT_INTERRUPTED;
    }
    for (const pod of mesh.plan.pods.filter(({ isMeshed }) => isMeshed))
      say(`metrics of ${pod.name}: http://${pod.ips[0]}:${PROXY_ADMIN_PORT}/metrics`);
    for (const line of network.lookInside(mesh.plan)) say(line);
    say('Ctrl-C ends it.');
    await stopped;
    await mesh.end();
    return 0;
  },
};
