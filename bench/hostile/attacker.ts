/** The hostile client of attacks.ts, in a process of its own. Told which attack, where, and whether it comes again. */
import { ATTACKS, HostileClient } from '../../test/support/hostile-client.ts';

let client: HostileClient | null = null;

process.on('disconnect', () => process.exit());
process.on('message', (message: { port: number; attack: number; again: boolean } | 'stop') => {
  const last = client;
  client = null;
  last?.socket.destroy();
  if (message !== 'stop') attack(message);
});

function attack(order: { port: number; attack: number; again: boolean }): void {
  const made = new HostileClient(order.port, ATTACKS[order.attack]!);
  client = made;
  void made.closed.then(() => {
    if (client === made && order.again) attack(order);
  });
}
