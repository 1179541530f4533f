import t from 'tap';

import type { Backend, Endpoint, OutboundTarget } from '../../api/routing.ts';
import { DEFAULT_ROUTE } from '../routing/route-table.ts';
import { ConnectError } from '../transport/dialer.ts';
import * as ends from './outcome.ts';

const route = { ...DEFAULT_ROUTE.route, origin: 'VirtualService/default/api' };
const endpoint = { address: '10.1.0.1', port: 8080 } as Endpoint;
const backend: Backend = { service: 'api', port: 80, endpoints: [] };

t.test('an answer counts by its status, and as its route classifies it', async (t) => {
  t.same(ends.answeredOutcome({ status: 204, fields: [] }, true, null), {
    status: 204,
    success: true,
    grpcStatus: '',
    error: '',
  });
});

t.test("gRPC's status is in the trailers, or in the head where there are none", async (t) => {
  const head = { status: 200, fields: ['grpc-status', '14'] };
  t.match(ends.answeredOutcome(head, false, null), { grpcStatus: '14' });
  t.match(ends.answeredOutcome(head, true, ['grpc-status', '0']), { grpcStatus: '0' });
  t.match(ends.answeredOutcome(head, true, ['x', '1']), { grpcStatus: '' });
});

t.test('an answer of the proxy at the far end counts under its reason', async (t) => {
  const head = { status: 502, fields: ['weft-proxy-error', 'endpoint_closed'] };
  t.match(ends.answeredOutcome(head, false, null), { status: 502, error: 'endpoint_closed' });
});

t.test("an answer of the proxy's own counts as a failure with its status and reason", async (t) => {
  t.same(ends.failedOutcome('fail_fast'), { status: 504, success: false, grpcStatus: '', error: 'fail_fast' });
});

t.test('no connection speaks against an endpoint where that is its doing, and else of nothing', async (t) => {
  const result = (reason: ConnectError['reason']) => ends.unreachableResult(new ConnectError(reason, ''));
  t.equal(result('connect_failed'), 'local');
  t.equal(result('connect_timeout'), 'local');
  t.equal(result('destination_identity_mismatch'), null);
  t.equal(result('overflow' as ConnectError['reason']), null);
});

t.test('an injected fault counts as a failure with the status that it was given', async (t) => {
  const head = { status: 200, fields: ['grpc-status', '14', 'weft-proxy-error', 'fault_injected'] };
  t.same(ends.faultOutcome(head), { status: 200, success: false, grpcStatus: '14', error: 'fault_injected' });
});

t.test('a request that the application gave up is no failure, an answer that broke off is one', async (t) => {
  t.match(ends.CANCELLED_OUTCOME, { status: 499, success: true, error: 'cancelled' });
  t.match(ends.BROKEN_OFF_OUTCOME, { status: 0, success: false, error: 'endpoint_reset' });
});

t.test('an unmatched request is told without its query', async (t) => {
  const head = { method: 'GET', path: '/a?token=b', scheme: 'http', authority: 'api', protocol: '', fields: [] };
  t.same(ends.unmatchedFailure({ name: 'api', port: 80 } as OutboundTarget, head), {
    reason: 'route_not_found',
    message: 'no route of api:80 takes GET /a',
  });
});

t.test('a backend without an endpoint', async (t) => {
  t.test('has none that is ready, or has ejected all', async (t) => {
    t.equal(ends.whyEmpty(backend), 'it has no ready endpoint');
    t.equal(ends.whyEmpty({ ...backend, endpoints: [endpoint, endpoint] }), 'all 2 endpoints are ejected');
  });

  t.test('is answered for as its rule says, or when the request has waited', async (t) => {
    t.same(ends.emptyFailure('api:80', 'why', 503), { reason: 'no_endpoint', message: 'api:80: why' });
    t.same(ends.emptyFailure('api:80', 'why', 500), { reason: 'backend_unknown', message: 'api:80: why' });
    t.same(ends.failFastFailure('api:80', 'why', 3000), { reason: 'fail_fast', message: 'api:80: why for 3000 ms' });
    t.same(ends.retiredFailure('api:80').reason, 'target_unknown');
    t.same(ends.overflowFailure('too many'), { reason: 'overflow', message: 'too many' });
  });
});

t.test('failures of an endpoint name it', async (t) => {
  t.same(ends.unreachableFailure(endpoint, new ConnectError('connect_timeout', 'no answer')), {
    reason: 'connect_timeout',
    message: '10.1.0.1:8080: no answer',
  });
  t.equal(ends.addressOf(endpoint), '10.1.0.1:8080');
  t.same(ends.perTryFailure(endpoint, 50, route), {
    reason: 'per_try_timeout',
    message: 'no answer of 10.1.0.1:8080 within 50 ms, the time that VirtualService/default/api gives an attempt',
  });
});

t.test('a timeout names what was missed, and whose it was', async (t) => {
  const whole = { ...route, timeouts: { requestMs: 100 } };
  const said = (...args: Parameters<typeof ends.timeoutFailure>) => ends.timeoutFailure(...args).message;
  const ofRoute = 'the timeout of VirtualService/default/api';
  t.equal(said('request_timeout', 100, 0, whole), `no answer within 100 ms, ${ofRoute}`);
  t.equal(said('response_timeout', 5, 0, route), `the answer is not done within 5 ms, ${ofRoute}`);
  t.equal(said('idle_timeout', 5, 0, route), `not an octet within 5 ms, ${ofRoute}`);
  t.equal(said('request_timeout', 50, 50, whole), 'no answer within 50 ms, the deadline of the client');
  t.equal(said('request_timeout', 100, 100, whole), `no answer within 100 ms, ${ofRoute}`, 'both say the same');
  t.equal(said('idle_timeout', 50, 50, route), `not an octet within 50 ms, ${ofRoute}`);
});
