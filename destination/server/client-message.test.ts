import t from 'tap';

import { parseClientMessage } from './client-message.ts';

const read = (message: object) => parseClientMessage(JSON.stringify(message));
const HELLO = { type: 'hello', version: 1, features: ['routes'], resume: { 'api:80': 'v1' } };

t.test('every message of the contract is read as it is written', async (t) => {
  for (const message of [
    HELLO,
    { type: 'hello', version: 1, features: [], resume: {} },
    { type: 'subscribe', target: 'api:80' },
    { type: 'subscribe', target: 'api:80', version: 'v1' },
    { type: 'unsubscribe', target: 'api:80' },
    { type: 'ack', target: 'api:80', version: 'v1' },
    { type: 'nack', target: 'api:80', version: 'v1', reason: 'it has no such feature' },
    { type: 'heartbeat' },
  ])
    t.same(read(message), message, message.type);
});

t.test('what else a message holds is left out', async (t) => {
  for (const [message, kept] of [
    [{ ...HELLO, extra: 1 }, ['type', 'version', 'features', 'resume']],
    [{ type: 'subscribe', target: 'a:1', extra: 1 }, ['type', 'target']],
    [{ type: 'unsubscribe', target: 'a:1', extra: 1 }, ['type', 'target']],
    [{ type: 'ack', target: 'a:1', version: 'v', extra: 1 }, ['type', 'target', 'version']],
    [{ type: 'nack', target: 'a:1', version: 'v', reason: 'r', extra: 1 }, ['type', 'target', 'version', 'reason']],
    [{ type: 'heartbeat', extra: 1 }, ['type']],
  ] as const)
    t.same(Object.keys(read(message)), kept, message.type);
});

t.test('a target has 1 to 300 characters', async (t) => {
  for (const type of ['subscribe', 'unsubscribe', 'ack', 'nack']) {
    const message = (target: unknown) => read({ type, target, version: 'v', reason: 'r' });
    t.match(message('a'.repeat(300)), { type });
    for (const target of ['', 'a'.repeat(301), 5, null, undefined, ['a:1']])
      t.match(message(target), { reason: 'message_malformed', message: new RegExp(type) }, `${type} ${target}`);
  }
  t.match(read({ ...HELLO, resume: { ['a'.repeat(300)]: 'v' } }), { type: 'hello' });
  for (const resume of [{ '': 'v' }, { ['a'.repeat(301)]: 'v' }])
    t.match(read({ ...HELLO, resume }), { reason: 'message_malformed' });
});

t.test('a version has at most 100 characters', async (t) => {
  for (const type of ['subscribe', 'ack', 'nack']) {
    const message = (version: unknown) => read({ type, target: 'a:1', version, reason: 'r' });
    t.match(message('v'.repeat(100)), { type, version: 'v'.repeat(100) });
    for (const version of ['v'.repeat(101), 5, null, {}])
      t.match(message(version), { reason: 'message_malformed' }, `${type} ${version}`);
  }
  t.match(read({ type: 'ack', target: 'a:1' }), { reason: 'message_malformed' });
  t.match(read({ ...HELLO, resume: { 'a:1': 'v'.repeat(100) } }), { type: 'hello' });
  for (const held of ['v'.repeat(101), 5, null])
    t.match(read({ ...HELLO, resume: { 'a:1': held } }), { reason: 'message_malformed' });
});

t.test('a hello has this version, up to 100 features and what it resumes', async (t) => {
  for (const version of [0, 2, '1', undefined])
    t.match(read({ ...HELLO, version }), { reason: 'version_unsupported', message: /version 1/ }, String(version));
  t.match(read({ ...HELLO, features: Array(100).fill('f') }), { type: 'hello' });
  for (const features of [Array(101).fill('f'), ['f'.repeat(101)], [5], 'routes', {}, null, undefined])
    t.match(read({ ...HELLO, features }), { reason: 'message_malformed', message: /hello/ }, JSON.stringify(features));
  for (const resume of [[], ['v'], 'v', null, undefined, 5])
    t.match(read({ ...HELLO, resume }), { reason: 'message_malformed' }, JSON.stringify(resume));
});

t.test('the reason of a refusal is cut at 500 characters', async (t) => {
  const nack = (reason: unknown) => read({ type: 'nack', target: 'a:1', version: 'v', reason });
  t.match(nack('r'.repeat(500)), { reason: 'r'.repeat(500) });
  t.match(nack('r'.repeat(600)), { type: 'nack', reason: 'r'.repeat(500) });
  t.match(nack(''), { type: 'nack', reason: '' });
  for (const reason of [5, null, undefined]) t.match(nack(reason), { reason: 'message_malformed' });
});

t.test('a line that is no message says which of the two it is', async (t) => {
  t.match(parseClientMessage('{'), { reason: 'message_not_json', message: /JSON/ });
  for (const text of ['null', '5', '"hello"', '[]', '{}', '{"type":"dance"}'])
    t.match(parseClientMessage(text), { reason: 'message_unknown' }, text);
  t.match(read({ type: 'dance' }), { message: /"dance"/ });
  const long = read({ type: 'd'.repeat(1000) }) as { readonly message: string };
  t.ok(long.message.length < 100, 'what a client made up is not repeated at length');
});
