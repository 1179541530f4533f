import t from 'tap';

import type { AccessCondition, AccessLayer, AccessRule } from '../../api/access-policy.ts';
import { Random } from '../../core/testing/random.ts';
import { attributesOf } from './client-attributes.ts';
import { type AccessFacts, compileCondition } from './condition.ts';
import { Layer } from './layer.ts';

const client = (account: string, namespace = 'default') =>
  attributesOf({ identity: `${account}.${namespace}`, spiffe: `spiffe://td/ns/${namespace}/sa/${account}` });
const request = (path: string, method = 'GET') => ({ method, path, authority: 'api', scheme: 'http', fields: [] });
const facts = (more: Partial<AccessFacts> = {}): AccessFacts => ({
  client: client('web'),
  address: '10.0.0.1',
  port: 8080,
  serverName: '',
  request: request('/'),
  ...more,
});
const rule = (origin: string, when: AccessCondition, more: Partial<AccessRule> = {}): AccessRule => ({
  when,
  origin,
  ...more,
});
const layer = (more: Partial<AccessLayer>) => new Layer({ deny: [], allow: null, origin: 'policies', ...more });

const ALWAYS: AccessCondition = { all: [] };
const NEVER: AccessCondition = { any: [] };
const OF_WEB: AccessCondition = { client: 'serviceAccount', value: { exact: 'web' } };
const OF_A: AccessCondition = { request: { path: { prefix: '/a' } } };

t.test('lets everybody in where nothing is said', async (t) => {
  t.same(layer({}).decide(facts(), 'requests'), { verdict: 'allowed', rule: null });
});

t.test('lets in whom a rule takes, and nobody else', async (t) => {
  const of = rule('web', OF_WEB);
  t.same(layer({ allow: [rule('none', NEVER), of] }).decide(facts(), 'requests'), { verdict: 'allowed', rule: of });
  t.same(layer({ allow: [of] }).decide(facts({ client: client('job') }), 'requests'), {
    verdict: 'denied',
    rule: null,
  });
  t.equal(layer({ allow: [] }).decide(facts(), 'requests').verdict, 'denied');
});

t.test('a refusal comes before a permission', async (t) => {
  const no = rule('no', OF_WEB);
  t.same(layer({ deny: [no], allow: [rule('yes', ALWAYS)] }).decide(facts(), 'requests'), {
    verdict: 'denied',
    rule: no,
  });
});

t.test('octets are judged by what a rule says of octets', async (t) => {
  const verdict = (more: Partial<AccessLayer>) => layer(more).decide(facts(), 'octets').verdict;
  t.equal(verdict({ allow: [rule('x', ALWAYS)] }), 'allowed', 'the same, where it says nothing of its own');
  t.equal(verdict({ allow: [rule('x', ALWAYS, { whenOctets: null })] }), 'denied');
  t.equal(verdict({ deny: [rule('x', NEVER, { whenOctets: ALWAYS })] }), 'denied');
  t.equal(verdict({ deny: [rule('x', ALWAYS, { whenOctets: null })] }), 'allowed');
});

t.test('says so where it cannot tell yet', async (t) => {
  const verdict = (more: Partial<AccessLayer>) => layer(more).decide(facts({ request: null }), 'requests').verdict;
  t.equal(verdict({ allow: [rule('a', OF_A)] }), 'unknown');
  t.equal(verdict({ deny: [rule('a', OF_A)] }), 'unknown');
  t.equal(verdict({ deny: [rule('a', OF_A)], allow: [rule('web', OF_WEB)] }), 'unknown');
  t.equal(verdict({ deny: [rule('a', OF_A)], allow: [] }), 'denied', 'whatever it may ask, nobody lets it in');
  t.equal(verdict({ deny: [rule('web', OF_WEB)], allow: [rule('a', OF_A)] }), 'denied', 'whatever it may ask');
  t.equal(verdict({ allow: [rule('a', OF_A), rule('web', OF_WEB)] }), 'allowed', 'whatever it may ask');
});

t.test('tells of what is audited, and of what is tried, and enforces neither', async (t) => {
  const noted = rule('noted', OF_A);
  const tried = layer({ audit: [noted], dryRun: { deny: [rule('tried', OF_WEB)], allow: null } });
  t.same(tried.decide(facts(), 'requests'), { verdict: 'allowed', rule: null });
  t.equal(tried.audited(facts({ request: request('/a') }), 'requests'), noted);
  t.equal(tried.audited(facts(), 'requests'), null);
  t.match(tried.tried(facts(), 'requests'), { verdict: 'denied', rule: { origin: 'tried' } });
  t.equal(layer({}).tried(facts(), 'requests'), null);
});

t.test('finds the same among many as one who looks at each', async (t) => {
  const random = new Random(19);
  const pick = <T>(...from: readonly T[]): T => from[random.below(from.length)]!;
  const account = () => pick('web', 'job', 'db', 'cron');
  const path = () => pick('/', '/a', '/a/b', '/ab', '/b', '/b/c/d');
  const leaf = (): AccessCondition =>
    pick<() => AccessCondition>(
      () => ({ client: 'principal', value: { exact: `td/ns/default/sa/${account()}` } }),
      () => ({ client: 'identity', value: { exact: `${account()}.default` } }),
      () => ({ client: 'namespace', value: { exact: pick('default', 'other') } }),
      () => ({ client: 'serviceAccount', value: { exact: account() } }),
      () => ({ client: 'principal', value: { prefix: 'td/ns/def' } }),
      () => ({ request: { path: { exact: path() } } }),
      () => ({ request: { path: { prefix: path() } } }),
      () => ({ request: { path: { suffix: 'b' } } }),
      () => ({ request: { method: { exact: pick('GET', 'POST') } } }),
      () => ({ ports: [pick(8080, 9090)] }),
      () => ({ address: [pick('10.0.0.0/8', '192.0.2.0/24')] }),
    )();
  const condition = (depth: number): AccessCondition => {
    if (depth === 0 || random.below(3) === 0) return leaf();
    const parts = Array.from({ length: random.below(4) }, () => condition(depth - 1));
    return pick<AccessCondition>({ all: parts }, { any: parts }, { not: condition(depth - 1) });
  };
  let taken = 0;
  for (let n = 0; n < 300; n++) {
    const rules = Array.from({ length: 1 + random.below(40) }, (_, at) => rule(`rule-${at}`, condition(3)));
    const compiled = rules.map(({ when }) => compileCondition(when));
    const one = layer({ allow: rules });
    for (let m = 0; m < 20; m++) {
      const who = facts({
        client: pick(null, client(account()), client(account(), 'other'), attributesOf({ identity: '', spiffe: '' })),
        address: pick('10.1.1.1', '192.0.2.1'),
        port: pick(8080, 9090),
        request: pick(null, request(path(), pick('GET', 'POST'))),
      });
      const each = compiled.map((holds) => holds(who));
      const expected = each.includes(true) ? 'allowed' : each.includes(null) ? 'unknown' : 'denied';
      const { verdict, rule: by } = one.decide(who, 'requests');
      if (verdict !== expected) return t.equal(verdict, expected, JSON.stringify({ who, rules }));
      if (by) {
        taken++;
        if (each[rules.indexOf(by)] !== true) return t.fail(`${by.origin} does not take it`);
      }
    }
  }
  t.ok(taken > 1000, `${taken} were taken`);
});

t.test('a rule of an unknown condition is no layer', async (t) => {
  t.throws(() => layer({ deny: [rule('x', { moon: 'full' } as unknown as AccessCondition)] }));
});
