import t from 'tap';

import { FailureLog } from './failure-log.ts';

const details = { target: 'api:80', route: 'get', method: 'GET', path: '/users/1', endpoint: '10.0.0.1:80' };
const failure = { reason: 'endpoint_reset', message: 'it was reset' } as const;

t.test('keeps a failure with its time and direction', async (t) => {
  const log = new FailureLog();
  log.add('inbound', failure, details);
  const [entry] = log.entries;
  t.match(entry, { direction: 'inbound', ...failure, ...details });
  t.ok(Math.abs(Date.parse(entry!.time) - Date.now()) < 60_000);
});

t.test('keeps the last 256, newest last', async (t) => {
  const log = new FailureLog();
  for (let at = 0; at < 300; at++) log.add('outbound', failure, { ...details, path: `/${at}` });
  t.equal(log.entries.length, 256);
  t.equal(log.entries[0]!.path, '/44');
  t.equal(log.entries.at(-1)!.path, '/299');
});

t.test('says of a query that there was one, and nothing of what it says', async (t) => {
  const log = new FailureLog();
  for (const path of ['/a?token=secret', '/a?', '*', '']) log.add('inbound', failure, { ...details, path });
  t.same(
    log.entries.map(({ path }) => path),
    ['/a?…', '/a?…', '*', ''],
  );
});

t.test('takes little memory, whatever strangers write', async (t) => {
  const log = new FailureLog();
  const long = 'x'.repeat(60_000);
  const all = { target: long, route: long, method: long, path: `/${long}?${long}`, endpoint: long };
  log.add('inbound', { reason: 'unexpected', message: long }, all);
  t.ok(JSON.stringify(log.entries[0]).length < 1600, `${JSON.stringify(log.entries[0]).length} octets`);
  t.match(log.entries[0]!.method, /^x{31}…$/);
});
