import t from 'tap';

import { PROXY_ERROR_REASONS } from '../../api/proxy-headers.ts';
import { systemClock } from '../../core/time/clock.ts';
import { FailureLog } from '../admin/failure-log.ts';
import { ANSWER_STATUS } from '../answers.ts';
import type { AttemptResult } from '../breaker/breaker.ts';
import { CANCEL, ENHANCE_YOUR_CALM, PROTOCOL_ERROR } from '../http2/wire-vocabulary.ts';
import { BLAME, blameOfReset, farReason } from './blame.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { OutboundRequest } from './request.ts';
import { FakeEndpoints, FakeStream } from './testing/fake-endpoints.ts';

const GET = { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] };
/** Every failure is tried again, and so is what no endpoint answers. */
const ALWAYS = { on: { outcomes: ['failure', 'reset'] as const }, limit: 3, maxBodyBytes: 1000 };
/** Whatever is no 2xx counts as a failure: the strictest that a route may say. */
const STRICT = [{ when: { not: { status: { min: 200, max: 299 } } }, isFailure: true }];

/** A request to an endpoint, and what the endpoint's breaker hears of it. */
function asked({
  mesh = 'weft' as 'weft' | null,
  end = true,
  perTryMs = 0,
  statuses = [] as { min: number; max: number }[],
} = {}) {
  const endpoints = new FakeEndpoints(
    ['10.1.0.1'],
    { classes: STRICT, retry: { ...ALWAYS, on: { ...ALWAYS.on, statuses }, perTryMs } },
    {},
    mesh,
  );
  const heard: (AttemptResult | 'abandoned')[] = [];
  const [client] = endpoints.clients;
  client!.breaker = {
    isEjected: () => false,
    onAttempt() {},
    onResult: (result) => void heard.push(result),
    onAbandoned: () => void heard.push('abandoned'),
    retire() {},
    stateAt: () => ({ state: 'closed', ejections: 0, untilMs: 0 }),
  };
  const application = new FakeStream();
  const context = { metrics: endpoints.metrics, failures: new FailureLog(), clock: systemClock, random: () => 0 };
  const made = new OutboundRequest(application, GET, end, endpoints.target, context, '10.0.0.9:1');
  return { endpoints, heard, client: client!, application, made };
}

/** What peak-EWMA takes for its latency, milliseconds. */
function averageOf(client: EndpointClient): number {
  return client.cost(performance.now()) / (client.inFlight + 1);
}

t.test('an application’s own failure counts against its endpoint, and is tried again', async (t) => {
  const { endpoints, heard } = asked();
  endpoints.open();
  endpoints.listener.onResponse({ status: 404, fields: [] }, true);
  t.same(heard, ['failure']);
  t.equal(endpoints.attempts.length, 2);
});

for (const reason of PROXY_ERROR_REASONS.filter((reason) => BLAME[reason] === 'request')) {
  t.test(`${reason} of a far proxy counts for nothing and is not tried again`, async (t) => {
    const { endpoints, heard, client, application } = asked();
    const before = averageOf(client);
    endpoints.open();
    const { status } = ANSWER_STATUS[reason];
    endpoints.listener.onResponse({ status, fields: ['weft-proxy-error', reason] }, true);
    t.same(heard, ['abandoned']);
    t.equal(endpoints.attempts.length, 1);
    t.match(application.sent, [status]);
    t.ok(Math.abs(averageOf(client) - before) < 1, 'no news for peak-EWMA, fast as it was');
  });
}

t.test('a rate limit counts for nothing, and is tried again where a rule names its answer', async (t) => {
  const { endpoints, heard } = asked();
  endpoints.open();
  endpoints.listener.onResponse({ status: 429, fields: ['weft-proxy-error', 'rate_limited'] }, true);
  t.same(heard, ['abandoned']);
  t.equal(endpoints.attempts.length, 1, 'it is no failure of an endpoint that another would not have');
  const named = asked({ statuses: [{ min: 429, max: 429 }] });
  named.endpoints.open();
  named.endpoints.listener.onResponse({ status: 429, fields: ['weft-proxy-error', 'rate_limited'] }, true);
  t.same(named.heard, ['abandoned']);
  t.equal(named.endpoints.attempts.length, 2);
});

t.test('an application that cannot be reached counts against its endpoint', async (t) => {
  const { endpoints, heard } = asked();
  endpoints.open();
  endpoints.listener.onResponse({ status: 502, fields: ['weft-proxy-error', 'endpoint_closed'] }, true);
  t.same(heard, ['failure']);
});

t.test('a server without a proxy of ours cannot excuse itself', async (t) => {
  const { endpoints, heard, application } = asked({ mesh: null });
  endpoints.open();
  endpoints.listener.onResponse({ status: 500, fields: ['Weft-Proxy-Error', 'request_malformed', 'a', 'b'] }, true);
  t.same(heard, ['failure']);
  for (let more = 0; more < 3; more++) {
    endpoints.open();
    endpoints.listener.onResponse({ status: 500, fields: ['Weft-Proxy-Error', 'request_malformed', 'a', 'b'] }, true);
  }
  t.match(application.head, { status: 500, fields: ['a', 'b'] }, 'and its word does not reach the application');
});

t.test('a reset of what a far proxy finds malformed counts for nothing and is not tried again', async (t) => {
  const { endpoints, heard } = asked();
  endpoints.open();
  endpoints.listener.onReset(PROTOCOL_ERROR);
  t.same(heard, ['abandoned']);
  t.equal(endpoints.attempts.length, 1);
  t.equal(blameOfReset(PROTOCOL_ERROR, false), 'endpoint', 'it may be a fault of its own');
  t.equal(blameOfReset(ENHANCE_YOUR_CALM, true), 'nobody');
  t.equal(blameOfReset(CANCEL, true), 'endpoint');
});

for (const reason of ['identity_not_ready', 'overflow'] as const)
  t.test(`${reason} of this proxy makes no endpoint one to be avoided`, async (t) => {
    const { endpoints, heard, client } = asked();
    endpoints.refuse(reason);
    t.same(heard, ['abandoned']);
    t.ok(client.isReady(performance.now()));
  });

t.test('an impostor is avoided', async (t) => {
  const { endpoints, heard, client } = asked();
  endpoints.refuse('destination_identity_mismatch');
  t.same(heard, ['abandoned']);
  t.notOk(client.isReady(performance.now()));
});

t.test('a client that has not said all counts for nothing, however long it takes', async (t) => {
  const { endpoints, heard, client, made } = asked({ end: false });
  const before = averageOf(client);
  endpoints.open();
  await new Promise((resolve) => setTimeout(resolve, 60));
  made.onReset();
  t.same(heard, ['abandoned']);
  t.ok(averageOf(client) <= before, 'the endpoint owed nothing yet');
});

t.test('nor does the time of an attempt that such a client uses up', async (t) => {
  const { endpoints, heard, application } = asked({ end: false, perTryMs: 10 });
  endpoints.open();
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.same(heard, ['abandoned']);
  t.equal(application.sent[0], 504);
});

t.test('what a newer proxy says is of the set that is known here', async (t) => {
  t.equal(farReason({ status: 500, fields: ['weft-proxy-error', 'of_tomorrow'] }), 'unexpected');
  t.equal(farReason({ status: 500, fields: [] }), null);
});
