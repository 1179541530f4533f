import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { type Command, UsageError } from '../command.ts';
import { isIsolated, runIsolated } from '../run/isolation.ts';
import { startMesh } from '../run/mesh.ts';
import { readFolder } from '../run/objects.ts';

/** `weft run FOLDER`. */
export const run: Command = {
  name: 'run',
  summary: 'run a whole mesh from a folder of manifests, without a cluster',
  help: `usage: weft run FOLDER [options]

Runs the Deployments of FOLDER as local processes, each pod in a network namespace of its own with a real proxy and
real redirect rules, beside identity and destination. Editing a file of FOLDER changes routes and policy live.
A container needs its command; images are not run. Needs root, util-linux, iproute2 and iptables.

  --certificate-lifetime D   lifetime of workload certificates (24h)
  --quiet                    do not show what the containers print

Ctrl-C ends it and leaves nothing behind.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'certificate-lifetime': { type: 'string', default: '24h' },
        quiet: { type: 'boolean', default: false },
      },
    });
    if (positionals.length !== 1) throw new UsageError('weft run wants one folder', 'weft run --help explains it');
    if (!isIsolated()) return runIsolated();
    const folder = resolve(positionals[0]!);
    const { objects, problems } = readFolder(folder);
    for (const problem of problems) process.stderr.write(`! ${problem}\n`);
    process.stdout.write('mode: namespaces (root, network namespaces and iptables are there)\n');
    const mesh = await startMesh({
      folder,
      objects,
      progress: (line) => process.stdout.write(`${line}\n`),
      onOutput: (pod, line) => {
        if (!values.quiet) process.stdout.write(`[${pod.name}] ${line}\n`);
      },
      certificateLifetime: values['certificate-lifetime'],
    });
    for (const pod of mesh.plan.pods.filter(({ isMeshed }) => isMeshed))
      process.stdout.write(`metrics of ${pod.name}: http://${pod.ips[0]}:${PROXY_ADMIN_PORT}/metrics\n`);
    process.stdout.write(`to look inside: nsenter --target PID_OF_THIS --net --mount   (logs: ${mesh.state}/logs)\n`);
    await new Promise<void>((done) => {
      process.once('SIGINT', () => done());
      process.once('SIGTERM', () => done());
    });
    await mesh.end();
    return 0;
  },
};
