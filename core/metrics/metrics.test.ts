import { createServer } from 'node:net';
import t, { type Test } from 'tap';

import { withoutIpv6 } from '../testing/without-ipv6.ts';
import { AdminServer, type AdminView } from './admin-server.ts';
import { ProgramMetrics } from './program-metrics.ts';

async function start(t: Test, view: Partial<AdminView> = {}): Promise<string> {
  const server = new AdminServer({ notReady: () => [], metrics: new ProgramMetrics('test_'), ...view });
  t.teardown(() => server.close());
  return `http://${await server.listen({ host: '127.0.0.1', port: 0 })}`;
}

async function get(url: string, method = 'GET'): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(url, { method });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

t.test('counters count, and what is read is read at each scrape', async (t) => {
  const metrics = new ProgramMetrics('test_');
  const read = { rejected: 1, streams: 5, kinds: new Map([['Pod', 2]]) };
  const plain = metrics.counter('plain_total', 'Plain.');
  metrics.counter('labelled_total', 'Labelled.', ['reason']).inc({ reason: 'a "b"' });
  metrics.readCounter('rejected_total', 'Rejected.', () => read.rejected);
  metrics.readGauge('streams', 'Streams.', () => read.streams);
  metrics.readGauges('objects', 'Objects.', 'kind', () => read.kinds);
  metrics.histogram('seconds', 'Seconds.', [0.1, 1]).observe(0.5);
  const lines = async () => (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('test_'));
  t.same(await lines(), [
    'test_plain_total 0',
    'test_labelled_total{reason="a \\"b\\""} 1',
    'test_rejected_total 1',
    'test_streams 5',
    'test_objects{kind="Pod"} 2',
    'test_seconds_bucket{le="0.1"} 0',
    'test_seconds_bucket{le="1"} 1',
    'test_seconds_bucket{le="+Inf"} 1',
    'test_seconds_sum 0.5',
    'test_seconds_count 1',
  ]);
  plain.inc();
  Object.assign(read, { rejected: 3, streams: 0, kinds: new Map([['Service', 1]]) });
  t.same((await lines()).slice(0, 5), [
    'test_plain_total 1',
    'test_labelled_total{reason="a \\"b\\""} 1',
    'test_rejected_total 3',
    'test_streams 0',
    'test_objects{kind="Service"} 1',
  ]);
});

t.test('each program has its own registry, with the metrics of the process', async (t) => {
  const [one, other] = [new ProgramMetrics('test_'), new ProgramMetrics('test_')];
  one.counter('one_total', 'One.');
  const text = await other.registry.metrics();
  t.notMatch(text, 'test_one_total');
  for (const name of ['start_time_seconds', 'resident_memory_bytes', 'cpu_seconds_total'])
    t.match(text, new RegExp(`^process_${name} \\d`, 'm'));
});

t.test('shows health, metrics and the pages it is given', async (t) => {
  const reasons: string[] = ['no certificate', 'no lists'];
  const url = await start(t, { notReady: () => reasons, pages: { '/proxies': () => [{ pod: 'api-1' }] } });
  t.match(await get(`${url}/live`), { status: 200, type: 'text/plain; charset=utf-8', text: 'live\n' });
  t.match(await get(`${url}/ready`), { status: 503, text: 'no certificate\nno lists\n' });
  reasons.length = 0;
  t.match(await get(`${url}/ready?verbose`), { status: 200, text: 'ready\n' });
  t.match(await get(`${url}/metrics`), { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
  t.same(await get(`${url}/proxies`), {
    status: 200,
    type: 'application/json; charset=utf-8',
    text: '[{"pod":"api-1"}]',
  });
  t.match(await get(`${url}/live`, 'HEAD'), { status: 200, text: '' });
});

t.test('refuses other pages and methods', async (t) => {
  const url = await start(t, { pages: { '/proxies': () => [] } });
  const text = 'the pages are /live, /ready, /metrics, /proxies\n';
  t.match(await get(`${url}/other`), { status: 404, text });
  t.match(await get(`${url}/toString`), { status: 404, text });
  t.match(await get(`${url}/live`, 'POST'), { status: 405, text: 'GET only\n' });
  t.equal((await fetch(`${url}/live`, { method: 'DELETE' })).headers.get('allow'), 'GET, HEAD');
});

t.test('a page that fails is an answer, and the next one is served', async (t) => {
  const metrics = new ProgramMetrics('test_');
  metrics.readGauge('broken', 'Broken.', () => {
    throw new Error('the source is closed');
  });
  const url = await start(t, { metrics });
  t.match(await get(`${url}/metrics`), { status: 500, text: 'the source is closed' });
  t.equal((await get(`${url}/live`)).status, 200);
});

t.test('listens on IPv4 where [::] means nothing to the kernel, and nowhere else instead', async (t) => {
  for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EACCES']) {
    await t.test(code, async (t) => {
      const asked = withoutIpv6(t, code);
      const view = { notReady: () => [], metrics: new ProgramMetrics('test_') };
      const server = new AdminServer(view);
      t.teardown(() => server.close());
      if (code === 'EACCES') await t.rejects(server.listen({ host: '::', port: 0 }), { code });
      else t.match(await server.listen({ host: '::', port: 0 }), /^0\.0\.0\.0:\d+$/);
      await t.rejects(new AdminServer(view).listen({ host: '::1', port: 0 }), { code });
      t.same(asked, code === 'EACCES' ? ['::', '::1'] : ['::', '0.0.0.0', '::1']);
    });
  }
});

t.test('says that a port is taken, and can bind another one then', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.teardown(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const server = new AdminServer({ notReady: () => [], metrics: new ProgramMetrics('test_') });
  t.teardown(() => server.close());
  await t.rejects(server.listen({ host: '127.0.0.1', port }), { code: 'EADDRINUSE' });
  t.match(await server.listen({ host: '127.0.0.1', port: 0 }), /^127\.0\.0\.1:\d+$/);
});
