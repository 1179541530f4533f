/**
 * The proxy that attacks.ts attacks, in a process of its own: the real data path, with time limits so short that a round
 * sees them pass. Told the ports of two applications, it says its own for each; and when it is asked what was exceeded,
 * what it has used and what it holds.
 */
import { TestAuthority, TestProxy } from '../../test/support/mesh.ts';

const proxy = new TestProxy('api', new TestAuthority(), {
  limits: { headerTimeoutMs: 300, bodyTimeoutMs: 300, stallTimeoutMs: 300 },
});
/** Ports: of the application that neighbours ask, and of the one that the attacker does. */
interface Applications {
  readonly ofNeighbours: number;
  readonly ofAttacker: number;
}

/** What the heap and buffers beside it hold: octets after the last collection, and the most seen since. */
let least = 0;
let most = 0;
let sampling: NodeJS.Timeout | null = null;

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

process.on('disconnect', () => process.exit());
process.on('message', (message: Applications | 'state' | 'collect' | 'sample') => {
  // Looking costs processor time, so it is done only in rounds that ask for it.
  if (message === 'sample') {
    sampling = setInterval(() => {
      most = Math.max(most, held());
    }, 5);
    return;
  }
  if (message === 'state' && sampling) {
    clearInterval(sampling);
    sampling = null;
  }
  if (message === 'collect') {
    globalThis.gc?.();
    least = held();
    most = least;
    return process.send!('collected');
  }
  if (message === 'state') {
    const limits: Record<string, number> = {};
    for (const line of proxy.metrics.registry.text().split('\n')) {
      const match = /^weft_limit_exceeded_total\{.*limit="(\w+)"\} (\d+)$/.exec(line);
      if (match) limits[match[1]!] = (limits[match[1]!] ?? 0) + Number(match[2]);
    }
    const { user, system } = process.cpuUsage();
    return process.send!({ limits, cpuUs: user + system, grownBytes: most - least });
  }
  void Promise.all([message.ofNeighbours, message.ofAttacker].map((port) => proxy.listenInbound(port))).then(
    ([ofNeighbours, ofAttacker]) => process.send!({ ofNeighbours, ofAttacker }),
  );
});
