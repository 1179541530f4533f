/** What a request brings upon itself is not held against the endpoint that refuses it. */
import t, { type Test } from 'tap';

import type { InboundPort } from '../../api/routing.ts';
import { endpointStates } from '../../proxy/outbound/endpoint-state.ts';
import { eitherVersion } from '../support/either-version.ts';
import { request } from '../support/http-request.ts';
import { endpoint, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const STRICT = [{ when: { not: { status: { min: 200, max: 299 } } }, isFailure: true }];
const BREAKER = { kind: 'consecutive-failures', maxFailures: 2, minPenaltyMs: 60_000, maxPenaltyMs: 60_000 } as const;

/** A client's proxy whose only endpoint is ejected by two failures, whatever is no 2xx being one. */
async function mesh(t: Test, rules: Partial<InboundPort>) {
  const application = await eitherVersion();
  const policy = { mode: 'all-unauthenticated', origin: 'test' } as const;
  const port: InboundPort = { port: application.port, protocol: 'http1', policy, routes: {}, ...rules };
  const server = new TestProxy('api', authority, { inbound: { ports: [port] } });
  const client = new TestProxy('frontend', authority);
  // In direct mode a client on loopback is not taken for the pod itself.
  const direct = endpoint(application.port, 'api');
  const tls = { ...direct.tls!, mode: 'direct', inboundPort: await server.listenDirect() } as const;
  const described = service('api', [{ ...direct, tls }], { routes: [route('strict', { classes: STRICT })] });
  const [own] = Object.values(described.backends);
  client.describe('10.96.0.1:80', {
    ...described,
    backends: { '': { ...own!, breaker: { ...BREAKER, jitterRatio: 0 } } },
  });
  const outbound = await client.listenOutbound();
  t.teardown(() => {
    client.close();
    server.close();
    application.close();
  });
  const stateOf = () => endpointStates(client.targets.all(), performance.now())[0]!.backends[0]!.endpoints[0]!;
  const ask = async (headers = {}) => (await request(outbound, { headers: { host: 'api', ...headers } })).status;
  return { ask, stateOf, server, port };
}

t.test('a rate limit ejects nobody', async (t) => {
  const { ask, stateOf } = await mesh(t, { rateLimit: { totalPerSecond: 1, origin: 'test' } });
  const statuses: number[] = [];
  for (let i = 0; i < 8; i++) statuses.push(await ask());
  t.ok(statuses.filter((status) => status === 429).length >= 5, statuses.join(' '));
  t.notOk(statuses.includes(504), 'nobody waits for an endpoint');
  t.match(stateOf().breaker, { state: 'closed', ejections: 0 });
});

t.test('a policy that refuses ejects nobody, and what is let in afterwards arrives at once', async (t) => {
  const { ask, stateOf, server, port } = await mesh(t, { policy: { mode: 'deny', origin: 'test' } });
  for (let i = 0; i < 8; i++) t.equal(await ask(), 403);
  t.match(stateOf().breaker, { state: 'closed', ejections: 0 });
  server.ports.update({
    ...server.ports.config,
    ports: [{ ...port, policy: { mode: 'all-authenticated', origin: '' } }],
  });
  t.equal(await ask(), 200);
});

t.test('nor do words that only the mesh may say', async (t) => {
  const { ask, stateOf } = await mesh(t, {});
  for (let i = 0; i < 4; i++)
    t.equal(await ask({ 'l5d-orig-proto': 'x', 'l5d-dst-canonical': 'x', 'weft-proxy-error': 'connect_failed' }), 200);
  t.match(stateOf().breaker, { state: 'closed', ejections: 0 });
});
