import t from 'tap';

import type { AccessCondition } from '../../api/access-policy.ts';
import { attributesOf } from './client-attributes.ts';
import { type AccessFacts, compileCondition } from './condition.ts';

const WEB = attributesOf({
  identity: 'web.default.serviceaccount.identity.weft.cluster.local',
  spiffe: 'spiffe://cluster.local/ns/default/sa/web',
});
const NOBODY = attributesOf({ identity: '', spiffe: '' });
const REQUEST = { method: 'GET', path: '/a?b', authority: 'api', scheme: 'http', fields: [] as string[] };
const FACTS: AccessFacts = { client: WEB, address: '10.1.2.3', port: 8080, serverName: '', request: REQUEST };

const holds = (condition: AccessCondition, facts: Partial<AccessFacts> = {}) =>
  compileCondition(condition)({ ...FACTS, ...facts });

t.test('nothing that has to hold holds always, and nothing that may hold never', async (t) => {
  t.equal(holds({ all: [] }), true);
  t.equal(holds({ any: [] }), false);
  t.equal(holds({ not: { any: [] } }), true);
});

t.test('asks for what a client has proved', async (t) => {
  for (const [client, value] of Object.entries(WEB) as [keyof typeof WEB, string][]) {
    t.equal(holds({ client, value: { exact: value } }), true, client);
    t.equal(holds({ client, value: { exact: `${value}x` } }), false, client);
    t.equal(holds({ client, value: { present: true } }), true, client);
  }
  t.equal(holds({ client: 'namespace', value: { prefix: 'def' } }), true);
  t.equal(holds({ client: 'namespace', value: { suffix: 'ault' } }), true);
  t.equal(holds({ client: 'namespace', value: { regex: 'd.*t' } }), true);
});

t.test('a client that has proved nothing has nothing, whatever it is compared with', async (t) => {
  for (const value of [{ exact: '' }, { prefix: '' }, { suffix: '' }, { regex: '.*' }, { present: true }] as const) {
    t.equal(holds({ client: 'principal', value }, { client: NOBODY }), false);
    t.equal(holds({ not: { client: 'principal', value } }, { client: NOBODY }), true);
  }
});

t.test('asks for the address of the other end, of either family', async (t) => {
  t.equal(holds({ address: ['192.0.2.0/24', '10.1.0.0/16'] }), true);
  t.equal(holds({ address: ['10.1.2.3'] }), true);
  t.equal(holds({ address: ['10.2.0.0/16'] }), false);
  t.equal(holds({ address: ['fd00::/8'] }, { address: 'fd00::1' }), true);
});

t.test('asks for the client that the last hop names, else for the other end', async (t) => {
  const named = (...fields: string[]) => ({ request: { ...REQUEST, fields } });
  const condition = { forwardedAddress: ['192.0.2.0/24'] };
  t.equal(holds(condition, named('X-Forwarded-For', '10.9.9.9, 192.0.2.7')), true);
  t.equal(holds(condition, named('x-forwarded-for', '10.9.9.9', 'x-forwarded-for', '192.0.2.7')), true);
  t.equal(holds(condition, named('x-forwarded-for', '192.0.2.7, 10.9.9.9')), false);
  t.equal(holds(condition, named('x-forwarded-for', 'unknown')), false);
  t.equal(holds(condition, { address: '192.0.2.1' }), true);
});

t.test('asks for what a token has proved, of lists for any entry', async (t) => {
  const token = {
    principal: 'https://issuer.example/alice',
    presenter: '',
    audiences: ['api', 'web'],
    claims: {
      groups: ['a', 'ü', 7],
      org: { team: 'blue' },
      scope: 'read write',
      text: 'read write',
      age: 7,
      constructor: 'x',
    },
    delimited: ['scope'],
  };
  const of = (condition: AccessCondition) => holds(condition, { token });
  const claim = (names: readonly string[], value: object) => of({ token: 'claims', claim: names, value });
  t.equal(of({ token: 'principal', value: { prefix: 'https://issuer.example/' } }), true);
  t.equal(of({ token: 'audiences', value: { exact: 'web' } }), true);
  t.equal(of({ token: 'audiences', value: { exact: 'other' } }), false);
  for (const value of [{ present: true }, { prefix: '' }, { exact: '' }] as const)
    t.equal(of({ token: 'presenter', value }), false, 'what it does not have is taken by nothing');
  t.equal(claim(['groups'], { exact: 'ü' }), true);
  t.equal(claim(['groups'], { exact: '7' }), false, 'a number is no text');
  t.equal(claim(['org', 'team'], { exact: 'blue' }), true);
  t.equal(claim(['org'], { present: true }), false, 'an object is no text');
  t.equal(claim(['groups', '0'], { exact: 'a' }), false, 'a list has no names');
  t.equal(claim(['scope'], { exact: 'write' }), true);
  t.equal(claim(['scope'], { exact: 'read write' }), false);
  t.equal(claim(['text'], { exact: 'read write' }), true);
  t.equal(claim(['age'], { present: true }), false);
  t.equal(claim(['toString'], { present: true }), false, 'what every object has is no claim');
  t.equal(claim(['constructor'], { exact: 'x' }), true);
});

t.test('a token that there is not has proved nothing, and one that is not known may have', async (t) => {
  const condition = { token: 'principal', value: { present: true } } as const;
  t.equal(holds(condition, { token: null }), false);
  t.equal(holds({ not: condition }, { token: null }), true);
  t.equal(holds(condition), null);
  t.equal(holds({ not: condition }), null);
  t.equal(holds(condition, { token: null, request: null }), null);
});

t.test('asks for the port and for the name that TLS asked for', async (t) => {
  t.equal(holds({ ports: [80, 8080] }), true);
  t.equal(holds({ ports: [80] }), false);
  for (const [range, is] of [
    [[8080, 8080], true],
    [[1, 8080], true],
    [[8080, 9000], true],
    [[8081, 9000], false],
    [[1, 8079], false],
  ] as const)
    t.equal(holds({ portRanges: [range] }), is, range.join('-'));
  t.equal(holds({ serverName: { exact: 'api.example' } }, { serverName: 'api.example' }), true);
  t.equal(holds({ serverName: { exact: 'api.example' } }), false);
});

t.test('asks for a request', async (t) => {
  t.equal(holds({ request: { path: { exact: '/a' } } }), true);
  t.equal(holds({ request: { method: { exact: 'POST' } } }), false);
});

t.test('says so where it depends on what is not known yet', async (t) => {
  const unknown = { client: null, serverName: null, request: null };
  const parts: AccessCondition[] = [
    { client: 'namespace', value: { exact: 'default' } },
    { serverName: { exact: 'a' } },
    { request: { path: { prefix: '/' } } },
    { forwardedAddress: ['10.0.0.0/8'] },
  ];
  const [yes, no] = [{ ports: [8080] }, { ports: [1] }];
  for (const part of parts) {
    t.equal(holds(part, unknown), null);
    t.equal(holds({ not: part }, unknown), null);
    t.equal(holds({ all: [part, yes] }, unknown), null);
    t.equal(holds({ any: [part, no] }, unknown), null);
    t.equal(holds({ all: [part, no] }, unknown), false, 'and nothing of it does here');
    t.equal(holds({ any: [part, yes] }, unknown), true, 'nor here');
  }
});

t.test('what this version does not know is no condition', async (t) => {
  for (const condition of [
    { moon: 'full' },
    { client: 'shoe size', value: { exact: '9' } },
    { all: [{ not: { moon: 'full' } }] },
    { client: 'identity', value: { glob: 'web*' } },
    { not: { request: { path: { glob: '/a*' } } } },
    { request: { path: { regex: '(' } } },
  ])
    t.throws(() => compileCondition(condition as unknown as AccessCondition), JSON.stringify(condition));
});
