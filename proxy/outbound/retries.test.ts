import t from 'tap';

import type { RetryConditions, RetryPolicy } from '../../api/routing.ts';
import { RetryBudget } from '../balance/retry-budget.ts';
import type { ResponseHead } from '../http.ts';
import { CANCEL, REFUSED_STREAM } from '../http2/wire-vocabulary.ts';
import { mayTryAgain, Retries } from './retries.ts';

interface Endpoint {
  readonly name: string;
  readonly hasWeftProxy: boolean;
}

/** Our proxy answers for `meshed`, whatever is there for `plain`. */
const meshed: Endpoint = { name: 'meshed', hasWeftProxy: true };
const plain: Endpoint = { name: 'plain', hasWeftProxy: false };

/** A rule without a wait and, until it is said otherwise, without a limit. */
function rule(on: Partial<RetryConditions>, more: Partial<RetryPolicy> = {}): RetryPolicy {
  return { on: { outcomes: [], ...on }, limit: 0, maxBodyBytes: 65_536, ...more };
}

const ON_FAILURE = rule({ outcomes: ['failure'] });

function answer(status: number, ...fields: string[]): ResponseHead {
  return { status, fields };
}

/** Retries of a request in the middle of everything: the body was kept, no bound is reached, the draw is 0.5. */
function retries(
  policy: RetryPolicy | null,
  { body = null, draw = 0.5, perSecond = 1000, share = { limits: {}, retries: 0 } }: Partial<Circumstances> = {},
) {
  const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 1000 };
  const target = { budget: new RetryBudget({ ratio: 0, minPerSecond: perSecond, windowMs: 1000 }) };
  return new Retries<Endpoint>(policy, body, share, target, { clock, random: () => draw });
}

interface Circumstances {
  readonly body: { isComplete: boolean; canReplay: boolean } | null;
  readonly draw: number;
  readonly perSecond: number;
  readonly share: { limits: { maxRetries?: number }; retries: number };
}

const AT_ONCE = { waitMs: 0, because: 'not_arrived' };
const BY_RULE = { waitMs: 0, because: 'rule' };
const no = (because: string) => ({ waitMs: null, because });

t.test('without a rule', async (t) => {
  t.test('an answer is final, whatever it is', async (t) => {
    t.same(retries(null).onAnswer(plain, answer(200), true), no('no_rule'));
    t.same(retries(null).onAnswer(plain, answer(503, 'retry-after', '1'), false), no('no_rule'));
  });

  t.test('what could not be connected to is tried at three endpoints at most', async (t) => {
    const asked = retries(null);
    t.equal(asked.isRetry, false);
    t.same(asked.onUnreachable(plain, 'connect_failed'), AT_ONCE);
    t.equal(asked.isRetry, true);
    t.same(asked.onUnreachable(plain, 'connect_timeout'), AT_ONCE);
    t.same(asked.onUnreachable(plain, 'connect_failed'), no('no_rule'));
  });

  t.test('a fault of identity or of a bound is final', async (t) => {
    for (const reason of ['destination_identity_mismatch', 'identity_not_ready', 'overflow'] as const)
      t.same(retries(null).onUnreachable(plain, reason), no('final'));
  });

  t.test('a stream that was refused is tried again three times', async (t) => {
    const asked = retries(null);
    for (let i = 0; i < 3; i++) t.same(asked.onReset(plain, REFUSED_STREAM, false), AT_ONCE);
    t.same(asked.onReset(plain, REFUSED_STREAM, false), no('no_rule'));
  });

  t.test('no other reset is, nor an attempt that takes too long', async (t) => {
    t.same(retries(null).onReset(plain, CANCEL, false), no('no_rule'));
    t.same(retries(null).onPerTryTimeout(plain), no('no_rule'));
  });

  t.test('the word of our own proxy that its application cannot be reached is believed', async (t) => {
    const unreachable = answer(502, 'weft-proxy-error', 'connect_failed');
    const late = answer(504, 'Weft-Proxy-Error', 'connect_timeout');
    const asked = retries(null);
    t.same(asked.onAnswer(meshed, unreachable, false), AT_ONCE);
    t.same(asked.onAnswer(meshed, late, false), AT_ONCE);
    t.same(asked.onAnswer(meshed, unreachable, false), no('no_rule'), 'as often as attempts to connect');
    t.same(retries(null).onAnswer(plain, unreachable, false), no('no_rule'), 'anybody else may write such a header');
    t.same(
      retries(null).onAnswer(meshed, answer(502, 'weft-proxy-error', 'endpoint_closed'), false),
      no('no_rule'),
      'the application may have seen it',
    );
    t.same(retries(null).onAnswer(meshed, answer(200, 'weft-proxy-error', 'connect_failed'), true), no('no_rule'));
  });

  t.test('attempts to connect count together, whoever says that they failed', async (t) => {
    const asked = retries(null);
    t.same(asked.onUnreachable(meshed, 'connect_failed'), AT_ONCE);
    t.same(asked.onAnswer(meshed, answer(502, 'weft-proxy-error', 'connect_failed'), false), AT_ONCE);
    t.same(asked.onUnreachable(meshed, 'connect_failed'), no('no_rule'));
  });
});

t.test('by rule, an answer is tried again', async (t) => {
  t.test('that the route calls a failure', async (t) => {
    t.same(retries(ON_FAILURE).onAnswer(plain, answer(500), false), BY_RULE);
    t.same(retries(ON_FAILURE).onAnswer(plain, answer(500), true), no('no_rule'));
  });

  t.test('whose status is within the bounds, success or not', async (t) => {
    const statuses = [409, 500].map((min) => ({ min, max: min === 500 ? 599 : min }));
    const policy = rule({ statuses });
    for (const status of [409, 500, 599]) t.same(retries(policy).onAnswer(plain, answer(status), true), BY_RULE);
    for (const status of [408, 410, 499]) t.same(retries(policy).onAnswer(plain, answer(status), false), no('no_rule'));
  });

  t.test('whose head has a gRPC status that is named', async (t) => {
    const policy = rule({ grpc: [1, 14] });
    t.same(retries(policy).onAnswer(plain, answer(200, 'grpc-status', '14'), false), BY_RULE);
    t.same(retries(policy).onAnswer(plain, answer(200, 'grpc-status', '13'), false), no('no_rule'));
    t.same(retries(policy).onAnswer(plain, answer(200), true), no('no_rule'), 'messages follow');
  });

  t.test('that has a header which is named', async (t) => {
    const policy = rule({ outcomes: ['retriable-header'], headers: ['x-again'] });
    t.same(retries(policy).onAnswer(plain, answer(200, 'X-Again', ''), true), BY_RULE);
    t.same(retries(policy).onAnswer(plain, answer(200, 'x-other', ''), true), no('no_rule'));
    t.same(retries(rule({ headers: ['x-again'] })).onAnswer(plain, answer(200, 'x-again', ''), true), no('no_rule'));
  });
});

t.test('by rule, what brought no answer is tried again', async (t) => {
  t.test('a reset, where failures or resets are named', async (t) => {
    t.same(retries(ON_FAILURE).onReset(plain, CANCEL, false), BY_RULE);
    t.same(retries(rule({ outcomes: ['reset'] })).onReset(plain, CANCEL, false), BY_RULE);
    t.same(retries(rule({ outcomes: ['head-timeout'] })).onReset(plain, CANCEL, false), no('no_rule'));
    t.same(retries(rule({ statuses: [{ min: 500, max: 599 }] })).onReset(plain, CANCEL, false), no('no_rule'));
  });

  t.test('a refused stream, beyond the times that need no rule', async (t) => {
    const asked = retries(rule({ outcomes: ['refused-stream'] }));
    for (let i = 0; i < 3; i++) t.same(asked.onReset(plain, REFUSED_STREAM, false), AT_ONCE);
    t.same(asked.onReset(plain, REFUSED_STREAM, false), BY_RULE);
    t.same(asked.onReset(plain, CANCEL, false), no('no_rule'));
  });

  t.test('a failure to connect, beyond the times that need no rule', async (t) => {
    const asked = retries(rule({ outcomes: ['connect-failure'] }));
    for (let i = 0; i < 2; i++) t.same(asked.onUnreachable(plain, 'connect_failed'), AT_ONCE);
    t.same(asked.onUnreachable(plain, 'connect_failed'), BY_RULE);
    t.same(asked.onUnreachable(plain, 'overflow'), no('final'));
  });

  t.test('an attempt that took too long', async (t) => {
    t.same(retries(rule({ outcomes: ['head-timeout'] })).onPerTryTimeout(plain), BY_RULE);
    t.same(retries(ON_FAILURE).onPerTryTimeout(plain), no('no_rule'));
  });
});

t.test('nothing is tried again', async (t) => {
  const always = rule({ outcomes: ['failure', 'reset', 'connect-failure', 'refused-stream', 'head-timeout'] });

  t.test('of which the client has had something', async (t) => {
    t.same(retries(always).onReset(plain, CANCEL, true), no('delivered'));
    t.same(retries(always).onReset(plain, REFUSED_STREAM, true), no('delivered'));
  });

  t.test('whose body was too long to be kept', async (t) => {
    const body = { isComplete: true, canReplay: false };
    t.same(retries(always, { body }).onAnswer(plain, answer(500), false), no('not_kept'));
    t.same(retries(always, { body }).onReset(plain, CANCEL, false), no('not_kept'));
    t.same(retries(always, { body }).onReset(plain, REFUSED_STREAM, false), no('not_kept'));
    t.same(retries(always, { body }).onPerTryTimeout(plain), no('not_kept'));
    const unreachable = answer(502, 'weft-proxy-error', 'connect_failed');
    t.same(retries(null, { body }).onAnswer(meshed, unreachable, false), no('no_rule'));
    t.same(retries(null, { body }).onUnreachable(plain, 'connect_failed'), AT_ONCE, 'nothing of it was sent');
  });

  t.test('by rule, whose body has not come whole', async (t) => {
    const body = { isComplete: false, canReplay: true };
    t.same(retries(always, { body }).onAnswer(plain, answer(500), false), no('incomplete'));
    t.same(retries(always, { body }).onReset(plain, CANCEL, false), no('incomplete'));
    t.same(retries(always, { body }).onPerTryTimeout(plain), no('incomplete'));
    t.same(retries(always, { body }).onReset(plain, REFUSED_STREAM, false), AT_ONCE, 'it never arrived');
  });

  t.test('by rule, once there were as many attempts as it allows', async (t) => {
    const asked = retries(rule({ outcomes: ['failure'] }, { limit: 2 }));
    t.same(asked.onUnreachable(plain, 'connect_failed'), AT_ONCE, 'which does not count');
    for (let i = 0; i < 2; i++) t.same(asked.onAnswer(plain, answer(500), false), BY_RULE);
    t.same(asked.onAnswer(plain, answer(500), false), no('attempts'));
    t.same(asked.onReset(plain, REFUSED_STREAM, false), no('attempts'), 'three went before');
  });

  t.test('by rule, while as many retries are under way as the backend bears', async (t) => {
    const share = { limits: { maxRetries: 2 }, retries: 1 };
    t.same(retries(ON_FAILURE, { share }).onAnswer(plain, answer(500), false), BY_RULE);
    share.retries = 2;
    t.same(retries(ON_FAILURE, { share }).onAnswer(plain, answer(500), false), no('limit'));
    t.same(retries(ON_FAILURE, { share }).onUnreachable(plain, 'connect_failed'), AT_ONCE, 'it needs no rule');
  });

  t.test('and its own retry, which has just failed, is not among them', async (t) => {
    const share = { limits: { maxRetries: 1 }, retries: 0 };
    const asked = retries(rule({ outcomes: ['failure', 'head-timeout'] }), { share });
    t.same(asked.onAnswer(plain, answer(500), false), BY_RULE);
    share.retries = 1;
    t.same(asked.onAnswer(plain, answer(500), false), BY_RULE);
    t.same(asked.onReset(plain, CANCEL, false), BY_RULE);
    t.same(asked.onPerTryTimeout(plain), BY_RULE);
    share.retries = 2;
    t.same(asked.onAnswer(plain, answer(500), false), no('limit'));
  });

  t.test('by rule, when the budget is spent', async (t) => {
    const asked = retries(ON_FAILURE, { perSecond: 1 });
    t.same(asked.onAnswer(plain, answer(500), false), BY_RULE);
    t.same(asked.onAnswer(plain, answer(500), false), no('no_budget'));
    t.same(asked.onUnreachable(plain, 'connect_failed'), AT_ONCE, 'it needs none');
  });

  t.test('and what is refused for another reason costs no budget', async (t) => {
    const body = { isComplete: false, canReplay: true };
    const asked = retries(ON_FAILURE, { perSecond: 1, body });
    t.same(asked.onAnswer(plain, answer(500), false), no('incomplete'));
    t.same(asked.onAnswer(plain, answer(500, 'retry-after', '6'), false), no('pushback'));
    body.isComplete = true;
    t.same(asked.onAnswer(plain, answer(500), false), BY_RULE);
  });
});

t.test('the wait before a retry', async (t) => {
  const backoff = { baseMs: 100, maxMs: 1000 };

  t.test('is drawn below (2^n - 1) times its base, and below its bound', async (t) => {
    const waits = (draw: number) => {
      const asked = retries(rule({ outcomes: ['failure'] }, { backoff }), { draw });
      return Array.from({ length: 5 }, () => asked.onAnswer(plain, answer(500), false).waitMs);
    };
    t.same(waits(0), [0, 0, 0, 0, 0]);
    t.same(waits(0.5), [50, 150, 350, 500, 500]);
  });

  t.test('does not grow with what was tried without a rule', async (t) => {
    const asked = retries(rule({ outcomes: ['failure'] }, { backoff }));
    for (let i = 0; i < 2; i++) t.same(asked.onUnreachable(plain, 'connect_failed'), AT_ONCE);
    t.equal(asked.onAnswer(plain, answer(500), false).waitMs, 50);
  });

  t.test('stays a number after a thousand', async (t) => {
    const last = (baseMs: number) => {
      const policy = rule({ outcomes: ['failure'] }, { backoff: { baseMs, maxMs: 60_000 } });
      const asked = retries(policy, { perSecond: 2000 });
      for (let i = 0; i < 1100; i++) asked.onAnswer(plain, answer(500), false);
      return asked.onAnswer(plain, answer(500), false).waitMs;
    };
    t.equal(last(1), 30_000);
    t.equal(last(0), 0);
  });

  t.test('is what the server asks for, in seconds, as a date, or in the words of gRPC', async (t) => {
    const wait = (...fields: string[]) =>
      retries(rule({ outcomes: ['failure'] }, { backoff })).onAnswer(plain, answer(503, ...fields), false);
    t.same(wait('Retry-After', '2'), { waitMs: 2000, because: 'rule' });
    t.same(wait('retry-after', 'Thu, 01 Jan 2026 00:00:03 GMT'), { waitMs: 3000, because: 'rule' });
    t.same(wait('retry-after', 'Wed, 31 Dec 2025 23:59:00 GMT'), BY_RULE);
    t.same(wait('retry-after', 'soon'), { waitMs: 50, because: 'rule' });
    t.same(wait('grpc-retry-pushback-ms', '7', 'retry-after', '2'), { waitMs: 7, because: 'rule' });
    t.same(wait('grpc-retry-pushback-ms', '0'), BY_RULE);
  });

  t.test('is never more than 5 s: who asks for more is not tried again', async (t) => {
    const asked = retries(ON_FAILURE);
    t.same(asked.onAnswer(plain, answer(503, 'retry-after', '5'), false), { waitMs: 5000, because: 'rule' });
    t.same(asked.onAnswer(plain, answer(503, 'retry-after', '6'), false), no('pushback'));
    t.same(asked.onAnswer(plain, answer(503, 'grpc-retry-pushback-ms', '-1'), false), no('pushback'));
  });

  t.test('is none where a request never arrived, whatever is asked', async (t) => {
    const head = answer(502, 'weft-proxy-error', 'connect_failed', 'retry-after', '60');
    t.same(retries(rule({ outcomes: ['failure'] }, { backoff })).onAnswer(meshed, head, false), AT_ONCE);
  });
});

t.test('endpoints that were tried', async (t) => {
  const triedBy = (policy: RetryPolicy | null) => {
    const asked = retries(policy);
    asked.onUnreachable(plain, 'connect_failed');
    asked.onReset(meshed, REFUSED_STREAM, false);
    return asked.tried;
  };

  t.test('are avoided', async (t) => {
    t.equal(retries(null).tried, null);
    t.same(triedBy(null), [plain, meshed]);
    t.same(triedBy(ON_FAILURE), [plain, meshed]);
  });

  t.test('are not, where the rule says so', async (t) => {
    t.equal(triedBy(rule({}, { reusesEndpoints: true })), null);
    t.same(triedBy(rule({}, { reusesEndpoints: true, leavesLocality: true })), [plain, meshed], 'their groups are');
  });

  t.test('are remembered where another attempt follows', async (t) => {
    const asked = retries(null);
    asked.onReset(plain, CANCEL, false);
    asked.onAnswer(plain, answer(500), false);
    t.equal(asked.tried, null);
    t.equal(asked.isRetry, false);
  });
});

t.test('need not be asked of an answer that no rule names and that is no failure', async (t) => {
  t.notOk(mayTryAgain(null, answer(200), true));
  t.notOk(mayTryAgain(ON_FAILURE, answer(200), true));
  t.ok(mayTryAgain(null, answer(502), false), 'it may never have arrived');
  t.ok(mayTryAgain(rule({ statuses: [{ min: 404, max: 404 }] }), answer(404), true));
});
