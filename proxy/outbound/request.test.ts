import t, { type Test } from 'tap';

import { type Backend, OWN_BACKEND, type RetryPolicy, type Route } from '../../api/routing.ts';
import { systemClock } from '../../core/time/clock.ts';
import { FailureLog } from '../admin/failure-log.ts';
import type { RequestHead, ResponseHead } from '../http.ts';
import { CANCEL, INTERNAL_ERROR, REFUSED_STREAM } from '../http2/wire-vocabulary.ts';
import { MAX_TIMER_MS } from '../transport/idle-timer.ts';
import { OutboundRequest } from './request.ts';
import { FakeEndpoints, FakeStream, ONE_FAILURE } from './testing/fake-endpoints.ts';
import { FakeTimers } from './testing/fake-timers.ts';

const GET: RequestHead = { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] };
const OK: ResponseHead = { status: 200, fields: [] };
const BUSY: ResponseHead = { status: 503, fields: [] };

const RULE: RetryPolicy = { on: { outcomes: ['failure'] }, limit: 1, maxBodyBytes: 65_536 };

/** A request to two endpoints, and what the application has had of its answer. */
function request(
  route: Partial<Route> = {},
  { backend = {}, end = true, addresses = ['10.1.0.1', '10.1.0.2'], head = GET }: Partial<Circumstances> = {},
) {
  const endpoints = new FakeEndpoints(addresses, route, backend);
  const { target, metrics } = endpoints;
  const failures = new FailureLog();
  const context = { metrics, failures, clock: systemClock, random: () => 0.5 };
  const application = new FakeStream();
  const made = new OutboundRequest(application, head, end, target, context, '10.0.0.9:40000');
  const reasons = () => failures.entries.map(({ reason }) => reason);
  const count = (family: { series: Map<string, { value: number }> }) =>
    Object.fromEntries(
      [...family.series].map(([labels, { value }]) => [/skipped="(\w+)"/.exec(labels)?.[1] ?? '', value]),
    );
  const retryable = () => count(metrics.routeRetryable);
  return { endpoints, target, application, made, reasons, retryable, failures };
}

interface Circumstances {
  readonly backend: Partial<Backend>;
  readonly end: boolean;
  readonly addresses: readonly string[];
  readonly head: RequestHead;
}

const body = (text: string) => [Buffer.from(text), 0, text.length] as const;

t.test('goes to an endpoint, and its answer to the application', async (t) => {
  const { endpoints, target, application } = request();
  t.equal(target.active, 1);
  const stream = endpoints.open();
  t.same(stream.sent, ['GET /', 'end']);
  endpoints.listener.onResponse(OK, false);
  endpoints.listener.onData(...body('hello'), true);
  t.same(application.sent, [200, 'hello', 'end']);
  t.equal(target.active, 0);
});

t.test('the time that the proxy adds is measured until an endpoint has the head', async (t) => {
  const { endpoints } = request();
  const measured = () =>
    /weft_proxy_added_latency_seconds_count\{direction="outbound"\} (\d+)/.exec(endpoints.metrics.registry.text())?.[1];
  t.equal(measured(), '0');
  endpoints.open();
  t.equal(measured(), '1');
});

/** Requests and answers that a route counts, as the application sees them. */
const effective = ({ metrics }: FakeEndpoints) => ({
  requests: [...metrics.routeRequests.series.values()].map(({ value }) => value),
  responses: [...metrics.routeResponses.series].map(([labels, { value }]) => [
    /classification="(\w+)"/.exec(labels)?.[1],
    value,
  ]),
});

t.test('is counted once under its route, by how it ends for the application', async (t) => {
  for (const [status, classification] of [
    [204, 'success'],
    [500, 'failure'],
  ] as const) {
    const { endpoints } = request();
    endpoints.open();
    t.same(effective(endpoints), { requests: [1], responses: [] });
    endpoints.listener.onResponse({ status, fields: [] }, true);
    t.same(effective(endpoints), { requests: [1], responses: [[classification, 1]] });
    t.equal(endpoints.target.active, 0);
  }
});

t.test('hands the answer over as it comes, and takes as much as the application does', async (t) => {
  const { endpoints, application } = request();
  const stream = endpoints.open();
  endpoints.listener.onInformational({ status: 103, fields: [] });
  endpoints.listener.onResponse(OK, false);
  endpoints.listener.onInformational({ status: 103, fields: [] });
  application.accepts = 3;
  endpoints.listener.onData(...body('hello'), false);
  t.equal(stream.granted, 3);
  endpoints.listener.onTrailers(['X-Sum', 'a']);
  t.same(application.sent, [103, 200, 'hello', 'x-sum a', 'end'], 'nothing goes ahead of an answer that has begun');
});

t.test('trailers keep the case of their names for an application of HTTP/1', async (t) => {
  const { endpoints, application } = request({}, { head: { ...GET, version: 'HTTP/1.1' } });
  endpoints.open();
  endpoints.listener.onResponse(OK, false);
  endpoints.listener.onTrailers(['X-Sum', 'a']);
  t.same(application.sent, [200, 'X-Sum a', 'end']);
});

t.test('its body goes on as it comes, and is let come as fast as it goes', async (t) => {
  const { endpoints, application, made } = request({}, { end: false });
  const stream = endpoints.open();
  t.same(stream.sent, ['GET /']);
  stream.accepts = 2;
  made.onData(...body('one'), false);
  t.equal(application.granted, 2);
  endpoints.listener.onSent(1);
  t.equal(application.granted, 3);
  made.onTrailers(['x-end', 'now']);
  t.same(stream.sent, ['GET /', 'one', 'x-end now', 'end']);
  made.onSent(7);
  t.equal(stream.granted, 7, 'what the application has read of the answer may come again');
});

t.test('an application that does not say all is told so by its endpoint', async (t) => {
  const { endpoints, application, made } = request({}, { end: false });
  endpoints.open();
  endpoints.listener.onResponse(OK, true);
  endpoints.listener.onReset(CANCEL);
  t.ok(application.isRestRefused);
  made.onReset();
  t.same(application.sent, [200, 'end']);
});

t.test('an injected abort answers at once, as often as it is to', async (t) => {
  const aborted = (abort: object, head = GET) => request({ filters: { fault: { abort } as never } }, { head });
  const { application, endpoints, reasons } = aborted({ status: 418, fraction: 0.6 });
  t.equal(application.sent[0], 418);
  t.ok(application.isRestRefused);
  t.equal(endpoints.attempts.length, 0);
  t.same(reasons(), ['fault_injected']);
  t.equal(aborted({ status: 418, fraction: 0.5 }).endpoints.attempts.length, 1, 'chance is 0.5 here');
  const grpc = aborted({ grpc: 8, fraction: 1 }, { ...GET, fields: ['content-type', 'application/grpc'] });
  t.match(grpc.application.head, { status: 200, fields: ['content-type', 'application/grpc', 'grpc-status', '8'] });
});

t.test('waits for an endpoint, and no longer than its target is there', async (t) => {
  const { application, target, reasons } = request({}, { addresses: [] });
  t.same(application.sent, []);
  t.equal(target.active, 1);
  target.retire();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(application.sent[0], 502);
  t.same(reasons(), ['target_unknown']);
  t.equal(target.active, 0);
});

t.test('an attempt that is too slow says nothing of its endpoint while the application has not said all', async (t) => {
  const time = new FakeTimers(t);
  const retry: RetryPolicy = { ...RULE, on: { outcomes: ['head-timeout'] }, perTryMs: 50, limit: 1 };
  for (const end of [true, false]) {
    const { endpoints } = request({ retry }, { end, backend: { breaker: ONE_FAILURE } });
    endpoints.open();
    time.pass(50);
    const { address } = endpoints.attempts[0]!;
    const client = endpoints.clients.find(({ endpoint }) => endpoint.address === address)!;
    t.equal(client.isEjected(performance.now()), end);
  }
});

t.test('tried again by rule', async (t) => {
  t.test('goes to another endpoint, with its body; the first is reset', async (t) => {
    const { endpoints, application, made, retryable } = request({ retry: RULE }, { end: false });
    const first = endpoints.open();
    made.onData(...body('ask'), true);
    endpoints.listener.onResponse(BUSY, false);
    const second = endpoints.open();
    endpoints.listener.onResponse(OK, true);
    t.same(first.sent, ['GET /', 'ask', 'end', `reset ${CANCEL}`]);
    t.same(second.sent, ['GET /', 'ask', 'end']);
    t.same(application.sent, [200, 'end']);
    t.equal(new Set(endpoints.attempts.map(({ address }) => address)).size, 2);
    t.same(retryable(), { '': 1 });
  });

  t.test('has the last answer when it may not be tried again', async (t) => {
    const { endpoints, application } = request({ retry: RULE });
    for (let i = 0; i < 2; i++) {
      endpoints.open();
      endpoints.listener.onResponse(BUSY, true);
    }
    t.equal(endpoints.attempts.length, 2);
    t.same(application.sent, [503, 'end']);
  });

  t.test('counts why it is not: the bound of the backend', async (t) => {
    const { endpoints, application, retryable } = request({ retry: RULE }, { backend: { limits: { maxRetries: 0 } } });
    endpoints.open();
    endpoints.listener.onResponse(BUSY, true);
    t.same(application.sent, [503, 'end']);
    t.same(retryable(), { '': 0, limit: 1 });
  });

  t.test('is among the retries under way until it ends', async (t) => {
    const { endpoints, target } = request({ retry: RULE });
    const { share } = target.backends[0]!;
    endpoints.open();
    endpoints.listener.onResponse(BUSY, true);
    t.match(share, { active: 1, retries: 1 });
    endpoints.open();
    endpoints.listener.onResponse(OK, true);
    t.match(share, { active: 0, retries: 0 });
  });

  t.test('waits as the server asks, and not when the application has given up', async (t) => {
    const time = new FakeTimers(t);
    const { endpoints, made, application } = request({ retry: RULE });
    endpoints.open();
    endpoints.listener.onResponse({ status: 503, fields: ['retry-after', '2'] }, true);
    t.same(time.waiting, [2000]);
    time.pass(1999);
    t.equal(endpoints.attempts.length, 1);
    time.pass(1);
    t.equal(endpoints.attempts.length, 2);

    const other = request({ retry: RULE });
    other.endpoints.open();
    other.endpoints.listener.onResponse({ status: 503, fields: ['retry-after', '2'] }, true);
    other.made.onReset();
    t.same(time.waiting, []);
    t.equal(other.target.active, 0);
    t.same(application.sent, []);
    made.onReset();
  });

  t.test('is not beyond the time that the request has as a whole', async (t) => {
    const time = new FakeTimers(t);
    const { endpoints, application, reasons } = request({ retry: RULE, timeouts: { requestMs: 1000 } });
    endpoints.open();
    endpoints.listener.onResponse({ status: 503, fields: ['retry-after', '2'] }, true);
    time.pass(5000);
    t.equal(endpoints.attempts.length, 1);
    t.equal(application.sent[0], 504);
    t.same(reasons(), ['request_timeout']);
  });

  t.test('when an attempt takes too long, and else the request ends', async (t) => {
    const time = new FakeTimers(t);
    const retry: RetryPolicy = { ...RULE, on: { outcomes: ['head-timeout'] }, perTryMs: 100 };
    const { endpoints, application, reasons } = request({ retry });
    const first = endpoints.open();
    time.pass(100);
    t.same(first.sent, ['GET /', 'end', `reset ${CANCEL}`]);
    t.equal(endpoints.attempts.length, 2);
    time.pass(100);
    t.equal(application.sent[0], 504);
    t.same(reasons(), ['per_try_timeout']);
  });
});

t.test('an attempt that takes too long is a failure of its endpoint, though another one answers', async (t) => {
  const time = new FakeTimers(t);
  const { endpoints, application } = request({ retry: { ...RULE, on: { outcomes: ['head-timeout'] }, perTryMs: 50 } });
  endpoints.open();
  const { address } = endpoints.attempts[0]!;
  time.pass(50);
  endpoints.open();
  endpoints.listener.onResponse(OK, true);
  t.same(application.sent, [200, 'end']);
  const failed = [...endpoints.metrics.responses.series].filter(([labels]) => /per_try_timeout/.test(labels));
  t.equal(failed.length, 1);
  t.match(failed[0]![0], address);
});

t.test('an answer of the route’s own ends with its head where it has no body', async (t) => {
  const { application, endpoints } = request({ filters: { redirect: { status: 302, host: 'other' } } });
  t.equal(application.sent[0], 302);
  t.equal(application.sent.at(-1), 'end');
  t.equal(application.sent.length, 2);
  t.equal(endpoints.attempts.length, 0);
  const { application: told } = request({ filters: { respond: { status: 200, body: btoa('hello') } } });
  t.same(told.sent, [200, 'hello', 'end']);
});

t.test('tried again without a rule', async (t) => {
  t.test('when an endpoint cannot be connected to', async (t) => {
    const { endpoints, application, reasons, failures } = request();
    endpoints.refuse();
    endpoints.refuse();
    t.equal(endpoints.attempts.length, 3);
    endpoints.refuse();
    t.equal(application.sent[0], 502);
    t.same(reasons(), ['connect_failed']);
    const { id } = endpoints.clients.find(({ endpoint }) => endpoint.address === endpoints.attempts[2]!.address)!;
    t.match(failures.entries[0], { endpoint: id, route: 'all', target: 'api.default.svc.cluster.local:80' });
  });

  t.test('when it refuses the stream, and not when it breaks off', async (t) => {
    const { endpoints, application, reasons } = request();
    endpoints.open();
    endpoints.listener.onReset(REFUSED_STREAM);
    endpoints.open();
    endpoints.listener.onReset(CANCEL);
    t.equal(endpoints.attempts.length, 2);
    t.equal(application.sent[0], 502);
    t.same(reasons(), ['endpoint_reset']);
  });

  t.test('not once the application has had something of the answer', async (t) => {
    const { endpoints, application, reasons } = request();
    endpoints.open();
    endpoints.listener.onResponse(OK, false);
    endpoints.listener.onReset(REFUSED_STREAM);
    t.same(application.sent, [200, `reset ${REFUSED_STREAM}`]);
    t.same(reasons(), [], 'it is no answer of the proxy');
  });

  t.test('not when the endpoint is somebody else', async (t) => {
    const { endpoints, reasons } = request();
    endpoints.refuse('destination_identity_mismatch');
    t.equal(endpoints.attempts.length, 1);
    t.same(reasons(), ['destination_identity_mismatch']);
  });
});

t.test('given up by the application, is given up at the endpoint', async (t) => {
  const { endpoints, made, target, application } = request();
  const stream = endpoints.open();
  made.onReset();
  t.same(stream.sent, ['GET /', 'end', `reset ${CANCEL}`]);
  t.same(application.sent, []);
  t.equal(target.active, 0);
});

t.test('given up by the application, is tried nowhere else when its endpoint turns out not to be there', async (t) => {
  const { endpoints, made, application, reasons } = request();
  made.onReset();
  endpoints.refuse();
  t.equal(endpoints.attempts.length, 1);
  t.same([application.sent, reasons()], [[], []]);
});

t.test('a tunnel ends with the later of its two ends, be that one of trailers', async (t) => {
  const head = { ...GET, method: 'CONNECT', protocol: 'websocket' };
  for (const end of ['data', 'trailers'] as const) {
    const { endpoints, made, target, application } = request({}, { head, end: false });
    endpoints.open();
    endpoints.listener.onResponse(OK, false);
    endpoints.listener.onData(...body('bye'), true);
    t.equal(target.active, 1);
    if (end === 'data') made.onData(...body('bye'), true);
    else made.onTrailers(['x-end', 'now']);
    t.equal(target.active, 0, end);
    t.same(application.sent, [200, 'bye', 'end']);
  }
});

t.test('is answered at once', async (t) => {
  t.test('where a bound is reached', async (t) => {
    const { application, reasons, failures } = request({}, { backend: { limits: { maxRequests: 0 } } });
    t.equal(application.sent[0], 503);
    t.same(reasons(), ['overflow']);
    t.match(
      failures.entries[0]?.message,
      '0 requests are under way to api.default.svc.cluster.local:80, as many as may be',
    );
  });

  t.test('where the backend has no endpoint, and its rule does not let it wait', async (t) => {
    const { application, reasons } = request({}, { addresses: [], backend: { whenEmpty: 503 } });
    t.equal(application.sent[0], 503);
    t.same(reasons(), ['no_endpoint']);
  });

  t.test('in the words of gRPC, where it is gRPC', async (t) => {
    const head = { ...GET, fields: ['content-type', 'application/grpc'] };
    const { application } = request({}, { head, addresses: [], backend: { whenEmpty: 503 } });
    t.match(application.head, { status: 200, fields: ['content-type', 'application/grpc', 'grpc-status', '14'] });
  });
});

t.test('an injected delay', async (t) => {
  const delayed = (t: Test, ms: number) => {
    const time = new FakeTimers(t);
    return { time, ...request({ filters: { fault: { delay: { ms, fraction: 0.6 } } } }) };
  };

  t.test('comes before any attempt', async (t) => {
    const { time, endpoints } = delayed(t, 100);
    t.equal(endpoints.attempts.length, 0);
    time.pass(100);
    t.equal(endpoints.attempts.length, 1);
  });

  t.test('is as long as a timer can be, where it is longer', async (t) => {
    t.same(delayed(t, 30 * 24 * 3600 * 1000).time.waiting, [MAX_TIMER_MS]);
  });
});

t.test('its time', async (t) => {
  const timed = (t: Test, timeouts: object, more: Partial<Circumstances> = {}) => {
    const time = new FakeTimers(t);
    const made = request({ timeouts }, more);
    return { time, stream: made.endpoints.open(), ...made };
  };

  t.test('to the head of the answer ends with the head', async (t) => {
    const late = timed(t, { headMs: 50 });
    late.time.pass(50);
    t.equal(late.application.sent[0], 504);
    t.same(late.reasons(), ['request_timeout']);
    t.same(late.stream.sent.at(-1), `reset ${CANCEL}`, 'the endpoint need not go on');
    const soon = timed(t, { headMs: 50 });
    soon.endpoints.listener.onResponse(OK, false);
    soon.time.pass(500);
    t.same(soon.application.sent, [200]);
  });

  t.test('as a whole goes on until the answer has ended, which is broken off where it has begun', async (t) => {
    const { time, application, endpoints, reasons, target } = timed(t, { requestMs: 50 });
    endpoints.listener.onResponse(OK, false);
    time.pass(50);
    t.same(application.sent, [200, `reset ${INTERNAL_ERROR}`]);
    t.same(reasons(), ['request_timeout']);
    t.equal(target.active, 0);
    const ended = timed(t, { requestMs: 50 });
    ended.endpoints.listener.onResponse(OK, true);
    t.same(ended.time.waiting, [], 'nothing waits for what is over');
  });

  t.test('to the answer begins when the request has been said whole', async (t) => {
    const says: readonly ((made: ReturnType<typeof request>['made']) => void)[] = [
      (made) => made.onData(...body('all'), true),
      (made) => made.onTrailers(['x-end', 'now']),
    ];
    for (const say of says) {
      const { time, made, reasons } = timed(t, { responseMs: 50 }, { end: false });
      made.onData(...body('some'), false);
      time.pass(500);
      t.same(reasons(), []);
      say(made);
      time.pass(50);
      t.same(reasons(), ['response_timeout']);
    }
    const bodyless = timed(t, { responseMs: 50 });
    bodyless.time.pass(50);
    t.same(bodyless.reasons(), ['response_timeout']);
  });

  t.test('without a word of either side begins anew with each', async (t) => {
    const { time, made, endpoints, reasons } = timed(t, { idleMs: 50 }, { end: false });
    const say = [
      () => made.onData(...body('some'), false),
      () => endpoints.listener.onResponse(OK, false),
      () => endpoints.listener.onData(...body('some'), false),
    ];
    for (const each of say) {
      time.pass(40);
      each();
    }
    time.pass(49);
    t.same(reasons(), []);
    time.pass(1);
    t.same(reasons(), ['idle_timeout']);
  });

  t.test('of a tunnel is that of its pauses alone', async (t) => {
    const head = { ...GET, method: 'CONNECT', protocol: 'websocket' };
    const timeouts = { headMs: 50, requestMs: 50, responseMs: 50, idleMs: 90 };
    const { time, endpoints, reasons } = timed(t, timeouts, { head, end: false });
    endpoints.listener.onResponse(OK, false);
    t.same(time.waiting, [90]);
    time.pass(90);
    t.same(reasons(), ['idle_timeout']);
  });

  t.test('is none where nobody has said one', async (t) => {
    t.same(timed(t, {}).time.waiting, []);
  });
});

t.test('goes twice where it is mirrored, with its body, and is answered once', async (t) => {
  const { endpoints, application, made } = request(
    {
      filters: {
        mirrors: [
          { backend: OWN_BACKEND, fraction: 0.6 },
          { backend: OWN_BACKEND, fraction: 0.5 },
        ],
      },
    },
    { end: false },
  );
  t.equal(endpoints.attempts.length, 2, 'chance is 0.5 here');
  const [mirror, own] = endpoints.attempts.map(({ waiter }) => {
    const stream = new FakeStream();
    waiter.onStream(stream);
    return { stream, waiter };
  });
  made.onData(...body('all'), true);
  t.same(mirror!.stream.sent, ['GET /', 'all', 'end']);
  t.same(own!.stream.sent, ['GET /', 'all', 'end']);
  mirror!.waiter.listener.onResponse(BUSY, true);
  own!.waiter.listener.onResponse(OK, true);
  t.same(application.sent, [200, 'end']);
});
