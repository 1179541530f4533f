import t from 'tap';

import type { ConnectionRoute } from '../../api/routing.ts';
import { ConnectionTable } from './connection-table.ts';

const to = (backend: string, sni?: readonly string[]): ConnectionRoute => ({
  ...(sni && { sni }),
  split: [{ backend, weight: 1 }],
  origin: 'VirtualService/default/db',
});
const backendOf = (table: ConnectionTable, serverName: string) => table.find(serverName)?.pick()?.backend ?? null;

t.test('the first route that names the server takes the connection', async (t) => {
  const table = new ConnectionTable([to('eu', ['eu.db']), to('all', ['*.db']), to('again', ['eu.db'])]);
  t.equal(backendOf(table, 'eu.db'), 'eu');
  t.equal(backendOf(table, 'us.db'), 'all');
  t.equal(backendOf(table, 'a.us.db'), 'all', 'one or more labels');
  t.equal(backendOf(table, '.db'), null, 'but not none');
  t.equal(backendOf(table, 'db'), null);
  t.ok(table.looksAtServerName);
});

t.test('a route that names no server takes what has no server name too', async (t) => {
  const table = new ConnectionTable([to('eu', ['*']), to('rest')]);
  t.equal(backendOf(table, 'eu.db'), 'eu');
  t.equal(backendOf(table, ''), 'rest');
  t.notOk(new ConnectionTable([to('rest')]).looksAtServerName, 'so that the ClientHello need not be waited for');
  t.equal(backendOf(ConnectionTable.EMPTY, ''), null);
});
