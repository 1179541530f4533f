import { Server } from 'node:net';
import type { Test } from 'tap';

/**
 * Makes servers of this process fail on IPv6 addresses as on a kernel without IPv6, until the test ends.
 *
 * @returns the hosts that were asked for, in order
 */
export function withoutIpv6(t: Test, code = 'EAFNOSUPPORT'): string[] {
  const listen = Server.prototype.listen as (this: Server, ...values: unknown[]) => Server;
  const asked: string[] = [];
  t.intercept(Server.prototype, 'listen', {
    value(this: Server, ...values: unknown[]) {
      const [first, second] = values;
      const host = typeof first === 'object' ? (first as { host: string }).host : String(second);
      asked.push(host);
      if (!host.includes(':')) return listen.apply(this, values);
      process.nextTick(() => this.emit('error', Object.assign(new Error(code), { code })));
      return this;
    },
  });
  return asked;
}
