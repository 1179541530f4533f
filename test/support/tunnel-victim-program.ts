/** One side of many tunnels, in a process that is killed: says `begun`, and `ready` once each has said and heard its part. */

import { type Taken, TunnelClient, TunnelServer } from './tunnel-ends.ts';
import { talkOf } from './tunnel-run.ts';
import type { VictimOrder } from './tunnel-victim.ts';

process.once('message', async ({ side, tunnels, port }: VictimOrder) => {
  if (side === 'server') {
    let left = tunnels.length;
    const byId = new Map(tunnels.map(({ plan, asked }) => [asked.id, { plan, asked }]));
    const server = new TunnelServer(async ({ id, side, accept }: Taken) => {
      const { plan, asked } = byId.get(id)!;
      accept();
      await talkOf(side, plan, asked.early + plan.talk);
      if (--left === 0) process.send!('ready');
    });
    await server.listen(port);
    process.send!('begun');
    return;
  }
  process.send!('begun');
  await Promise.all(
    tunnels.map(async ({ plan, asked, port }) => {
      const side = await new TunnelClient(port).ask(asked);
      await side.until(() => side.status > 0);
      await talkOf(side, plan, plan.talk);
    }),
  );
  process.send!('ready');
});
process.on('disconnect', () => process.exit());
