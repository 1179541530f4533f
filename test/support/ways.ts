import type { Test } from 'tap';

import { endpoint, service, TestAuthority, TestProxy } from './mesh.ts';

/** The ways that lead to a server. */
export interface Ways {
  /** Ports of `127.0.0.1`: without a proxy, through the client's alone, and through both with mutual TLS between them. */
  readonly ports: Readonly<Record<'direct' | 'one' | 'two', number>>;
  /** `plain` is the client's where it is alone, `meshed` where `server` is the other one. */
  readonly proxies: { readonly plain: TestProxy; readonly meshed: TestProxy; readonly server: TestProxy };
}

/** Opens the ways that lead to the server on `port`, for as long as the test lasts. @param options of each proxy */
export async function openWays(
  t: Test,
  port: number,
  options: ConstructorParameters<typeof TestProxy>[2] = {},
): Promise<Ways> {
  const authority = new TestAuthority();
  const open = (serviceAccount: string) => new TestProxy(serviceAccount, authority, options);
  const proxies = { plain: open('web'), meshed: open('web'), server: open('api') };
  const { plain, meshed, server } = proxies;
  t.teardown(() => {
    for (const proxy of Object.values(proxies)) proxy.close();
  });
  plain.describe('10.96.0.1:80', service('api', [endpoint(port)]));
  meshed.describe('10.96.0.1:80', service('api', [endpoint(await server.listenInbound(port), 'api')]));
  const ports = { direct: port, one: await plain.listenOutbound(), two: await meshed.listenOutbound() };
  return { ports, proxies };
}
