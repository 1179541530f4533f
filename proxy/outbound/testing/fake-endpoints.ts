import {
  type Backend,
  DEFAULT_RETRY_BUDGET,
  type OutboundTarget,
  OWN_BACKEND,
  type Route,
} from '../../../api/routing.ts';
import type { CircuitBreaker } from '../../../api/traffic-policy.ts';
import type { ClientStream, Fields, RequestHead, ResponseHead, ServerStream } from '../../http.ts';
import { Log } from '../../log.ts';
import { DEFAULT_ROUTE } from '../../routing/route-table.ts';
import { Metrics } from '../../telemetry/metrics.ts';
import { ConnectError } from '../../transport/dialer.ts';
import type { HttpPool, Waiter } from '../../transport/http-pool.ts';
import { Loopback } from '../../transport/loopback.ts';
import { MutualTls } from '../../transport/mutual-tls.ts';
import { Target } from '../target.ts';

/** Either end of a request as a recorder: what was sent on it, in the order in which it was. */
export class FakeStream implements ClientStream, ServerStream {
  readonly sent: (string | number)[] = [];
  granted = 0;
  isRestRefused = false;
  head: RequestHead | ResponseHead | null = null;
  /** Octets that leave at once, of each DATA; the rest is as if it waited. */
  accepts = Number.POSITIVE_INFINITY;

  sendRequest(head: RequestHead, last: boolean): void {
    this.head = head;
    this.sent.push(`${head.method} ${head.path}`, ...(last ? ['end'] : []));
  }

  sendResponse(head: ResponseHead, last: boolean): void {
    this.head = head;
    this.sent.push(head.status, ...(last ? ['end'] : []));
  }

  sendData(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    this.sent.push(Buffer.from(bytes.subarray(start, end)).toString(), ...(last ? ['end'] : []));
    return Math.min(end - start, this.accepts);
  }

  sendTrailers(fields: Fields): void {
    this.sent.push(fields.join(' '), 'end');
  }

  refuseRest(): void {
    this.isRestRefused = true;
  }

  reset(code: number): void {
    this.sent.push(`reset ${code}`);
  }

  grant(octets: number): void {
    this.granted += octets;
  }
}

/** Takes an endpoint out for a second, at its first failure. */
export const ONE_FAILURE: CircuitBreaker = {
  kind: 'consecutive-failures',
  maxFailures: 1,
  minPenaltyMs: 1000,
  maxPenaltyMs: 1000,
  jitterRatio: 0,
};

/** One attempt that has come to an endpoint. */
interface FakeAttempt {
  readonly address: string;
  readonly waiter: Waiter;
}

/** A target whose endpoints nothing is sent to: attempts come to `attempts`, and the test plays the endpoint. */
export class FakeEndpoints {
  readonly metrics = new Metrics();
  readonly log = new Log('silent');
  readonly target: Target;
  readonly attempts: FakeAttempt[] = [];

  /** @param addresses of the endpoints, which are taken in their order @param mesh whose proxies they have; null: none */
  constructor(
    addresses: readonly string[],
    route: Partial<Route> = {},
    backend: Partial<Backend> = {},
    mesh: 'weft' | null = null,
  ) {
    const description: OutboundTarget = {
      name: 'api.default.svc.cluster.local',
      kind: 'service',
      port: 80,
      protocol: 'detect',
      labels: {},
      routes: [{ ...DEFAULT_ROUTE.route, name: 'all', origin: 'Service/default/api', ...route }],
      retryBudget: DEFAULT_RETRY_BUDGET,
      backends: {
        [OWN_BACKEND]: {
          service: 'api.default.svc.cluster.local',
          port: 80,
          endpoints: addresses.map((address) => ({
            uid: address,
            address,
            port: 8080,
            tls: mesh && { identity: 'api', mesh, mode: 'transparent', inboundPort: 4143 },
            protocol: 'detect',
            labels: { dst_pod: `pod-${address}` },
          })),
          balancer: { algorithm: 'round-robin' },
          ...backend,
        },
      },
    };
    this.target = new Target('10.96.0.1:80', description, {
      mutualTls: new MutualTls(() => 0),
      metrics: this.metrics,
      log: this.log,
      connectTimeoutMs: 1000,
      loopback: new Loopback([], () => {}),
    });
    for (const client of this.clients) {
      const acquire = (waiter: Waiter) => void this.attempts.push({ address: client.endpoint.address, waiter });
      const pool: HttpPool = { isFree: true, shutdown() {}, acquire };
      client.pool = () => pool;
    }
  }

  get clients() {
    return this.target.backends.flatMap(({ endpoints }) => endpoints);
  }

  /** Gives the latest attempt its stream. */
  open(): FakeStream {
    const stream = new FakeStream();
    this.attempts.at(-1)!.waiter.onStream(stream);
    return stream;
  }

  /** Refuses the latest attempt. */
  refuse(reason: ConnectError['reason'] = 'connect_failed'): void {
    this.attempts.at(-1)!.waiter.onUnavailable(new ConnectError(reason, 'nobody is there'));
  }

  /** Who hears what the endpoint of the latest attempt says. */
  get listener() {
    return this.attempts.at(-1)!.waiter.listener;
  }
}
