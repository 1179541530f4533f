import t, { type Test } from 'tap';

import type { AttemptResult } from '../breaker/breaker.ts';
import type { ResponseHead } from '../http.ts';
import type { Outcome } from '../telemetry/metrics.ts';
import { MAX_TIMER_MS } from '../transport/idle-timer.ts';
import { Attempt, type AttemptListener } from './attempt.ts';
import { failedOutcome } from './outcome.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';
import { FakeTimers } from './testing/fake-timers.ts';

const OK: ResponseHead = { status: 200, fields: [] };
const ANSWERED: Outcome = { status: 200, success: true, grpcStatus: '', error: '' };

/** An attempt that was made, and what its request hears of it. */
function attempt({ isRetry = false, perTryMs = 0, takesAnswer = true, isTunnel = false, isComplete = true } = {}) {
  const fake = new FakeEndpoints(['10.1.0.1']);
  const heard: unknown[] = [];
  const heads: ResponseHead[] = [];
  const request: AttemptListener & { isComplete: boolean } = {
    isComplete,
    isTunnel: () => isTunnel,
    onStream: () => void heard.push('stream'),
    onUnavailable: (_, { reason }) => void heard.push(reason),
    onPerTryTimeout: (_, ms) => void heard.push(`late ${ms}`),
    onAnswerInformational(head) {
      heads.push(head);
      heard.push(head.status);
    },
    onAnswer: (_, head) => {
      heads.push(head);
      heard.push(head.status);
      return takesAnswer;
    },
    onAnswerData: (_, bytes, start, end) => void heard.push(Buffer.from(bytes.subarray(start, end)).toString()),
    onAnswerTrailers: (fields) => void heard.push(fields),
    onAnswerEnd: (_, { status }, trailers) => void heard.push(`end ${status}`, ...(trailers ? [trailers] : [])),
    onAnswerReset: (_, code) => void heard.push(`reset ${code}`),
    onRestRefused: () => void heard.push('rest refused'),
    onRequestSent: (octets) => void heard.push(octets),
  };
  const [client] = fake.clients;
  const series = fake.target.series('all');
  const made = new Attempt(request, client!, series, 'http2');
  made.start(isRetry, perTryMs);
  return { fake, heard, heads, request, made, client: client!, series, share: client!.share, load: client!.load };
}

const text = (said: string) => [Buffer.from(said), 0, said.length] as const;

t.test('hands the answer over as it comes, up to its end', async (t) => {
  const { fake, heard, made } = attempt();
  fake.open();
  fake.listener.onInformational({ status: 103, fields: [] });
  fake.listener.onResponse(OK, false);
  fake.listener.onData(...text('one'), false);
  fake.listener.onData(...text('two'), true);
  t.same(heard, ['stream', 103, 200, 'one', 'two', 'end 200']);
  t.ok(made.stream);
});

t.test('an answer ends with its head, or with trailers', async (t) => {
  const head = attempt();
  head.fake.open();
  head.fake.listener.onResponse(OK, true);
  t.same(head.heard, ['stream', 200, 'end 200']);
  const trailers = attempt();
  trailers.fake.open();
  trailers.fake.listener.onResponse(OK, false);
  trailers.fake.listener.onTrailers(['a', '1']);
  t.same(trailers.heard, ['stream', 200, ['a', '1'], 'end 200', ['a', '1']]);
});

t.test('hands over no word that only proxies may say', async (t) => {
  const { fake, heads } = attempt();
  fake.open();
  fake.listener.onInformational({ status: 103, fields: ['weft-proxy-error', 'unexpected'] });
  fake.listener.onResponse({ status: 200, fields: ['L5d-Orig-Proto', 'HTTP/1.1', 'X-One', '1'] }, true);
  t.same(heads, [
    { status: 103, fields: [] },
    { status: 200, fields: ['X-One', '1'] },
  ]);
});

t.test('says why there is no stream, or that it was reset', async (t) => {
  const refused = attempt();
  refused.fake.refuse('connect_timeout');
  t.same(refused.heard, ['connect_timeout']);
  const broken = attempt();
  broken.fake.open();
  broken.fake.listener.onReset(7);
  t.same(broken.heard, ['stream', 'reset 7']);
});

t.test('an answer that the request does not take is not heard further', async (t) => {
  const { fake, heard } = attempt({ takesAnswer: false });
  fake.open();
  fake.listener.onResponse({ status: 503, fields: [] }, false);
  fake.listener.onData(...text('no'), true);
  fake.listener.onReset(8);
  t.same(heard, ['stream', 503]);
});

t.test('a tunnel is over when both sides have ended', async (t) => {
  const { fake, heard, request, made } = attempt({ isTunnel: true, isComplete: false });
  fake.open();
  fake.listener.onResponse({ status: 101, fields: [] }, false);
  fake.listener.onData(...text('bye'), true);
  t.same(heard, ['stream', 101, 'bye']);
  request.isComplete = true;
  made.onRequestEnd();
  made.onRequestEnd();
  t.same(heard, ['stream', 101, 'bye', 'end 101']);
});

t.test('an answer that is whole before the request ends with it, once', async (t) => {
  const { fake, heard, request, made } = attempt({ isComplete: false });
  fake.open();
  fake.listener.onResponse(OK, true);
  t.same(heard, ['stream', 200, 'end 200']);
  request.isComplete = true;
  made.onRequestEnd();
  t.same(heard, ['stream', 200, 'end 200']);
  fake.listener.onReset(8);
  t.same(heard, ['stream', 200, 'end 200'], 'and nothing is heard afterwards');
});

t.test('the rest of a request may be refused after a whole answer', async (t) => {
  const { fake, heard } = attempt({ isComplete: false });
  fake.open();
  fake.listener.onResponse(OK, true);
  fake.listener.onSent(5);
  fake.listener.onReset(0);
  t.same(heard, ['stream', 200, 'end 200', 5, 'rest refused']);
});

t.test('its time counts for the endpoint where that, or its application, has answered', async (t) => {
  const counted = (fields: string[]) => {
    const made = attempt();
    const heard: string[] = [];
    for (const word of ['answered', 'excused', 'abandoned'] as const) made.load[word] = () => void heard.push(word);
    made.client.onAnswer = () => void heard.push('reached');
    Object.defineProperty(made.client, 'hasWeftProxy', { value: true });
    made.fake.open();
    made.fake.listener.onResponse({ status: 503, fields }, true);
    made.made.finish(ANSWERED, null);
    return heard;
  };
  t.same(counted([]), ['answered', 'reached']);
  t.same(counted(['weft-proxy-error', 'endpoint_reset']), ['answered', 'reached']);
  t.same(counted(['weft-proxy-error', 'policy_denied']), ['excused', 'reached'], 'the request is to blame');
});

t.test('what is given up is reset, and not heard any more', async (t) => {
  const { fake, heard, made } = attempt();
  const stream = fake.open();
  made.cancel(8);
  made.cancel(8);
  fake.listener.onResponse(OK, false);
  fake.listener.onInformational(OK);
  fake.listener.onTrailers([]);
  fake.listener.onSent(1);
  t.same(heard, ['stream']);
  t.same(stream.sent, ['reset 8']);
  t.ok(made.cancelled, 'so that its pool gives it no stream');
});

t.test('counts among the attempts of its endpoint and backend', async (t) => {
  t.test('until it has ended, and only until its stream as one that waits', async (t) => {
    const { fake, made, share, load } = attempt();
    t.match(share, { active: 1, pending: 1, retries: 0 });
    t.equal(load.inFlight, 1);
    fake.open();
    t.match(share, { active: 1, pending: 0 });
    made.finish(ANSWERED, 'success');
    t.match(share, { active: 0, pending: 0, retries: 0 });
    t.equal(load.inFlight, 0);
    made.finish(ANSWERED, 'success');
    t.match(share, { active: 0 }, 'once');
    t.equal(load.inFlight, 0);
  });

  t.test('as a retry, where another came before', async (t) => {
    const { made, share } = attempt({ isRetry: true });
    t.equal(share.retries, 1);
    made.finish(failedOutcome('connect_failed'), 'local');
    t.match(share, { retries: 0, active: 0, pending: 0 });
  });

  t.test('in the series once it has a stream', async (t) => {
    const count = ({ fake }: ReturnType<typeof attempt>) => {
      const sum = (of: Iterable<{ value: number }>) => [...of].reduce((total, { value }) => total + value, 0);
      const { requests, responses } = fake.metrics;
      return [sum(requests.series.values()), sum(responses.series.values())];
    };
    const sent = attempt();
    sent.fake.open();
    t.same(count(sent), [1, 0]);
    sent.made.finish(ANSWERED, 'success');
    sent.made.finish(ANSWERED, 'success');
    t.same(count(sent), [1, 1]);
    const unsent = attempt();
    unsent.made.finish(failedOutcome('connect_failed'), 'local');
    t.same(count(unsent), [0, 0]);
  });
});

t.test('tells the breaker once what the outcome says of the endpoint', async (t) => {
  /** What a breaker hears of an attempt that ends so. */
  const told = (result: AttemptResult | null, outcome = ANSWERED) => {
    const { made, client } = attempt();
    const heard: unknown[] = [];
    client.breaker = {
      isEjected: () => false,
      onAttempt() {},
      onResult: (result, status) => void heard.push([result, status]),
      onAbandoned: () => void heard.push('abandoned'),
      retire() {},
      stateAt: () => ({ state: 'closed', ejections: 0, untilMs: 0 }),
    };
    made.finish(outcome, result);
    made.finish(outcome, 'failure');
    return heard;
  };
  t.same(told('success'), [['success', 200]]);
  t.same(told('failure', { ...ANSWERED, status: 503 }), [['failure', 503]]);
  t.same(told('failure', { ...ANSWERED, grpcStatus: '14' }), [['failure', 503]], 'as HTTP says the same');
  const as = { '2': 500, '4': 504, '12': 501, '13': 500, '14': 503, '15': 500 };
  for (const [grpcStatus, status] of Object.entries(as))
    t.same(told('failure', { ...ANSWERED, grpcStatus }), [['failure', status]], grpcStatus);
  t.same(told('success', { ...ANSWERED, grpcStatus: '5' }), [['success', 200]], 'which is not the server’s fault');
  t.same(told('local', failedOutcome('endpoint_reset')), [['local', 0]], 'there was no answer');
  t.same(told(null), ['abandoned']);
});

t.test('the time of an attempt', async (t) => {
  const timed = (t: Test, perTryMs: number) => {
    const time = new FakeTimers(t);
    return { time, ...attempt({ perTryMs }) };
  };

  t.test('is unbounded by default', async (t) => {
    t.same(timed(t, 0).time.waiting, []);
  });

  t.test('passes whether or not it has a stream', async (t) => {
    const { time, heard } = timed(t, 100);
    time.pass(99);
    t.same(heard, []);
    time.pass(1);
    t.same(heard, ['late 100']);
  });

  t.test('ends with the head of the answer', async (t) => {
    const { time, fake, heard } = timed(t, 100);
    fake.open();
    fake.listener.onInformational({ status: 103, fields: [] });
    t.same(time.waiting, [100]);
    fake.listener.onResponse(OK, false);
    time.pass(1000);
    t.same(heard, ['stream', 103, 200]);
  });

  t.test('ends with the attempt', async (t) => {
    const { time, made, heard } = timed(t, 100);
    made.finish(failedOutcome('endpoint_reset'), 'local');
    time.pass(1000);
    t.same(heard, []);
  });

  t.test('is as long as a timer can be, where it is longer', async (t) => {
    const { time } = timed(t, 30 * 24 * 3600 * 1000);
    t.same(time.waiting, [MAX_TIMER_MS]);
  });
});
