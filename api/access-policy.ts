import type { Predicate } from './predicate.ts';
import type { TokenAttribute } from './request-authentication.ts';
import type { StringMatch } from './string-match.ts';

/**
 * What must be true of a client, its connection and its request for a rule to take it. What is not known of it (a client
 * without an identity has no namespace) is empty, and taken by no match but a `not`.
 *
 * A condition that this version does not know refuses, whatever it stands in: see `proxy/access`.
 */
export type AccessCondition =
  /** Empty: always. */
  | { readonly all: readonly AccessCondition[] }
  /** Empty: never. */
  | { readonly any: readonly AccessCondition[] }
  | { readonly not: AccessCondition }
  | { readonly client: ClientAttribute; readonly value: StringMatch }
  /** CIDRs and addresses, any of which has the other end of the connection. */
  | { readonly address: readonly string[] }
  /** As `address`, of the client as the last entry of `X-Forwarded-For` names it; without one, the other end. */
  | { readonly forwardedAddress: readonly string[] }
  /** Any of these ports of the pod. */
  | { readonly ports: readonly number[] }
  /** Any port of these ranges, both ends included. */
  | { readonly portRanges: readonly (readonly [from: number, to: number])[] }
  /** The name that a TLS client asked for. */
  | { readonly serverName: StringMatch }
  /**
   * Of the request's JSON Web Token, as far as one was checked and is good; of what is a list any entry. `claim` names a claim and
   * what is nested in it, of `claims` alone.
   */
  | { readonly token: TokenAttribute; readonly claim?: readonly string[]; readonly value: StringMatch }
  | { readonly request: Predicate };

/**
 * What a client's certificate proves: `identity` is its DNS name, `principal` the SPIFFE URI without its scheme
 * (`cluster.local/ns/default/sa/web`), the others are parts of that.
 */
export type ClientAttribute = 'identity' | 'principal' | 'namespace' | 'serviceAccount' | 'trustDomain';

/** One rule of an object. */
export interface AccessRule {
  /** What it takes where requests are seen. */
  readonly when: AccessCondition;
  /** What it takes of connections whose octets are passed on as they are; absent: as `when`; null: none. */
  readonly whenOctets?: AccessCondition | null;
  /** The object that it stands in, `AuthorizationPolicy/default/api`, with its API group's first word where two have the kind. */
  readonly origin: string;
  /** Where in that object, `spec.rules[0]`. Absent: the object as a whole. */
  readonly path?: string;
}

/**
 * Rules that are judged together; every layer has to let a client in. First `deny`, any of which refuses; then `allow`,
 * one of which has to take it. Source: the order of Istio's AuthorizationPolicies, which those of Linkerd and SMI are a part of.
 */
export interface AccessLayer {
  readonly deny: readonly AccessRule[];
  /** null: what is not refused is let in. Empty: nothing is let in. */
  readonly allow: readonly AccessRule[] | null;
  /** What they take is told of; they let nobody in and refuse nobody. Absent: none. */
  readonly audit?: readonly AccessRule[];
  /** What would hold if it were enforced, told of and no more. Absent: nothing. */
  readonly dryRun?: Omit<AccessLayer, 'dryRun' | 'audit' | 'origin'>;
  /** What refuses where no rule lets in: the objects, or what else the layer is of. */
  readonly origin: string;
}

/** Requests that a port takes, and whom it lets in for them besides those whom it lets in for anything. */
export interface AccessRoute {
  readonly name: string;
  readonly when: Predicate;
  readonly authorizations: readonly AccessRule[];
  readonly origin: string;
  readonly path?: string;
}

/** Whether clients have to prove who they are. */
export interface MutualTlsMode {
  /** `strict`: connections in the clear are reset. `permissive`: both are taken. */
  readonly mode: 'permissive' | 'strict';
  /** `PeerAuthentication/default/default`; `default`: nobody has said. */
  readonly origin: string;
}

/** What a pod demands of its clients, besides the policies of its ports. */
export interface PodAccess {
  readonly mutualTls: MutualTlsMode;
  /** By port, as text, where it differs. Absent: nowhere. */
  readonly mutualTlsPorts?: Readonly<Record<string, MutualTlsMode>>;
  /** In no order. */
  readonly layers: readonly AccessLayer[];
}
