import t from 'tap';

import { systemClock } from '../time/clock.ts';
import { ApiError } from './api-error.ts';
import { EventWriter, type Notice } from './event-writer.ts';

/** What is written of an Event, as far as these tests read it. */
interface Written {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly note: string;
  readonly regarding: object;
}

const NOTICE: Notice = {
  subject: { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'api' },
  reason: 'Misconfigured',
  action: 'Translate',
  note: 'spec.ports[0].port: is no port',
};

/** A writer to an API server that refuses what it has. */
function open({ instance = 'destination-1', now = (): number => 0, fault = null as Error | null } = {}) {
  const written: Written[] = [];
  const paths: string[] = [];
  const dropped: string[] = [];
  const counts = { written: 0 };
  const writer = new EventWriter({
    api: {
      async create(path, event) {
        if (fault) throw fault;
        if (written.some(({ metadata }) => metadata.name === (event as unknown as Written).metadata.name))
          throw new ApiError(409, 'AlreadyExists', path);
        written.push(event as unknown as Written);
        paths.push(path);
      },
    },
    clock: { ...systemClock, now: () => Date.parse('2026-01-02T03:04:05.678Z'), monotonic: now },
    program: 'destination',
    instance,
    observer: { onWritten: () => counts.written++, onDropped: (reason) => dropped.push(reason) },
  });
  return { writer, written, paths, dropped, counts };
}

t.test('an Event names the object, the fault and who reports it', async (t) => {
  const { writer, written, paths } = open();
  await writer.write(NOTICE);
  t.match(written, [
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'default', name: /^api\.[0-9a-f]{16}$/ },
      eventTime: '2026-01-02T03:04:05.678000Z',
      reportingController: 'weft.dev/destination',
      reportingInstance: 'destination-1',
      action: 'Translate',
      reason: 'Misconfigured',
      type: 'Warning',
      note: 'spec.ports[0].port: is no port',
    },
  ]);
  t.same(written[0]!.regarding, { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'api' });
  t.same(paths, ['/apis/events.k8s.io/v1/namespaces/default/events']);
});

t.test('an Event about an object without a namespace stands in default and names none', async (t) => {
  const { writer, written } = open();
  await writer.write({ ...NOTICE, subject: { kind: 'Namespace', namespace: '', name: 'shop' } });
  t.equal(written[0]!.metadata.namespace, 'default');
  t.same(written[0]!.regarding, { kind: 'Namespace', name: 'shop' });
});

t.test('what an API server would refuse for its length is cut', async (t) => {
  const { writer, written } = open({ instance: 'i'.repeat(200) });
  const subject = { ...NOTICE.subject, name: 'n'.repeat(253) };
  await writer.write({ ...NOTICE, subject, note: 'x'.repeat(2000) });
  t.match(written, [{ reportingInstance: 'i'.repeat(128), note: 'x'.repeat(1024) }]);
  t.equal(written[0]!.note.length, 1024);
  t.equal(written[0]!.metadata.name.length, 217);
});

t.test('the same said again is one Event, and no loss; something else, or of another object, is another', async (t) => {
  const { writer, written, dropped, counts } = open();
  await writer.write(NOTICE);
  await writer.write(NOTICE);
  t.equal(counts.written, 1);
  t.same(dropped, []);
  await writer.write({ ...NOTICE, note: 'spec.ports[1].port: is no port' });
  await writer.write({ ...NOTICE, subject: { ...NOTICE.subject, kind: 'Pod' } });
  await writer.write({ ...NOTICE, reason: 'InjectionSkipped' });
  t.equal(written.length, 4);
});

t.test('twenty at once are written and twenty a minute, the rest is counted', async (t) => {
  let now = 0;
  const { writer, written, dropped } = open({ now: () => now });
  const write = async (count: number) => {
    for (let at = 0; at < count; at++) await writer.write({ ...NOTICE, note: `${now} ${at}` });
  };
  await write(100);
  t.equal(written.length, 20);
  t.same(new Set(dropped), new Set(['rate limit']));
  t.equal(dropped.length, 80);
  now += 3_000;
  await write(2);
  t.equal(written.length, 21, 'three seconds are worth one');
  now += 3_600_000;
  await write(30);
  t.equal(written.length, 41, 'a quiet hour is worth no more than a burst');
});

t.test('an Event that the API server refuses is counted with its reason', async (t) => {
  const { writer, dropped, counts } = open({ fault: new ApiError(403, 'Forbidden', 'events are forbidden') });
  await writer.write(NOTICE);
  t.equal(counts.written, 0);
  t.match(dropped, [/events are forbidden/]);
  t.equal(dropped.length, 1);
});
