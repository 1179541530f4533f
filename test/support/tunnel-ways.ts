import { type OutboundTarget, OWN_BACKEND } from '../../api/routing.ts';
import { endpoint, route, service, TestAuthority } from './mesh.ts';
import { ProxyProcess } from './proxy-process.ts';

/** Who a tunnel is asked of: an application that stays, or one whose process is killed. */
export const STEADY = 'api';
export const MORTAL = 'mortal';
export type TunnelHost = typeof STEADY | typeof MORTAL;

export const WAYS = ['without a proxy', 'one proxy', 'two proxies'] as const;
export type Way = (typeof WAYS)[number];

/**
 * The ways to both applications: without a proxy, through one, and through two with mutual TLS between them. Each proxy
 * is a process of its own; the outbound ones tell by the authority which application is meant.
 */
export class TunnelWays {
  readonly proxies: Readonly<Record<string, ProxyProcess>>;
  readonly #ports: Readonly<Record<Way, Readonly<Record<TunnelHost, number>>>>;

  private constructor(proxies: Record<string, ProxyProcess>, ports: Record<Way, Record<TunnelHost, number>>) {
    this.proxies = proxies;
    this.#ports = ports;
  }

  /** @param applications where they listen, or will */
  static async start(applications: Record<TunnelHost, number>): Promise<TunnelWays> {
    const authority = new TestAuthority();
    const inbound = (applicationPort: number) =>
      ProxyProcess.start({ serviceAccount: 'api', credentials: authority.credentials('api'), applicationPort });
    const outbound = (target: OutboundTarget) =>
      ProxyProcess.start({ serviceAccount: 'web', credentials: authority.credentials('web'), target });
    const [steady, mortal, plain] = await Promise.all([
      inbound(applications[STEADY]),
      inbound(applications[MORTAL]),
      outbound(targetOf(endpoint(applications[STEADY]), endpoint(applications[MORTAL]))),
    ]);
    const meshed = await outbound(targetOf(endpoint(steady.port, 'api'), endpoint(mortal.port, 'api')));
    return new TunnelWays(
      {
        'the one proxy': plain.process,
        "the client's proxy": meshed.process,
        "the server's proxy": steady.process,
        'the proxy of the server that dies': mortal.process,
      },
      {
        'without a proxy': applications,
        'one proxy': { [STEADY]: plain.port, [MORTAL]: plain.port },
        'two proxies': { [STEADY]: meshed.port, [MORTAL]: meshed.port },
      },
    );
  }

  port(way: Way, host: TunnelHost): number {
    return this.#ports[way][host];
  }

  end(): void {
    for (const proxy of Object.values(this.proxies)) proxy.end();
  }
}

function targetOf(steady: ReturnType<typeof endpoint>, mortal: ReturnType<typeof endpoint>): OutboundTarget {
  const toMortal = route('mortal', {
    when: { authority: { exact: MORTAL } },
    split: [{ backend: 'mortal', weight: 1 }],
  });
  return service(STEADY, [], {
    routes: [toMortal, route('steady', {})],
    backends: {
      [OWN_BACKEND]: { service: STEADY, port: 80, endpoints: [steady] },
      mortal: { service: MORTAL, port: 80, endpoints: [mortal] },
    },
  });
}
