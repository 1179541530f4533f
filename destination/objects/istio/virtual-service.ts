import type { Cors, DirectResponse, Fault, HeaderChange, Redirect } from '../../../api/filters.ts';
import type { Predicate } from '../../../api/predicate.ts';
import type { RetryPolicy } from '../../../api/routing.ts';
import type { Meta } from '../meta.ts';
import type { ExportTo } from './visibility.ts';

/**
 * A VirtualService as it is written: hosts not yet expanded, backends not yet looked up, what depends on the client not
 * yet decided.
 *
 * Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/
 */
export interface VirtualService extends Meta {
  /** In lower case, without a dot at the end. */
  readonly hosts: readonly string[];
  /** Whether it is for workloads; otherwise for gateways alone. */
  readonly isForMesh: boolean;
  readonly exportTo: ExportTo;
  /** First match wins. */
  readonly http: readonly HttpRule[];
  /** `tls` before `tcp`, each in order. */
  readonly connections: readonly ConnectionRule[];
}

/**
 * What becomes of the requests that any of its matches takes: they are answered, or go to the destinations by weight.
 * Source: VirtualService, "HTTPRoute".
 */
export interface HttpRule {
  /** Empty: it has none. */
  readonly name: string;
  /** `spec.http[0]`. */
  readonly path: string;
  /** At least one. */
  readonly matches: readonly HttpMatch[];
  readonly destinations: readonly RouteDestination[];
  /** Its requests are for another VirtualService, which is not read. */
  readonly isDelegated: boolean;
  readonly headers: HeaderOperations;
  readonly rewrite: RuleRewrite | null;
  readonly redirect: RuleRedirect | null;
  readonly respond: DirectResponse | null;
  readonly cors: Cors | null;
  readonly fault: Fault | null;
  readonly mirrors: readonly { readonly destination: Destination; readonly fraction: number }[];
  /** 0: none. */
  readonly timeoutMs: number;
  /** null: it says nothing of retries; a policy of null switches them off. */
  readonly retries: { readonly policy: RetryPolicy | null } | null;
}

/** A set of conditions that all hold. Source: VirtualService, "HTTPMatchRequest". */
export interface HttpMatch {
  /** Empty: it has none. */
  readonly name: string;
  /** Name of the route in metrics; empty: that of the rule. */
  readonly statPrefix: string;
  readonly when: Predicate;
  /** How the path is matched, as far as a rewrite depends on it: the prefix, or null for any other way. */
  readonly prefix: string | null;
  readonly selector: ClientSelector;
}

/** What decides for a client and a port, before any request, whether a match counts. */
export interface ClientSelector {
  /** Of the Service; null: any. */
  readonly port: number | null;
  readonly sourceLabels: Readonly<Record<string, string>>;
  /** Empty: any. */
  readonly sourceNamespace: string;
  /** The match's own `gateways`; null: those of the VirtualService. */
  readonly isForMesh: boolean | null;
}

/** A destination with its share of the requests, and what is changed in those alone. */
export interface RouteDestination {
  readonly destination: Destination;
  readonly weight: number;
  readonly headers: HeaderOperations;
}

/** Where requests go, as it is written: a short name is one of the VirtualService's own namespace. */
export interface Destination {
  /** `spec.http[0].route[1].destination`. */
  readonly path: string;
  /** In lower case, not yet expanded. */
  readonly host: string;
  /** Empty: every endpoint. */
  readonly subset: string;
  /** null: the only port of the host, or that of the request. */
  readonly port: number | null;
}

/** What is changed in the fields of requests and answers; null: nothing. */
export interface HeaderOperations {
  readonly request: HeaderChange | null;
  readonly response: HeaderChange | null;
  /** `Host`, which is not changed as a header; null: it stays. */
  readonly authority: string | null;
}

/** At least one field is there; `uri` and `regex` exclude each other. */
export interface RuleRewrite {
  readonly authority: string | null;
  /** In place of the prefix that the match names, or of the whole path. */
  readonly uri: string | null;
  readonly regex: { readonly pattern: string; readonly substitution: string } | null;
}

/** A redirect whose path may depend on the match. */
export interface RuleRedirect extends Omit<Redirect, 'path'> {
  readonly uri: string | null;
  readonly prefixRewrite: string | null;
}

/** Which connections go where, octet by octet. */
export interface ConnectionRule {
  /** `spec.tls[0]`. */
  readonly path: string;
  readonly matches: readonly ConnectionMatch[];
  readonly destinations: readonly RouteDestination[];
}

/**
 * A set of conditions that all hold for a connection. Source: VirtualService, "TLSMatchAttributes" and
 * "L4MatchAttributes".
 */
export interface ConnectionMatch {
  /** Server names, `*.` for those below; null: whatever the connection carries. */
  readonly sni: readonly string[] | null;
  /** CIDRs of the address that was dialled; empty: any. */
  readonly destinationSubnets: readonly string[];
  readonly selector: ClientSelector;
}
