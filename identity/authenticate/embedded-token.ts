import type { KeyObject } from 'node:crypto';

import { TOKEN_AUDIENCE } from '../../api/names.ts';
import { CLOCK_SKEW_MS } from '../../core/pki/authority.ts';
import { isTokenSignatureValid, parseToken } from '../../core/pki/service-account-token.ts';
import type { Clock } from '../../core/time/clock.ts';
import { Refusal } from '../refusal.ts';
import type { AuthenticatedWorkload, Authenticator } from './authenticator.ts';

/** Verifies tokens that the operator signed, where there is no Kubernetes: ES256 with one key, by one issuer. */
export class EmbeddedTokenAuthenticator implements Authenticator {
  readonly #key: KeyObject;
  readonly #issuer: string;
  readonly #clock: Clock;

  constructor(settings: { key: KeyObject; issuer: string; clock: Clock }) {
    this.#key = settings.key;
    this.#issuer = settings.issuer;
    this.#clock = settings.clock;
  }

  async authenticate(token: string): Promise<AuthenticatedWorkload | Refusal> {
    const parsed = parseToken(token);
    if (!parsed) return new Refusal('token_malformed', 'the token is no compact JWT (RFC 7519)');
    if (parsed.algorithm !== 'ES256') {
      return new Refusal('token_algorithm_unsupported', 'the token is not signed with ES256');
    }
    if (!isTokenSignatureValid(parsed, this.#key)) {
      return new Refusal('token_signature_invalid', "the token is not signed by the operator's key");
    }
    return this.#checkClaims(parsed.claims) ?? readWorkload(parsed.claims['kubernetes.io']);
  }

  #checkClaims({ iss, aud, exp, nbf }: Readonly<Record<string, unknown>>): Refusal | null {
    const now = this.#clock.now();
    if (iss !== this.#issuer) {
      return new Refusal('token_issuer_unknown', `the token was not issued by ${this.#issuer}`);
    }
    if (aud !== TOKEN_AUDIENCE && !(Array.isArray(aud) && aud.includes(TOKEN_AUDIENCE))) {
      return new Refusal('token_audience_mismatch', `the token is not made for the audience ${TOKEN_AUDIENCE}`);
    }
    if (typeof exp !== 'number' || exp * 1000 + CLOCK_SKEW_MS <= now) {
      return new Refusal('token_expired', 'the token has expired, or says no expiry; read its file again');
    }
    if (nbf !== undefined && !(typeof nbf === 'number' && nbf * 1000 - CLOCK_SKEW_MS <= now)) {
      return new Refusal('token_not_yet_valid', 'the token is not valid yet; compare the clocks');
    }
    return null;
  }
}

/** The private claim of Kubernetes' projected tokens. */
function readWorkload(claim: unknown): AuthenticatedWorkload | Refusal {
  const { namespace, pod, serviceaccount } = fieldsOf(claim);
  const account = fieldsOf(serviceaccount).name;
  const { name, uid } = fieldsOf(pod);
  if (!isFilled(namespace) || !isFilled(account)) {
    return new Refusal('token_not_service_account', 'the token names no namespace and service account');
  }
  if (!isFilled(name) || !isFilled(uid)) {
    return new Refusal('token_without_pod', 'the token is bound to no pod: it lacks its name or UID');
  }
  return { identity: { namespace, serviceAccount: account }, pod: { pod: name, uid } };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH;
}

/** Kubernetes' limit of object names, characters. */
const MAX_NAME_LENGTH = 253;
