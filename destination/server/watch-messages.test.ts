import t from 'tap';

import type { Endpoint, OutboundTarget } from '../../api/routing.ts';
import { DEFAULT_RETRY_BUDGET } from '../../api/routing.ts';
import { parseClientMessage } from './client-message.ts';
import { endpointChange } from './endpoint-change.ts';
import { LineReader } from './line-reader.ts';

t.test('lines are the same however the text is cut', async (t) => {
  const text = '{"a":1}\n\n  \n{"ü":"\u{1f600}"}\r\n{"b":2}\nrest';
  const whole = linesOf([text]);
  t.same(whole, ['{"a":1}', '{"ü":"\u{1f600}"}\r', '{"b":2}']);
  t.same(linesOf([...text]), whole, 'character by character');
  for (let at = 0; at <= text.length; at++) t.same(linesOf([text.slice(0, at), text.slice(at)]), whole, `cut at ${at}`);
});

t.test('a line is bounded, whether it ends or not', async (t) => {
  const reads = (...parts: string[]) => {
    const reader = new LineReader(4);
    return parts.map((part) => reader.read(part, () => true));
  };
  t.same(reads('1234\n'), [true]);
  t.same(reads('12345\n'), [false]);
  t.same(reads('123', '4', '5'), [true, true, false]);
  t.same(reads('123', '45\n'), [true, false]);
});

t.test('nothing is read after the listener says stop', async (t) => {
  const seen: string[] = [];
  new LineReader(100).read('a\nb\n', (line) => {
    seen.push(line);
    return false;
  });
  t.same(seen, ['a']);
});

t.test('every truncation of a good message is a fault, not an exception', async (t) => {
  const good = '{"type":"nack","target":"api:80","version":"v","reason":"r"}';
  t.same(parseClientMessage(good), JSON.parse(good));
  for (let end = 0; end < good.length; end++) t.ok('message' in parseClientMessage(good.slice(0, end)));
  for (const text of ['null', '[]', '"hello"', '{}', '{"type":null}', '{"type":{"toString":1}}']) {
    t.match(parseClientMessage(text), { reason: 'message_unknown' }, text);
  }
});

t.test('an endpoint change is found, or the whole is needed', async (t) => {
  const before = target([endpoint('a', 1), endpoint('b', 1)]);
  t.same(endpointChange(before, target([endpoint('a', 1), endpoint('b', 1), endpoint('c', 1)])), {
    backend: '',
    add: [endpoint('c', 1)],
    remove: [],
  });
  t.same(endpointChange(before, target([endpoint('b', 1)])), { backend: '', add: [], remove: ['a'] });
  t.same(endpointChange(before, target([endpoint('a', 1), { ...endpoint('b', 1), tls: null, labels: { x: 'y' } }])), {
    backend: '',
    add: [{ ...endpoint('b', 1), labels: { x: 'y' } }],
    remove: [],
  });
  t.equal(endpointChange(before, before), null, 'nothing changed');
  t.equal(endpointChange(before, target([endpoint('a', 2), endpoint('b', 1)])), null, 'the same pod on another port');
  t.equal(endpointChange(before, { ...before, protocol: 'opaque' }), null, 'something else changed');
  const balanced = { '': { ...before.backends['']!, limits: { maxConnections: 1 } } };
  t.equal(endpointChange(before, { ...before, backends: balanced }), null, 'what holds towards the endpoints changed');
  t.same(
    endpointChange(
      { ...before, backends: balanced },
      { ...before, backends: { '': { ...balanced[''], endpoints: [endpoint('a', 1)] } } },
    ),
    { backend: '', add: [], remove: ['b'] },
    'it is the same, and an endpoint went',
  );
  const two: OutboundTarget = {
    ...before,
    backends: { ...before.backends, x: { service: 'x', port: 80, endpoints: [] } },
  };
  t.equal(endpointChange(before, two), null, 'another backend');
  const both = {
    '': { ...two.backends['']!, endpoints: [] },
    x: { service: 'x', port: 80, endpoints: [endpoint('x', 1)] },
  };
  t.equal(endpointChange(two, { ...two, backends: both }), null, 'two backends at once');
});

function linesOf(parts: readonly string[]): string[] {
  const reader = new LineReader(1000);
  const lines: string[] = [];
  for (const part of parts) reader.read(part, (line) => lines.push(line) > 0);
  return lines;
}

function endpoint(uid: string, port: number): Endpoint {
  return { uid, address: '10.0.0.1', port, tls: null, protocol: 'detect', labels: {} };
}

function target(endpoints: readonly Endpoint[]): OutboundTarget {
  return {
    name: 'api.default.svc.cluster.local',
    kind: 'service',
    port: 80,
    protocol: 'detect',
    labels: {},
    routes: [],
    retryBudget: DEFAULT_RETRY_BUDGET,
    backends: { '': { service: 'api.default.svc.cluster.local', port: 80, endpoints } },
  };
}
