import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { type Command, UsageError } from '../command.ts';
import { decideMode, isIsolated, runIsolated } from '../run/isolation.ts';
import { LiveEdits } from '../run/live-edits.ts';
import { openLoopback } from '../run/loopback.ts';
import { startMesh } from '../run/mesh.ts';
import { openNamespaces } from '../run/namespaces.ts';
import { NETWORK_MODES, type NetworkMode } from '../run/network.ts';
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
  --certificate-lifetime D   lifetime of workload certificates (24h)
  --quiet                    do not show what the containers print

Ctrl-C ends it and leaves nothing behind. docs/reference/weft-run.md says what of a Pod is honoured.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        network: { type: 'string' },
        'certificate-lifetime': { type: 'string', default: '24h' },
        quiet: { type: 'boolean', default: false },
      },
    });
    if (positionals.length !== 1) throw new UsageError('weft run wants one folder', 'weft run --help explains it');
    const { mode, why } = decideMode(parseMode(values.network));
    if (mode === 'namespaces' && !isIsolated()) return runIsolated();
    const stopped = whenStopped();
    const folder = resolve(positionals[0]!);
    const say = (line: string) => void process.stdout.write(`${line}\n`);
    const found = readFolder(folder);
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
      certificateLifetime: values['certificate-lifetime'],
    });
    const mesh = await Promise.race([starting, stopped]);
    // Stopped while it starts: what has begun ends with its network, or with this process where that is the first of its namespace.
    if (!mesh) {
      await network.close();
      return EXIT_INTERRUPTED;
    }
    for (const pod of mesh.plan.pods.filter(({ isMeshed }) => isMeshed))
      say(`metrics of ${pod.name}: http://${pod.ips[0]}:${PROXY_ADMIN_PORT}/metrics`);
    say(network.lookInside(mesh.plan));
    await stopped;
    await mesh.end();
    return 0;
  },
};

function parseMode(text: string | undefined): NetworkMode | null {
  if (text === undefined) return null;
  const mode = NETWORK_MODES.find((each) => each === text);
  if (!mode) throw new UsageError(`--network ${text} is none of ${NETWORK_MODES.join(', ')}`);
  return mode;
}
