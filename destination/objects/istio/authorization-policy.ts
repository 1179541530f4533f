import type { Meta } from '../meta.ts';
import type { WorkloadSelector } from './workload-selector.ts';

/** Who may use some workloads, and for what. Source: https://istio.io/latest/docs/reference/config/security/authorization-policy/ */
export interface AuthorizationPolicy extends Meta {
  /** null: every workload of the namespace, or of the mesh in its root namespace. */
  readonly selector: WorkloadSelector | null;
  /** Attached to gateways or Services, which no proxy of a workload is: none here follows it. */
  readonly isForOthers: boolean;
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT';
  /** What it would do is told, and nothing of it is done. */
  readonly isDryRun: boolean;
  /** Any of them takes a request; none: nothing is taken. */
  readonly rules: readonly AuthorizationRule[];
}

/** One of `from`, one of `to` and all of `when` have to hold; an empty list of alternatives always does. */
export interface AuthorizationRule {
  /** `spec.rules[0]`. */
  readonly path: string;
  /** All demands of one entry hold. */
  readonly from: readonly (readonly Demand[])[];
  readonly to: readonly (readonly Demand[])[];
  readonly when: readonly Demand[];
}

/** The attribute has one of `values`, where there are any, and none of `notValues`. */
export interface Demand {
  readonly attribute: Attribute;
  /** Of `request.headers[…]` and `request.auth.claims[…][…]`. Empty: of the others. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

/** As conditions call them; the last three have names as fields of an operation alone. */
export type Attribute =
  | 'source.ip'
  | 'remote.ip'
  | 'source.namespace'
  | 'source.principal'
  | 'source.serviceAccount'
  | 'source.trustDomain'
  | 'request.headers'
  | 'request.auth.principal'
  | 'request.auth.audiences'
  | 'request.auth.presenter'
  | 'request.auth.claims'
  | 'destination.ip'
  | 'destination.port'
  | 'connection.sni'
  | 'host'
  | 'method'
  | 'path';

/** Attributes of a JSON Web Token. */
export const OF_TOKENS: ReadonlySet<Attribute> = new Set<Attribute>([
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'request.auth.claims',
]);

/** Attributes that a connection of octets does not have. */
export const HTTP_ONLY: ReadonlySet<Attribute> = new Set<Attribute>([
  ...OF_TOKENS,
  'request.headers',
  'host',
  'method',
  'path',
]);
