/**
 * The proxy that attacks.ts attacks, in a process of its own: the real data path, with time limits so short that a round
 * sees them pass. Told `[applicationPort]`; says its port, and what was exceeded and what it has used when it is asked.
 */
import { TestAuthority, TestProxy } from '../../test/support/mesh.ts';

const proxy = new TestProxy('api', new TestAuthority(), {
  limits: { headerTimeoutMs: 300, bodyTimeoutMs: 300, stallTimeoutMs: 300 },
});
process.on('disconnect', () => process.exit());
process.on('message', (message: { applicationPort: number } | 'state' | 'collect') => {
  if (message === 'collect') {
    globalThis.gc?.();
    return process.send!('collected');
  }
  if (message === 'state') {
    const limits: Record<string, number> = {};
    for (const line of proxy.metrics.registry.text().split('\n')) {
      const match = /^weft_limit_exceeded_total\{.*limit="(\w+)"\} (\d+)$/.exec(line);
      if (match) limits[match[1]!] = (limits[match[1]!] ?? 0) + Number(match[2]);
    }
    const { user, system } = process.cpuUsage();
    return process.send!({ limits, cpuUs: user + system });
  }
  void proxy.listenInbound(message.applicationPort).then((port) => process.send!(port));
});
