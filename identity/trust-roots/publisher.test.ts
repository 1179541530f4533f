import t, { type Test } from 'tap';

import type { Logger } from '../../core/log/log.ts';
import { FakeApiServer } from '../testing/fake-api-server.ts';
import { TurnedClock } from '../testing/turned-clock.ts';
import { TrustRootsPublisher } from './publisher.ts';

const rootsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps/weft-trust-roots`;

/** A publisher against an API server in which some namespaces ask for injection. */
async function publisherOf(t: Test, ...namespaces: string[]) {
  const server = new FakeApiServer();
  await server.listen();
  for (const name of namespaces)
    server.put(`/api/v1/namespaces/${name}`, { metadata: { name, labels: { 'weft.dev/inject': 'enabled' } } });
  let bundle = 'first';
  const clock = new TurnedClock(0);
  const warnings: string[] = [];
  const log = { info() {}, warn: (...texts: unknown[]) => void warnings.push(String(texts.at(-1))) };
  const publisher = new TrustRootsPublisher({
    api: server.client(),
    controlNamespace: 'weft',
    bundle: () => bundle,
    log: log as unknown as Logger,
    clock,
  });
  t.teardown(async () => {
    await publisher.stop();
    server.close();
  });
  const published = (namespace: string) => server.objects.get(rootsOf(namespace))?.data['ca-bundle.pem'];
  const turn = (to: string) => {
    bundle = to;
  };
  return { server, publisher, published, turn, timers: clock.timers, warnings };
}

/** Waits until it holds. */
async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(holds(), what);
}

t.test('brings the roots to every namespace that is injected, and to no other', async (t) => {
  const { server, publisher, published } = await publisherOf(t, 'shop', 'blog', 'weft');
  server.put('/api/v1/namespaces/plain', { metadata: { name: 'plain' } });
  server.put('/api/v1/pods/one', {
    metadata: { name: 'one', namespace: 'podded', labels: { 'weft.dev/control-plane-namespace': 'weft' } },
  });
  publisher.start();
  await until(t, 'all three', () => ['shop', 'blog', 'podded'].every((name) => published(name) === 'first'));
  t.same(
    [...server.objects.keys()].filter((path) => path.includes('configmaps')).sort(),
    ['blog', 'podded', 'shop'].map(rootsOf),
    'Weft’s own has the original',
  );
});

t.test('leaves alone what is as it should be, changes what is not, and keeps what else is there', async (t) => {
  const { server, publisher, published, turn } = await publisherOf(t, 'shop', 'blog');
  const found = (bundle: string) => ({
    metadata: { name: 'weft-trust-roots' },
    data: { 'ca-bundle.pem': bundle, other: 'x' },
  });
  server.put(rootsOf('shop'), found('first'));
  server.put(rootsOf('blog'), found('old'));
  publisher.start();
  await until(t, 'the old one is new', () => published('blog') === 'first');
  await publisher.publishAll();
  const writes = () => server.requests.filter((request) => !request.startsWith('GET'));
  t.same(writes(), [`PATCH ${rootsOf('blog')}`]);
  t.equal(server.objects.get(rootsOf('blog')).data.other, 'x');
  turn('second');
  await publisher.publishAll();
  t.same([published('shop'), published('blog')], ['second', 'second']);
});

t.test('looks again each minute, until it is stopped', async (t) => {
  const { server, publisher, published, timers } = await publisherOf(t, 'shop');
  publisher.start();
  await until(t, 'published', () => published('shop') === 'first');
  const resyncs = () => timers.filter(({ ms }) => ms === 60_000);
  t.equal(resyncs().length, 1);
  server.objects.delete(rootsOf('shop'));
  resyncs()[0]!.task();
  await until(t, 'published again', () => published('shop') === 'first');
  await until(t, 'and once more', () => resyncs().length === 2);
  await publisher.stop();
  t.equal(resyncs()[1]!.isCancelled, true);
  server.objects.delete(rootsOf('shop'));
  await publisher.publishAll();
  t.equal(published('shop'), undefined);
});

t.test('what fails is said and tried again; what another replica did, and what is going, is not', async (t) => {
  const { server, publisher, published, warnings } = await publisherOf(t, 'shop');
  publisher.start();
  await until(t, 'published', () => published('shop') === 'first');
  const outcome = async (method: string, status: number, reason: string, message = reason) => {
    server.objects.delete(rootsOf('shop'));
    server.failures.push({ method, status, reason, message });
    warnings.length = 0;
    await publisher.publishAll();
    return warnings.length;
  };
  t.equal(await outcome('GET', 500, 'InternalError'), 1);
  t.equal(await outcome('POST', 403, 'Forbidden'), 1);
  t.equal(await outcome('POST', 409, 'AlreadyExists'), 0, 'another replica was faster');
  t.equal(await outcome('POST', 404, 'NotFound'), 0, 'the namespace is gone');
  t.equal(await outcome('POST', 403, 'Forbidden', 'namespace shop is being terminated'), 0, 'it is going');
  t.equal(published('shop'), undefined);
  await publisher.publishAll();
  t.equal(published('shop'), 'first');
});
