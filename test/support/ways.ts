import type { Test } from 'tap';

import { type Endpoint, type OutboundTarget, OWN_BACKEND } from '../../api/routing.ts';
import type { ConnectionLimits } from '../../api/traffic-policy.ts';
import { endpoint, service, TestAuthority, TestProxy } from './mesh.ts';

/** The ways that lead to a server. */
export interface Ways {
  /** Ports of `127.0.0.1`: without a proxy, through the client's alone, and through both with mutual TLS between them. */
  readonly ports: Readonly<Record<'direct' | 'one' | 'two', number>>;
  /** Where the server's proxy listens, for clients without one. */
  readonly strangerPort: number;
  /** `plain` is the client's where it is alone, `meshed` where `server` is the other one. */
  readonly proxies: { readonly plain: TestProxy; readonly meshed: TestProxy; readonly server: TestProxy };
}

/**
 * Opens the ways that lead to the server on `port`, for as long as the test lasts.
 *
 * @param options of each proxy
 * @param rules what the client's proxy is told of the server
 */
export async function openWays(
  t: Test,
  port: number,
  options: ConstructorParameters<typeof TestProxy>[2] = {},
  rules: Partial<OutboundTarget> & { readonly limits?: ConnectionLimits } = {},
): Promise<Ways> {
  const authority = new TestAuthority();
  const open = (serviceAccount: string) => new TestProxy(serviceAccount, authority, options);
  const proxies = { plain: open('web'), meshed: open('web'), server: open('api') };
  const { plain, meshed, server } = proxies;
  t.teardown(() => {
    for (const proxy of Object.values(proxies)) proxy.close();
  });
  const strangerPort = await server.listenInbound(port);
  const { limits = {}, ...others } = rules;
  const target = (endpoints: readonly Endpoint[]) => {
    const backends = { [OWN_BACKEND]: { service: 'api', port: 80, endpoints, limits } };
    return service('api', endpoints, { backends, ...others });
  };
  plain.describe('10.96.0.1:80', target([endpoint(port)]));
  meshed.describe('10.96.0.1:80', target([endpoint(strangerPort, 'api')]));
  const ports = { direct: port, one: await plain.listenOutbound(), two: await meshed.listenOutbound() };
  return { ports, strangerPort, proxies };
}
