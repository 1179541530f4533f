import t from 'tap';

import type { HeaderContext } from './header-change.ts';
import { bothChanges, changeHeaders, isConstant } from './header-change.ts';

const head = {
  method: 'PUT',
  scheme: 'https',
  authority: 'api:80',
  path: '/p?q',
  protocol: '',
  fields: ['X-One', '1'],
  version: 'HTTP/1.0; absolute-form',
};
const context: HeaderContext = { head, client: '[fd00::1]:4711', route: 'users' };
const set = (name: string, value: string) => ({ name, value });

/** What a value made of one piece is. */
const piece = (each: { requestHeader: string } | { variable: 'client-ip' }, of: Partial<HeaderContext> = {}) =>
  changeHeaders([], { set: [{ name: 'x', value: [each] }] }, { ...context, ...of })[1];

t.test('what a header of the request says, and what HTTP/2 says by pseudo-headers', async (t) => {
  for (const [requestHeader, value] of [
    [':authority', 'api:80'],
    ['host', 'api:80'],
    [':path', '/p?q'],
    [':method', 'PUT'],
    [':scheme', 'https'],
    ['x-one', '1'],
    ['absent', ''],
  ] as const)
    t.equal(piece({ requestHeader }), value, requestHeader);
});

t.test('what is known of the connection and the route', async (t) => {
  const variable = (name: string, of: Partial<HeaderContext> = {}) => piece({ variable: name as 'client-ip' }, of);
  t.equal(variable('client-address'), '[fd00::1]:4711');
  t.equal(variable('client-ip'), 'fd00::1');
  t.equal(variable('client-ip', { client: '' }), '');
  t.equal(variable('route'), 'users');
  t.equal(variable('protocol'), 'HTTP/1.0');
  t.equal(variable('protocol', { head: { ...head, version: '' } }), 'HTTP/2');
  t.match(variable('start-time'), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

t.test('fields are removed, then set, then added, in this order; others stay as they are', async (t) => {
  const change = { add: [set('a', 'add')], set: [set('a', 'set'), set('c', 'set')], remove: ['b'] };
  t.same(changeHeaders(['A', '1', 'B', '2', 'D', '4', 'a', '5'], change, context), [
    ...['D', '4', 'a', 'set', 'c', 'set', 'a', 'add'],
  ]);
  t.same(changeHeaders(['b', 'a'], { set: [set('a', 'x')] }, context), ['b', 'a', 'a', 'x'], 'values are no names');
  t.same(changeHeaders(['a', '1'], {}, context), ['a', '1']);
});

t.test('of two changes the second holds where it sets or removes, and both add', async (t) => {
  const first = {
    set: [set('a', '1'), set('b', '1'), set('c', '1')],
    add: [set('a', '2'), set('b', '2'), set('d', '2')],
    remove: ['x'],
  };
  const second = { set: [set('a', '3')], add: [set('d', '3')], remove: ['b'] };
  t.same(bothChanges(first, second), {
    set: [set('c', '1'), set('a', '3')],
    add: [set('d', '2'), set('d', '3')],
    remove: ['x', 'b'],
  });
  t.same(bothChanges({ set: [set('a', '1')] }, { add: [set('b', '1')] }), {
    set: [set('a', '1')],
    add: [set('b', '1')],
    remove: [],
  });
  t.same(bothChanges({ add: [set('a', '1')] }, { set: [set('b', '1')] }), {
    set: [set('b', '1')],
    add: [set('a', '1')],
    remove: [],
  });
  t.equal(bothChanges(first, undefined), first);
  t.equal(bothChanges(undefined, second), second);
  t.equal(bothChanges(undefined, undefined), undefined);
});

t.test('a change is constant while it says nothing of the connection', async (t) => {
  const varying = { name: 'x', value: [{ variable: 'client-ip' } as const] };
  t.equal(isConstant(undefined), true);
  t.equal(isConstant({ set: [set('a', '1')], add: [{ name: 'b', value: ['x', { requestHeader: 'y' }] }] }), true);
  t.equal(isConstant({ set: [set('a', '1'), varying] }), false);
  t.equal(isConstant({ add: [varying] }), false);
});
