import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { HEAP_FLAG } from '../../api/image.ts';

/** A program in a memory cgroup of its own, as a container's: above its limit the kernel kills it. */
export interface Confined {
  readonly child: ChildProcess;
  /** Whether the limit holds: it takes a machine that lets cgroups be made. */
  readonly isLimited: boolean;
  /** Its own memory, MiB: resident pages that no file stands behind, which only the kernel's killing takes away; 0 once it is gone. */
  ownMiB(): number;
  /** Ends it, and takes its cgroup away. */
  end(): Promise<void>;
}

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');

/**
 * Bundles a program of this folder, because the compiler of sources would take 50 MiB of their memory, and starts it within
 * a limit, with a channel for messages.
 *
 * @param flags of Node, as its program has them in the image
 */
export function startConfined(file: string, limitMiB: number, flags: readonly string[]): Confined {
  const bundle = join(root, 'build/bench', file.replace(/\.ts$/, '.js'));
  execFileSync(
    join(root, 'node_modules/.bin/esbuild'),
    [
      join(here, file),
      ...['--bundle', '--platform=node', '--target=node24', '--format=esm', '--log-level=error', `--outfile=${bundle}`],
      ...['--external:koffi', '--external:@kubernetes/client-node', `--banner:js=${REQUIRE}`],
    ],
    { cwd: root },
  );
  const cgroup = makeCgroup(limitMiB);
  const enter = cgroup === null ? '' : 'echo $$ > "$0/cgroup.procs"; ';
  const child = spawn('sh', ['-c', `${enter}exec "$@"`, cgroup ?? '', process.execPath, HEAP_FLAG, ...flags, bundle], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    isLimited: cgroup !== null,
    ownMiB: () => ownMiB(child.pid!),
    async end() {
      if (child.connected) child.disconnect();
      await gone;
      if (cgroup !== null) rmdirSync(cgroup);
    },
  };
}

/** A cgroup with a limit, of either version; null: none can be made here. */
function makeCgroup(limitMiB: number): string | null {
  for (const [folder, file] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const path = join(folder, `weft-bench-${process.pid}`);
    try {
      mkdirSync(path);
    } catch {
      continue;
    }
    try {
      writeFileSync(join(path, file), String(limitMiB * 2 ** 20));
      return path;
    } catch {
      rmdirSync(path);
    }
  }
  return null;
}

function ownMiB(pid: number): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** CommonJS packages ask for it. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";
