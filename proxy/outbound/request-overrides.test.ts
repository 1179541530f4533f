import t from 'tap';

import type { Route } from '../../api/routing.ts';
import type { RequestHead } from '../http.ts';
import { DEFAULT_ROUTE, RouteTable } from '../routing/route-table.ts';
import { overriddenRequest } from './request-overrides.ts';

const head = (fields: readonly string[]): RequestHead => ({
  method: 'GET',
  scheme: 'http',
  authority: 'api',
  path: '/',
  protocol: '',
  fields,
});

const PLAIN: Route = { ...DEFAULT_ROUTE.route, name: 'all', origin: 'Service/default/api' };

const RULE = { on: { outcomes: ['reset'] }, limit: 3, maxBodyBytes: 1000, perTryMs: 70 } as const;

/** Retries and timeouts of a request with these headers. */
function asked(headers: Readonly<Record<string, string>>, route: Partial<Route> = {}) {
  const compiled = new RouteTable([{ ...PLAIN, ...route }]).find(head([]));
  const overridden = overriddenRequest(head(Object.entries(headers).flat()), compiled);
  if (!overridden) return null;
  const { retry, timeouts } = overridden.route.route;
  return { retry, timeouts };
}

t.test('says nothing where no header does', async (t) => {
  t.equal(asked({ accept: '*/*', 'l5d-client-id': 'x', 'x-envoy-attempt-count': '1' }), null);
});

t.test("Linkerd's headers take the place of what the route says", async (t) => {
  const on = { outcomes: ['connect-failure', 'refused-stream', 'head-timeout'], statuses: [{ min: 500, max: 599 }] };
  t.match(asked({ 'l5d-retry-http': '5xx' }), { retry: { on, limit: 1, maxBodyBytes: 65_536 } });
  t.match(asked({ 'L5d-Retry-Http': '5xx', 'l5d-retry-limit': '4' }), { retry: { limit: 4 } });
  t.match(asked({ 'l5d-retry-grpc': 'unavailable, internal' }), { retry: { on: { grpc: [14, 13] } } });
  t.notMatch(asked({ 'l5d-retry-grpc': 'unavailable' })?.retry?.on, { statuses: [] }, 'what is not named is not there');
  t.match(asked({ 'l5d-retry-timeout': '300ms' }, { retry: RULE }), { retry: { ...RULE, perTryMs: 300 } });
  t.same(asked({ 'l5d-response-timeout': '2s' })?.timeouts, { responseMs: 2000 });
  t.same(asked({ 'l5d-timeout': '1s', 'l5d-request-timeout': '3s' })?.timeouts, { requestMs: 3000 });
  t.same(asked({ 'l5d-timeout': '1s' }, { timeouts: { headMs: 10, idleMs: 5 } })?.timeouts, {
    requestMs: 1000,
    idleMs: 5,
  });
});

t.test("Envoy's say the same, and give way to Linkerd's", async (t) => {
  t.match(asked({ 'x-envoy-retry-on': 'reset', 'x-envoy-max-retries': '2' }), {
    retry: { on: { outcomes: ['reset', 'connect-failure', 'refused-stream', 'head-timeout'] }, limit: 2 },
  });
  t.match(
    asked({ 'x-envoy-retry-on': 'retriable-status-codes', 'x-envoy-retriable-status-codes': '404,409' })?.retry?.on,
    { statuses: [{ min: 404 }, { min: 409 }] },
  );
  t.same(asked({ 'x-envoy-retriable-status-codes': '404' })?.retry, null, 'the list alone is no condition');
  t.match(asked({ 'x-envoy-retry-grpc-on': 'cancelled' }), { retry: { on: { grpc: [1] } } });
  t.match(asked({ 'x-envoy-upstream-rq-per-try-timeout-ms': '40' }, { retry: RULE }), { retry: { perTryMs: 40 } });
  t.same(asked({ 'x-envoy-upstream-rq-timeout-ms': '90' })?.timeouts, { requestMs: 90 });
  t.same(asked({ 'x-envoy-upstream-rq-timeout-ms': '90', 'l5d-timeout': '1s' })?.timeouts, { requestMs: 1000 });
});

t.test('a limit of 0 is never to try again; without a condition nothing is', async (t) => {
  t.equal(asked({ 'l5d-retry-limit': '0' }, { retry: RULE })?.retry, null);
  t.equal(asked({ 'x-envoy-max-retries': '0' }, { retry: RULE })?.retry, null);
  t.equal(asked({ 'l5d-retry-limit': '5' })?.retry, null);
});

t.test('what cannot be read changes nothing', async (t) => {
  const route: Partial<Route> = { retry: RULE, timeouts: { requestMs: 10 } };
  t.same(asked({ 'l5d-timeout': 'soon', 'l5d-retry-limit': '-1', 'x-envoy-retry-on': 'luck' }, route), {
    retry: RULE,
    timeouts: { requestMs: 10 },
  });
});

t.test('the headers do not go on, others do', async (t) => {
  const compiled = new RouteTable([PLAIN]).find(head([]));
  const overridden = overriddenRequest(head(['Accept', '*/*', 'L5D-Timeout', '1s', 'x-id', '7']), compiled);
  t.same(overridden?.head.fields, ['Accept', '*/*', 'x-id', '7']);
  t.match(overridden?.route.route.origin, 'Service/default/api, changed by headers of the request');
});
