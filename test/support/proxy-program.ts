/** One pod's proxy as a process of its own: is told its side of the mesh by its parent, and answers with its port. */

import { readdirSync } from 'node:fs';

import { TestAuthority, TestProxy } from './mesh.ts';
import { privatePages } from './private-pages.ts';
import { type Held, type ProxyOrder, TARGET } from './proxy-process.ts';

process.once('message', async (order: ProxyOrder) => {
  const { serviceAccount, credentials, applicationPort, protocol, target } = order;
  const proxy = new TestProxy(serviceAccount, new TestAuthority(), { credentials });
  if (target) proxy.describe(TARGET, target);
  if (applicationPort && protocol) proxy.declare(applicationPort, protocol);
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
  const total = (name: string) => totalOf(proxy.metrics.registry.text(), name);
  return {
    octets,
    requests,
    unanswered: total('request_total') - total('response_total'),
    connections: proxy.connections.size,
    openConnections: total('tcp_open_connections'),
    descriptors,
    resources,
  };
}

/** Sum of a metric's series. */
function totalOf(text: string, name: string): number {
  let sum = 0;
  for (const [, value] of text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))) sum += Number(value);
  return sum;
}
process.on('disconnect', () => process.exit());
