import t from 'tap';

import type { Log } from '../log.ts';
import { EjectionLog } from './ejection-log.ts';

const endpoint = { id: '10.244.0.1:8080', pod: 'api-1' };

t.test('says which endpoint of which backend is out, why and how long, and that it is back', async (t) => {
  const { log, lines } = collected();
  const ejections = new EjectionLog(log, { target: 'api.default.svc.cluster.local:80', backend: 'api:80' });
  ejections.ejected(endpoint, 'consecutive_5xx', 30_000.4, 5000);
  ejections.returned({ ...endpoint, pod: '' }, 30_100, 36_000);
  const backend = { target: 'api.default.svc.cluster.local:80', backend: 'api:80', endpoint: '10.244.0.1:8080' };
  t.same(lines, [
    ['endpoint ejected', { ...backend, pod: 'api-1', reason: 'consecutive_5xx', forMs: 30_000 }],
    ['endpoint is back', { ...backend, afterMs: 30_100 }],
  ]);
});

t.test('says no more than a line a second, and how much it has left out', async (t) => {
  const { log, lines } = collected();
  const ejections = new EjectionLog(log, {});
  for (let nowMs = 0; nowMs <= 2000; nowMs += 100) ejections.ejected(endpoint, 'gateway_errors', 10, nowMs);
  t.same(
    lines.map(([, { unlogged }]) => unlogged),
    [undefined, 9, 9],
  );
});

function collected() {
  const lines: [string, Readonly<Record<string, unknown>>][] = [];
  const log = { info: (fields: Readonly<Record<string, unknown>>, message: string) => lines.push([message, fields]) };
  return { log: log as unknown as Log, lines };
}
