import type { ClaimHeader, TokenKey, TokenPlace } from '../../../api/request-authentication.ts';
import type { Meta } from '../meta.ts';
import type { WorkloadSelector } from './workload-selector.ts';

/**
 * How the JSON Web Tokens of requests to some workloads are checked.
 *
 * Source: https://istio.io/latest/docs/reference/config/security/request_authentication/
 */
export interface RequestAuthentication extends Meta {
  /** null: every workload of the namespace, or of the mesh in its root namespace. */
  readonly selector: WorkloadSelector | null;
  /** Attached to gateways or Services, which no proxy of a workload is: none here follows it. */
  readonly isForOthers: boolean;
  /** A token has to be good by any of them; none: no token is looked at. */
  readonly rules: readonly JwtRule[];
  /** It stands for one that cannot be read: nothing passes that it could have been meant to refuse. Absent: it does not. */
  readonly isStandIn?: true;
}

/** One entry of `jwtRules`. */
export interface JwtRule {
  /** `spec.jwtRules[0]`. */
  readonly path: string;
  readonly issuer: string;
  /** Empty: any. */
  readonly audiences: readonly string[];
  readonly keys: KeySource;
  /** At least one. */
  readonly places: readonly TokenPlace[];
  readonly isForwarded: boolean;
  /** In lower case; empty: none. */
  readonly payloadHeader: string;
  readonly claimHeaders: readonly ClaimHeader[];
  readonly spaceDelimitedClaims: readonly string[];
}

/**
 * Where the keys of an issuer are from: the object itself, or a URL that has them. `discovery`: the URL is that of OpenID
 * Connect's description of the issuer, which names the one of the keys.
 */
export type KeySource =
  | { readonly kind: 'inline'; readonly keys: readonly TokenKey[] }
  | { readonly kind: 'url' | 'discovery'; readonly url: string; readonly timeoutMs: number };
