import t from 'tap';

import type { Cors } from '../../api/filters.ts';
import { CorsPolicy } from './cors.ts';

const policy: Cors = {
  origins: [{ exact: 'https://a.example' }],
  methods: ['GET', 'PUT'],
  requestHeaders: ['x-a', 'x-b'],
  exposedHeaders: [],
  maxAge: null,
  hasCredentials: false,
  forwardsUnmatched: false,
};
const head = (method: string, ...fields: string[]) => ({
  method,
  scheme: 'http',
  authority: 'api',
  path: '/',
  protocol: '',
  fields,
  version: 'HTTP/1.1',
});
const ASKED = ['origin', 'https://a.example', 'access-control-request-method', 'DELETE'];
const preflight = (cors: Partial<Cors>, ...fields: string[]) =>
  new CorsPolicy({ ...policy, ...cors }).preflight(head('OPTIONS', ...ASKED, ...fields))?.fields;

t.test('a preflight is OPTIONS with an origin and the method that is asked for', async (t) => {
  const cors = new CorsPolicy(policy);
  t.equal(cors.preflight(head('OPTIONS', ...ASKED))?.status, 200);
  t.equal(cors.preflight(head('GET', ...ASKED)), null);
  t.equal(cors.preflight(head('OPTIONS', ...ASKED.slice(0, 2))), null);
  t.equal(cors.preflight(head('OPTIONS', ...ASKED.slice(2))), null);
});

const BEGIN = ['access-control-allow-origin', 'https://a.example', 'vary', 'origin'];
const END = ['content-length', '0'];
const METHODS = ['access-control-allow-methods', 'GET,PUT'];
const HEADERS = ['access-control-allow-headers', 'x-a,x-b'];

t.test('its answer says what the policy does, and nothing of what it does not', async (t) => {
  t.same(preflight({}), [...BEGIN, ...METHODS, ...HEADERS, ...END]);
  t.same(preflight({ methods: [] }), [...BEGIN, ...HEADERS, ...END]);
  t.same(preflight({ requestHeaders: [] }), [...BEGIN, ...METHODS, ...END]);
  t.same(preflight({ maxAge: 0 }), [...BEGIN, ...METHODS, ...HEADERS, 'access-control-max-age', '0', ...END]);
  t.same(preflight({ hasCredentials: true }), [
    ...[...BEGIN.slice(0, 2), 'access-control-allow-credentials', 'true', ...BEGIN.slice(2)],
    ...[...METHODS, ...HEADERS, ...END],
  ]);
});

t.test('a star is what was asked for', async (t) => {
  t.same(preflight({ methods: ['*'] })?.slice(4, 6), ['access-control-allow-methods', 'DELETE']);
  const asked = ['access-control-request-headers', 'x-c, x-d'];
  t.same(preflight({ requestHeaders: ['*'] }, ...asked)?.slice(6, 8), ['access-control-allow-headers', 'x-c, x-d']);
  t.same(preflight({ requestHeaders: ['*'] })?.slice(6, 8), ['access-control-allow-headers', '*'], 'nothing was');
  t.same(preflight({}, ...asked)?.slice(6, 8), HEADERS, 'there is no star');
});

t.test('an origin that is not allowed is told nothing, or goes to the application', async (t) => {
  const foreign = head('OPTIONS', 'origin', 'https://b.example', ...ASKED.slice(2));
  t.same(new CorsPolicy(policy).preflight(foreign), { status: 200, fields: END });
  t.equal(new CorsPolicy({ ...policy, forwardsUnmatched: true }).preflight(foreign), null);
  const fields = ['Access-Control-Allow-Origin', '*'];
  t.equal(new CorsPolicy(policy).answer(head('GET', 'origin', 'https://b.example'), fields), fields);
  t.equal(new CorsPolicy(policy).answer(head('GET'), fields), fields, 'nor one that is not said');
});

t.test('an answer says what the policy does in place of what the application said', async (t) => {
  const said = [
    ...['Access-Control-Allow-Origin', '*', 'a', 'b', 'access-control-allow-credentials', 'true'],
    ...['Access-Control-Expose-Headers', 'c', 'd', 'access-control-allow-origin'],
  ];
  const answer = (cors: Partial<Cors>) =>
    new CorsPolicy({ ...policy, ...cors }).answer(head('GET', 'Origin', 'https://a.example'), said);
  const rest = ['d', 'access-control-allow-origin'];
  t.same(answer({}), ['a', 'b', 'Access-Control-Expose-Headers', 'c', ...rest, ...BEGIN]);
  t.same(answer({ exposedHeaders: ['x', 'y'] }), ['a', 'b', ...rest, ...BEGIN, 'access-control-expose-headers', 'x,y']);
});
