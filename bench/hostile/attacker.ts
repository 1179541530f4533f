/** The hostile clients of attacks.ts, in a process of their own. Told which attack, where, and whether they come again. */
import { ALLOWED, ATTACKS, HostileClient } from '../../test/support/hostile-client.ts';

interface Order {
  readonly port: number;
  readonly attack: number;
  /** Where its connections come from, each from an address of its own. */
  readonly from: readonly string[];
  readonly again: boolean;
}

let clients = new Set<HostileClient>();

process.on('disconnect', () => process.exit());
process.on('message', (message: Order | 'stop') => {
  const last = clients;
  clients = new Set();
  for (const { socket } of last) socket.destroy();
  if (message !== 'stop') for (const from of message.from) attack(message, from);
});

function attack(order: Order, from: string): void {
  const ours = clients;
  const client = new HostileClient(order.port, [...ATTACKS, ...ALLOWED][order.attack]!, from);
  ours.add(client);
  void client.closed.then(() => {
    ours.delete(client);
    if (ours === clients && order.again) attack(order, from);
  });
}
