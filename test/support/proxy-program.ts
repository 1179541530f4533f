/** One pod's proxy as a process of its own: is told its side of the mesh by its parent, and answers with its port. */

import { TestAuthority, TestProxy } from './mesh.ts';
import { type ProxyOrder, TARGET } from './proxy-process.ts';

process.once('message', async ({ serviceAccount, credentials, applicationPort, target }: ProxyOrder) => {
  const proxy = new TestProxy(serviceAccount, new TestAuthority(), { credentials });
  if (target) proxy.describe(TARGET, target);
  process.send!(target ? await proxy.listenOutbound() : await proxy.listenInbound(applicationPort!));
  process.on('message', () => process.send!(proxy.metrics.registry.text()));
});
process.on('disconnect', () => process.exit());
