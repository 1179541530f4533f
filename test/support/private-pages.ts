import { readFileSync } from 'node:fs';

import { loadLibc } from '../../proxy/transport/libc.ts';

/**
 * Octets of this process's private dirty pages but for what V8 and malloc keep free, which would hide a leak until it is
 * used up. Needs `--expose-gc`.
 *
 * @param waitsMs before each collection: what one frees is let go of in later turns
 */
export async function privatePages(waitsMs: readonly number[]): Promise<number> {
  for (const ms of waitsMs) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    global.gc!();
  }
  giveBack(0);
  const pages = readFileSync('/proc/self/smaps_rollup', 'utf8');
  const { heapTotal, heapUsed } = process.memoryUsage();
  return 1024 * Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(pages)![1]) - (heapTotal - heapUsed);
}

const giveBack = (await loadLibc()).func('int malloc_trim(size_t pad)');
