/** The hostile client of attacks.ts, in a process of its own. Told which attack, where, and whether it comes again. */
import { ALLOWED, ATTACKS, HostileClient } from '../../test/support/hostile-client.ts';

interface Order {
  readonly port: number;
  readonly attack: number;
  /** Where it comes from. */
  readonly from: string;
  readonly again: boolean;
}

let client: HostileClient | null = null;

process.on('disconnect', () => process.exit());
process.on('message', (message: Order | 'stop') => {
  const last = client;
  client = null;
  last?.socket.destroy();
  if (message !== 'stop') attack(message);
});

function attack(order: Order): void {
  const made = new HostileClient(order.port, [...ATTACKS, ...ALLOWED][order.attack]!, order.from);
  client = made;
  void made.closed.then(() => {
    if (client === made && order.again) attack(order);
  });
}
