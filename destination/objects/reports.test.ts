import t from 'tap';

import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { systemClock } from '../../core/time/clock.ts';
import { EventWriter, eventOf } from '../watch/events.ts';
import { formatReport, type Report, Reports } from './reports.ts';

const FAULT: Report = {
  object: { kind: 'Service', namespace: 'default', name: 'api' },
  place: 'api.yaml:3',
  path: 'spec.ports[0].port',
  message: 'is no port',
};

t.test('a fault is told once, stands while somebody finds it, and is told again when it comes back', async (t) => {
  const reports = new Reports();
  const heard: string[] = [];
  reports.onNew((report) => heard.push(formatReport(report)));
  reports.set('file', [FAULT]);
  t.same(heard, ['api.yaml:3: Service/default/api: spec.ports[0].port: is no port']);
  reports.set('view', [FAULT]);
  reports.set('file', [{ ...FAULT, place: 'api.yaml:4' }]);
  t.equal(heard.length, 1, 'another finder or line is no new fault');
  t.equal(reports.current().length, 1);
  reports.set('file', []);
  t.equal(reports.current().length, 1, 'somebody still finds it');
  reports.set('view', []);
  t.same(reports.current(), []);
  reports.set('file', [FAULT, FAULT]);
  t.equal(heard.length, 2);
});

t.test('an Event names the object and the fault', async (t) => {
  const event = eventOf(FAULT, { now: new Date('2026-01-02T03:04:05.678Z'), instance: 'destination-1' });
  t.match(event, {
    metadata: { namespace: 'default', name: /^api\.[0-9a-f]{16}$/ },
    eventTime: '2026-01-02T03:04:05.678000Z',
    type: 'Warning',
    note: 'spec.ports[0].port: is no port',
    regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'api' },
  });
  const cluster = eventOf(
    { ...FAULT, object: { kind: 'Namespace', namespace: '', name: 'shop' }, message: 'x'.repeat(2000) },
    { now: new Date(), instance: '' },
  );
  t.equal(cluster.metadata.namespace, 'default');
  t.notOk('namespace' in cluster.regarding);
  t.equal(cluster.note.length, 1024);
});

t.test('Events are bounded in number, and files have none', async (t) => {
  let written = 0;
  let dropped = 0;
  const client = new ApiClient({ server: 'http://127.0.0.1:1', options: async () => ({}) });
  client.create = async () => {};
  const events = new EventWriter({
    client,
    clock: { ...systemClock, monotonic: () => 0 },
    instance: 'test',
    observer: { onWritten: () => written++, onDropped: () => dropped++ },
  });
  await events.write({ ...FAULT, object: null });
  for (let at = 0; at < 100; at++) await events.write({ ...FAULT, message: String(at) });
  t.equal(written, 20);
  t.equal(dropped, 80);
});
