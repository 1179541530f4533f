/** One pod's proxy as a process of its own: is told its side of the mesh by its parent, and answers with its port. */

import { readdirSync } from 'node:fs';

import { TestAuthority, TestProxy } from './mesh.ts';
import { privatePages } from './private-pages.ts';
import { type Held, type ProxyOrder, TARGET } from './proxy-process.ts';

process.once('message', async ({ serviceAccount, credentials, applicationPort, target }: ProxyOrder) => {
  const proxy = new TestProxy(serviceAccount, new TestAuthority(), { credentials });
  if (target) proxy.describe(TARGET, target);
  process.send!(target ? await proxy.listenOutbound() : await proxy.listenInbound(applicationPort!));
  process.on('message', async (asked) =>
    process.send!(asked === 'held' ? await heldBy(proxy) : proxy.metrics.registry.text()),
  );
});

async function heldBy(proxy: TestProxy): Promise<Held> {
  const octets = await privatePages([20, 20]);
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  const descriptors = readdirSync('/proc/self/fd').length;
  const requests = proxy.targets.all().reduce((sum, { active }) => sum + active, 0);
  return { octets, requests, connections: proxy.connections.size, descriptors, resources };
}
process.on('disconnect', () => process.exit());
