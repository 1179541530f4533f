import type { ConnectionRoute, RetryBudget, Route } from '../../api/routing.ts';
import type { Host } from '../objects/host.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import type { RouteAnnotations } from '../objects/linkerd/route-annotations.ts';
import type { ObjectRef } from '../objects/object-ref.ts';
import type { BackendRefs } from './backends.ts';
import type { ClientInquiry } from './inquiry.ts';

/** One port of a host as one client sees it: what every dialect is asked about. */
export interface RoutingQuestion extends ClientInquiry {
  readonly host: Host;
  readonly port: ServicePort;
  /** Where routes name their backends. */
  readonly refs: BackendRefs;
}

/** What a dialect says of the requests to a port of a host. */
export interface ServiceRoutes {
  readonly routes: readonly Route[];
  /** As in OutboundTarget. */
  readonly unmatched?: 'not-found';
  readonly connectionRoutes?: readonly ConnectionRoute[];
  /** Absent: the default. */
  readonly retryBudget?: RetryBudget;
}

/** What a Service's own annotations say of its requests, beside every dialect; a host of an entry has none. */
export function annotationsOf({ kind, object }: Host): RouteAnnotations | null {
  return kind === 'Service' ? object.routeAnnotations : null;
}

/** A route that takes every request, has no name in metrics and asks for nothing. */
export function plainRoute(origin: string): Route {
  return { name: '', when: { all: [] }, split: [], timeouts: {}, retry: null, classes: [], origin };
}

/** An object of a dialect that is about the host, in the order in which its dialect prefers them. */
export interface Candidate {
  readonly object: ObjectRef;
  /** Those that are merged into it. */
  readonly others?: readonly ObjectRef[];
  /** Null: for this port and this client it says nothing after all. Asked only where no better candidate speaks. */
  translate(): ServiceRoutes | null;
}

/** A way to write routes. Of the candidates the first that speaks decides alone. */
export type Dialect = (question: RoutingQuestion) => readonly Candidate[];
