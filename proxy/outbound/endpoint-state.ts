import type { Metrics } from '../telemetry/metrics.ts';
import type { OutboundBackend } from './backend.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { Target } from './target.ts';

/** What `GET /endpoints` shows of a target: the load and the circuit breaker of every endpoint that may be chosen. */
interface TargetState {
  readonly target: string;
  readonly name: string;
  readonly port: number;
  /** Requests and connections under way. */
  readonly active: number;
  readonly backends: readonly BackendState[];
}

interface BackendState {
  readonly service: string;
  readonly port: number;
  readonly subset?: string;
  readonly balancer: string;
  /** Attempts under way, and those of them that wait for a connection. */
  readonly active: number;
  readonly pending: number;
  readonly connections: number;
  readonly ejected: number;
  readonly endpoints: readonly EndpointState[];
}

interface EndpointState {
  readonly address: string;
  readonly uid: string;
  readonly dst_pod: string;
  /** Name of its group of nearness, `priority 0`; empty: the backend has none. */
  readonly locality: string;
  readonly inFlight: number;
  /** What another request would cost here by peak-EWMA: milliseconds times requests. */
  readonly cost: number;
  /** False: connecting has just failed, or it answers no PING; others are preferred. */
  readonly isReady: boolean;
  /** null: there is none. */
  readonly breaker: BreakerView | null;
}

interface BreakerView {
  readonly state: 'closed' | 'open' | 'probation';
  /** Until when it is left out; null: it is not. */
  readonly until: string | null;
  /** Times that it was left out, since it is known. */
  readonly ejections: number;
}

/** The state of every endpoint of every target in use; changes nothing. @param nowMs `performance.now()` */
export function endpointStates(targets: readonly Target[], nowMs: number): TargetState[] {
  return targets.map((target) => ({
    target: target.key,
    name: target.description.name,
    port: target.description.port,
    active: target.active,
    backends: target.backends.map((backend) => backendState(backend, nowMs)),
  }));
}

/** Sets the gauge of ejected endpoints; targets that lead to one backend add up. @param nowMs `performance.now()` */
export function countEjected({ ejected }: Metrics, targets: readonly Target[], nowMs: number): void {
  for (const series of ejected.series.values()) series.value = 0;
  for (const { backends } of targets)
    for (const backend of backends)
      if (backend.description.breaker) ejected.with(backend.labels).value += ejectedOf(backend, nowMs);
}

function backendState(backend: OutboundBackend, nowMs: number): BackendState {
  const { service, port, subset, balancer } = backend.description;
  const { active, pending, connections } = backend.share;
  return {
    service,
    port,
    ...(subset !== undefined && { subset }),
    balancer: balancer?.algorithm ?? 'peak-ewma',
    active,
    pending,
    connections,
    ejected: ejectedOf(backend, nowMs),
    endpoints: backend.endpoints.map((client) =>
      endpointState(client, balancer?.localities?.[client.locality]?.name ?? '', nowMs),
    ),
  };
}

function ejectedOf({ endpoints }: OutboundBackend, nowMs: number): number {
  return endpoints.filter(({ breaker }) => breaker && breaker.stateAt(nowMs).state !== 'closed').length;
}

function endpointState(client: EndpointClient, locality: string, nowMs: number): EndpointState {
  const { uid, labels } = client.endpoint;
  return {
    address: client.id,
    uid,
    dst_pod: labels.dst_pod ?? '',
    locality,
    inFlight: client.inFlight,
    cost: Math.round(client.cost(nowMs) * 1000) / 1000,
    isReady: client.isReady(nowMs),
    breaker: breakerView(client, nowMs),
  };
}

function breakerView({ breaker, ejections }: EndpointClient, nowMs: number): BreakerView | null {
  if (!breaker) return null;
  const { state, untilMs } = breaker.stateAt(nowMs);
  const until = state === 'open' ? new Date(Date.now() + untilMs - nowMs).toISOString() : null;
  return { state, until, ejections };
}
