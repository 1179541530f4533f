import t from 'tap';

import { offeredUpgrades } from './upgrade.ts';

t.test('offers every protocol on but HTTP, token by token', async (t) => {
  for (const [list, offered] of [
    ['websocket', 'websocket'],
    ['WebSocket', 'websocket'],
    ['tcp', 'tcp'],
    ['SPDY/3.1, websocket', 'spdy/3.1, websocket'],
    ['h2c', ''],
    ['H2C', ''],
    ['x, h2c', 'x'],
    ['h2c,x', 'x'],
    ['x,\th2c , y', 'x, y'],
    ['h2c/1', ''],
    ['h2', ''],
    ['HTTP/2.0', ''],
    ['http', ''],
    ['h3', ''],
    ['h3-29/1', 'h3-29/1'],
    ['h2cx', 'h2cx'],
    [',', ''],
    ['', ''],
  ] as const)
    t.equal(offeredUpgrades(list), offered, list);
});
