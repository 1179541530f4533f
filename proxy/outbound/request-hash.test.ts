import t from 'tap';

import type { ConsistentHash } from '../../api/traffic-policy.ts';
import { hashOf } from '../balance/hash-table.ts';
import type { RequestHead } from '../http.ts';
import { requestHash } from './request-hash.ts';

function hash(key: ConsistentHash['key'], head: Partial<RequestHead> = {}, client = '10.0.0.1:4711') {
  const whole: RequestHead = {
    method: 'GET',
    scheme: 'http',
    authority: 'a',
    path: '/',
    protocol: '',
    fields: [],
    ...head,
  };
  return requestHash({ key } as ConsistentHash, whole, client);
}

t.test('is of a header', async (t) => {
  t.same(hash({ header: 'x-user' }, { fields: ['X-User', 'anna'] }), { hash: hashOf('anna'), cookie: null });
  t.equal(hash({ header: 'x-user' }), null);
});

t.test('is of a parameter of the query', async (t) => {
  t.same(hash({ query: 'user' }, { path: '/?a=1&user=anna' }), { hash: hashOf('anna'), cookie: null });
  t.equal(hash({ query: 'user' }, { path: '/user=anna' }), null);
});

t.test('is of the client’s address, whatever its port', async (t) => {
  t.same(hash({ source: 'ip' }), { hash: hashOf('10.0.0.1'), cookie: null });
  t.same(hash({ source: 'ip' }, {}, '[fd00::1]:80')?.hash, hashOf('fd00::1'));
  t.equal(hash({ source: 'ip' }, {}, ''), null, 'who has gone has none');
});

t.test('is of a cookie, among others and in fields that were split', async (t) => {
  const key = { cookie: 'user', ttlMs: null, path: '' };
  t.equal(hash(key, { fields: ['Cookie', 'a=1; user=anna;b=2'] })?.hash, hashOf('anna'));
  t.equal(hash(key, { fields: ['cookie', 'a=1', 'cookie', ' user = anna '] })?.hash, hashOf('anna'));
  t.equal(hash(key, { fields: ['cookie', 'user=a=b'] })?.hash, hashOf('a=b'));
  for (const cookie of ['users=anna', '=anna', 'user', ''])
    t.equal(hash(key, { fields: ['cookie', cookie] }), null, cookie);
});

t.test('makes a cookie for want of one, where its life is named', async (t) => {
  const set = (more: { ttlMs: number; path: string; attributes?: readonly string[] }) =>
    hash({ cookie: 'user', ...more })!.cookie!.header.replace(/=[0-9a-f-]{36}/, '=*');
  t.equal(set({ ttlMs: 0, path: '' }), 'user=*; HttpOnly', 'for a session');
  t.equal(set({ ttlMs: 1500, path: '/shop' }), 'user=*; Path=/shop; Max-Age=2; HttpOnly');
  t.equal(
    set({ ttlMs: 0, path: '', attributes: ['SameSite=Lax', 'Secure'] }),
    'user=*; HttpOnly; SameSite=Lax; Secure',
  );
  const made = hash({ cookie: 'user', ttlMs: 0, path: '' })!;
  t.equal(made.hash, hashOf(/user=([^;]+)/.exec(made.cookie!.header)![1]!), 'which leads where the request has gone');
});
