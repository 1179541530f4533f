import t from 'tap';

import { Application, never, proxyOf, status } from '../support/application.ts';
import { request } from '../support/http-request.ts';
import { endpoint, route, TestAuthority } from '../support/mesh.ts';

const authority = new TestAuthority();

t.test('a request says itself how it is retried and timed out, where that is allowed, and only there', async (t) => {
  for (const requestOverrides of ['allowed', undefined] as const) {
    const [bad, good] = [await Application.start(t, status(503)), await Application.start(t)];
    const slow = await Application.start(t, never);
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(bad.port), endpoint(good.port)] }, slow: { endpoints: [endpoint(slow.port)] } },
      {
        routes: [
          route('slow', { when: { path: { exact: '/slow' } }, split: [{ backend: 'slow', weight: 1 }] }),
          route('all', {}),
        ],
        ...(requestOverrides && { requestOverrides }),
      },
    );
    const headers = { host: 'api', 'l5d-retry-http': '503', 'l5d-retry-limit': '2' };
    const statuses = [];
    for (let i = 0; i < 20; i++) statuses.push((await request(port, { headers })).status);
    t.equal(statuses.includes(503), !requestOverrides, `${requestOverrides}: ${statuses}`);
    t.equal(good.heard[0]!.headers['l5d-retry-http'], requestOverrides ? undefined : '503');
    if (!requestOverrides) continue;
    const late = await request(port, {
      path: '/slow',
      headers: { host: 'api', 'x-envoy-upstream-rq-timeout-ms': '80' },
    });
    t.match(late, { status: 504, headers: { 'weft-proxy-error': 'request_timeout' } });
    t.match(String(late.body), 'changed by headers of the request');
  }
});
