import t from 'tap';

import { type OutboundTarget, OWN_BACKEND } from '../../api/routing.ts';
import type { RequestView } from '../routing/predicate.ts';
import { KeptTarget } from './kept-target.ts';
import type { Target } from './target.ts';
import type { FoundTarget, Targets } from './targets.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

const view = (path: string) =>
  ({ method: 'GET', scheme: 'http', authority: 'api', path, protocol: '', fields: [] }) as unknown as RequestView;

function made(addresses: readonly string[] = ['10.1.0.1']) {
  const { target, metrics } = new FakeEndpoints(addresses);
  const update = (change: Partial<OutboundTarget>) => target.update({ ...target.description, ...change });
  return { target, metrics, update };
}

t.test('a target finds the route of a request, anew once its routes have changed', async (t) => {
  const { target, update } = made();
  const request = view('/users');
  t.equal(target.route(request).route.name, 'all');
  t.equal(target.route(request), target.route(request), 'heads that are shared are looked at once');
  const [all] = target.description.routes;
  update({ labels: { other: 'label' } });
  const before = target.route(request);
  update({ routes: [{ ...all!, name: 'users', when: { path: { prefix: '/users' } } }, all!] });
  t.not(target.route(request), before);
  t.equal(target.route(request).route.name, 'users');
  t.equal(target.route(view('/')).route.name, 'all');
});

t.test('its budget is kept while its rule is', async (t) => {
  const { target, update } = made();
  const { budget } = target;
  update({ retryBudget: { ...target.description.retryBudget } });
  t.equal(target.budget, budget);
  update({ retryBudget: { ...target.description.retryBudget, ratio: 0.5 } });
  t.not(target.budget, budget);
});

t.test('its backends are kept by name; one that nobody names is the Service itself', async (t) => {
  const { target, update } = made();
  const own = target.backend(OWN_BACKEND);
  const canary = { ...own.description, service: 'canary', endpoints: [] };
  update({ backends: { ...target.description.backends, canary } });
  t.equal(target.backend(OWN_BACKEND), own);
  t.equal(target.backend('canary').description.service, 'canary');
  t.equal(target.backend('gone'), own);
  t.same(target.backends, [own, target.backend('canary')]);
  const gone = target.backend('canary');
  update({ backends: { [OWN_BACKEND]: own.description } });
  t.same(target.backends, [own]);
  t.same(gone.endpoints, []);
});

t.test('says whether it has an endpoint, and tells who waits for one of each change', async (t) => {
  const { target, update } = made([]);
  t.equal(target.hasEndpoints, false);
  let woken = 0;
  const stop = target.whenEndpoints(() => {
    woken++;
    stop();
  });
  let others = 0;
  target.whenEndpoints(() => others++);
  update({ backends: new FakeEndpoints(['10.1.0.1']).target.description.backends });
  t.equal(target.hasEndpoints, true);
  t.same([woken, others], [1, 1]);
  target.retire();
  t.same([woken, others], [1, 2], 'also when there will be none');
  t.equal(target.isRetired, true);
  t.equal(target.hasEndpoints, false);
});

t.test('octets go where a route of connections says, by the name that TLS asks for', async (t) => {
  const { target, update } = made();
  t.equal(target.looksAtServerName, false);
  const own = target.backend(OWN_BACKEND);
  t.equal(target.connectionBackend('a'), own);
  update({ byHost: true });
  t.equal(target.looksAtServerName, true);
});

t.test('series of a route are made once, and named after it where it has a name', async (t) => {
  const { target, metrics } = made();
  const series = target.series('users');
  t.equal(target.series('users'), series);
  series.effective.request();
  series.retried.value++;
  series.skipped('limit').value++;
  target.series('').effective.request();
  const dst = 'direction="outbound",dst="api.default.svc.cluster.local:80"';
  t.same([...metrics.routeRequests.series.keys()], [`${dst},rt_route="users"`, dst]);
  t.same([...metrics.routeRetryable.series.keys()].sort(), [
    dst,
    `${dst},rt_route="users"`,
    `${dst},rt_route="users",skipped="limit"`,
  ]);
});

t.test('is another one with another name, kind or port', async (t) => {
  const { target } = made();
  const { description } = target;
  t.equal(target.isDescribedBy({ ...description, protocol: 'opaque' }), true);
  t.equal(target.isDescribedBy({ ...description, name: 'other' }), false);
  t.equal(target.isDescribedBy({ ...description, kind: 'pod' }), false);
  t.equal(target.isDescribedBy({ ...description, port: 81 }), false);
});

t.test('a connection that is kept', async (t) => {
  /** A kept target, and what a look for its key leads to. */
  const keep = (found: () => Promise<FoundTarget> | FoundTarget = () => null) => {
    const { target, update } = made();
    let gone = 0;
    const kept = new KeptTarget(target, { find: found } as unknown as Targets, () => gone++);
    return { target, update, kept, gone: () => gone };
  };

  t.test('is for its target, which is in use as long', async (t) => {
    const { target, kept } = keep();
    t.equal(target.active, 1);
    t.equal(kept.now(), target);
    kept.release();
    t.equal(target.active, 0);
  });

  t.test('is for whatever has come to its address', async (t) => {
    const next = made().target;
    for (const found of [() => next, async () => next] as (() => Promise<Target> | Target)[]) {
      const { target, kept, gone } = keep(found);
      target.retire();
      t.equal(await kept.now(), next);
      t.equal(target.active, 0);
      t.equal(next.active, 1);
      t.equal(await kept.now(), next);
      kept.release();
      t.equal(next.active, 0);
      t.equal(gone(), 0);
    }
  });

  t.test('ends where nothing has, and not where nobody has said', async (t) => {
    const nothing = keep();
    nothing.target.retire();
    t.equal(nothing.kept.now(), null);
    t.equal(nothing.gone(), 1);
    const failure = { reason: 'discovery_unavailable', message: '' } as const;
    const unsaid = keep(() => failure);
    unsaid.target.retire();
    t.equal(unsaid.kept.now(), failure);
    t.equal(unsaid.gone(), 0);
  });

  t.test('ends where its target carries octets from now on', async (t) => {
    const { kept, update, target, gone } = keep();
    update({ labels: { a: 'b' } });
    t.equal(kept.now(), target);
    t.equal(gone(), 0);
    update({ protocol: 'opaque' });
    t.equal(kept.now(), target, 'what is asked now is served');
    t.equal(gone(), 1);
  });
});
