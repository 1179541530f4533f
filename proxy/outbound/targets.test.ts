import t, { type Test } from 'tap';

import { DEFAULT_RETRY_BUDGET, type OutboundTarget, OWN_BACKEND } from '../../api/routing.ts';
import type { Clock } from '../../core/time/clock.ts';
import { Discovery } from '../control/discovery.ts';
import { Log } from '../log.ts';
import { DEFAULT_ROUTE } from '../routing/route-table.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { Loopback } from '../transport/loopback.ts';
import { MutualTls } from '../transport/mutual-tls.ts';
import { NamedTargets } from './named-targets.ts';
import type { OutboundContext } from './outbound-context.ts';
import { Target } from './target.ts';
import { targetFault } from './target-fault.ts';
import { Targets } from './targets.ts';

function described(name: string, port = 80): OutboundTarget {
  const service = `${name}.default.svc.cluster.local`;
  const routes = [{ ...DEFAULT_ROUTE.route, name: 'all', origin: `Service/default/${name}` }];
  const backends = { [OWN_BACKEND]: { service, port, endpoints: [] } };
  const retryBudget = DEFAULT_RETRY_BUDGET;
  return { name: service, kind: 'service', port, protocol: 'detect', labels: {}, routes, retryBudget, backends };
}

/** Targets over a discovery to which the test says what destination would. */
function targets(t: Test) {
  let nowMs = 100_000;
  t.intercept(performance, 'now', { value: () => nowMs, configurable: true, writable: true });
  const late: (() => void)[] = [];
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after(_, then) {
      late.push(then);
      return { cancel() {} };
    },
  };
  const discovery = new Discovery({
    clock,
    faultOf: targetFault,
    onInbound() {},
    onTrust() {},
    onRevoked() {},
    onExceeded() {},
  });
  const asked: string[] = [];
  discovery.use({ subscribe: (key) => asked.push(key), unsubscribe: (key) => asked.push(`-${key}`) });
  const context = {
    mutualTls: new MutualTls(() => 0),
    metrics: new Metrics(),
    log: new Log('silent'),
    connectTimeoutMs: 1000,
    loopback: new Loopback([], () => {}),
  };
  const unanswered = {
    failureOf: ({ host }: { host: string }) =>
      host.startsWith('10.') ? ({ reason: 'discovery_unavailable', message: 'nobody has said' } as const) : null,
  };
  const made = new Targets(discovery, context, unanswered);
  let version = 0;
  return {
    made,
    asked,
    named: new NamedTargets(made, context as unknown as OutboundContext),
    tell: (target: string, outbound: OutboundTarget | null) =>
      discovery.onMessage({ type: 'snapshot', target, version: String(++version), requires: [], outbound }),
    pass(ms: number) {
      nowMs += ms;
    },
    giveUp() {
      for (const then of late.splice(0)) then();
    },
  };
}

const KEY = '10.96.0.1:80';

t.test('a target is asked for once, and the same one from then on', async (t) => {
  const { made, tell, asked } = targets(t);
  const found = made.find(KEY);
  tell(KEY, described('api'));
  const target = (await found) as Target;
  t.equal(target.description.name, 'api.default.svc.cluster.local');
  t.equal(made.find(KEY), target);
  t.equal(made.has(KEY), true);
  t.same(made.all(), [target]);
  t.same(asked, [KEY]);
});

t.test('two who ask before the answer get the same target', async (t) => {
  const { made, tell } = targets(t);
  const found = [made.find(KEY), made.find(KEY)];
  tell(KEY, described('api'));
  const [one, other] = await Promise.all(found);
  t.ok(one instanceof Target);
  t.equal(one, other);
});

t.test(
  'where destination knows nothing there is none; where it has not said, who may not go without is refused',
  async (t) => {
    const { made, tell, giveUp } = targets(t);
    const nothing = made.find(KEY);
    tell(KEY, null);
    t.equal(await nothing, null);
    t.same(made.all(), []);
    const [inside, outside, name] = [made.find('10.96.0.9:80'), made.find('192.0.2.1:80'), made.find('name:80')];
    giveUp();
    t.match(await inside, { reason: 'discovery_unavailable' });
    t.equal(await outside, null);
    t.equal(await name, null);
  },
);

t.test('follows what is told of it', async (t) => {
  const { made, tell } = targets(t);
  const found = made.find(KEY);
  tell(KEY, described('api'));
  const target = (await found) as Target;
  tell(KEY, { ...described('api'), protocol: 'opaque' });
  t.equal(made.find(KEY), target);
  t.equal(target.description.protocol, 'opaque');
  t.equal(target.isRetired, false);
});

t.test('is another one where another Service has its address, and none where it is gone', async (t) => {
  const { made, tell } = targets(t);
  const found = made.find(KEY);
  tell(KEY, described('api'));
  const first = (await found) as Target;
  tell(KEY, described('other'));
  t.equal(first.isRetired, true);
  t.equal(made.has(KEY), false);
  const second = made.find(KEY) as Target;
  t.equal(second.description.name, 'other.default.svc.cluster.local');
  tell(KEY, null);
  t.equal(second.isRetired, true);
  t.equal(made.find(KEY), null);
  tell(KEY, described('api'));
  t.not(made.find(KEY), first, 'what has gone does not come back');
});

t.test('is let go of once nothing has used it for so long, unless something is under way', async (t) => {
  const { made, tell, pass, asked } = targets(t);
  for (const key of [KEY, '10.96.0.2:80', '10.96.0.3:80']) {
    void made.find(key);
    tell(key, described('api'));
  }
  await Promise.resolve();
  const [idle, active, used] = made.all();
  active!.active = 1;
  pass(1000);
  made.find('10.96.0.3:80');
  pass(1);
  made.evict(1000);
  t.same(made.all(), [active, used]);
  t.equal(idle!.isRetired, true);
  t.ok(asked.includes(`-${KEY}`), 'destination need not speak of it any more');
  t.notOk(asked.includes('-10.96.0.2:80'));
});

t.test('a name is asked for in lower case and without its last dot', async (t) => {
  const { named, tell, asked } = targets(t);
  const found = named.find({ host: 'API.Default.', port: 80 });
  t.same(asked, ['api.default:80']);
  tell('api.default:80', described('api'));
  t.ok((await found) instanceof Target);
});

t.test('after a thousand names that nobody knows only known ones are looked up, for ten minutes', async (t) => {
  const { named, tell, asked, pass } = targets(t);
  const ask = async (host: string, outbound: OutboundTarget | null) => {
    const found = named.find({ host, port: 80 });
    tell(`${host}:80`, outbound);
    return found;
  };
  t.ok((await ask('known', described('known'))) instanceof Target);
  for (let i = 0; i < 1000; i++) t.equal(await ask(`n${i}`, null), null);
  const before = asked.length;
  t.equal(named.find({ host: 'another', port: 80 }), null);
  t.equal(asked.length, before, 'nobody is asked');
  t.ok(named.find({ host: 'known', port: 80 }) instanceof Target);
  t.equal(named.find({ host: 'n0', port: 80 }), null);
  tell('n0:80', described('n0'));
  t.ok(named.find({ host: 'n0', port: 80 }) instanceof Target, 'what was unknown may come');
  t.not(named.find({ host: 'another', port: 80 }), null, 'and leaves room for one');
  pass(10 * 60_000 + 1);
  t.not(named.find({ host: 'one-more', port: 80 }), null);
});
