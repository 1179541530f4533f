import { DEFAULT_RETRY_BUDGET, OWN_BACKEND } from '../../api/routing.ts';
import { systemClock } from '../../core/time/clock.ts';
import { FailureLog } from '../../proxy/admin/failure-log.ts';
import type { ClientStream, RequestHead, ResponseHead, ServerStream } from '../../proxy/http.ts';
import { Log } from '../../proxy/log.ts';
import type { OutboundContext } from '../../proxy/outbound/outbound-context.ts';
import { OutboundRequest } from '../../proxy/outbound/request.ts';
import { Target } from '../../proxy/outbound/target.ts';
import { Metrics } from '../../proxy/telemetry/metrics.ts';
import type { Waiter } from '../../proxy/transport/http-pool.ts';
import { Loopback } from '../../proxy/transport/loopback.ts';
import { MutualTls } from '../../proxy/transport/mutual-tls.ts';

/** Requests through the outbound layers alone: an endpoint that answers at once, and streams of which nothing is kept. */
export class OutboundRequests {
  readonly #context: OutboundContext;
  readonly #target: Target;

  constructor() {
    const metrics = new Metrics();
    this.#context = { metrics, failures: new FailureLog(), clock: systemClock, random: Math.random };
    this.#target = new Target('10.0.0.1:80', DESCRIPTION, {
      mutualTls: new MutualTls(() => 0),
      metrics,
      log: new Log('silent'),
      connectTimeoutMs: 1000,
      loopback: new Loopback([], () => {}),
    });
    const pool = { isFree: true, shutdown() {}, acquire: answerAtOnce };
    for (const { endpoints } of this.#target.backends) for (const client of endpoints) client.pool = () => pool;
  }

  /** A whole request and its answer, with bodies of 1000 octets. */
  exchange(): void {
    const request = new OutboundRequest(DOWNSTREAM, HEAD, false, this.#target, this.#context, '10.0.0.9:40000');
    request.onData(BODY, 0, BODY.length, true);
    answering!.onResponse(ANSWER, false);
    answering!.onData(BODY, 0, BODY.length, true);
  }
}

let answering: Waiter['listener'] | null = null;

function answerAtOnce(waiter: Waiter): void {
  answering = waiter.listener;
  waiter.onStream(UPSTREAM);
}

const ignored = {
  sendData: (_bytes: Uint8Array, start: number, end: number) => end - start,
  sendTrailers() {},
  reset() {},
  grant() {},
};
const DOWNSTREAM: ServerStream = { ...ignored, sendResponse() {}, refuseRest() {} };
const UPSTREAM: ClientStream = { ...ignored, sendRequest() {} };

const BODY = new Uint8Array(1000);
const ANSWER: ResponseHead = { status: 200, fields: ['content-type', 'text/plain'] };
const HEAD: RequestHead = {
  method: 'POST',
  scheme: 'http',
  authority: 'api',
  path: '/',
  protocol: '',
  fields: ['content-type', 'text/plain'],
};

const DESCRIPTION: ConstructorParameters<typeof Target>[1] = {
  name: 'api.default.svc.cluster.local',
  kind: 'service',
  port: 80,
  protocol: 'http2',
  labels: {},
  routes: [
    {
      name: 'all',
      when: { all: [] },
      split: [],
      timeouts: {},
      retry: { on: { outcomes: ['failure'] }, limit: 2, maxBodyBytes: 65_536 },
      classes: [],
      origin: 'VirtualService/default/api',
    },
  ],
  retryBudget: DEFAULT_RETRY_BUDGET,
  backends: {
    [OWN_BACKEND]: {
      service: 'api.default.svc.cluster.local',
      port: 80,
      endpoints: [{ uid: 'a', address: '10.1.0.1', port: 8080, tls: null, protocol: 'http2', labels: {} }],
    },
  },
};
