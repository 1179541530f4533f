import { TOKEN_AUDIENCE } from '../../api/names.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import type { ApiClient, Json } from '../../core/kubernetes/api-client.ts';
import { Refusal } from '../refusal.ts';
import type { AuthenticatedWorkload, Authenticator } from './authenticator.ts';

/** What this file asks of the API server. */
export const TOKEN_REVIEW_ACCESS: readonly Access[] = [
  { group: 'authentication.k8s.io', resource: 'tokenreviews', verbs: ['create'] },
];

/**
 * Asks the API server whose a token is, for Weft's audience alone: a token made for anything else proves nothing here.
 *
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
 */
export class TokenReviewAuthenticator implements Authenticator {
  readonly #api: Pick<ApiClient, 'create'>;

  constructor(api: Pick<ApiClient, 'create'>) {
    this.#api = api;
  }

  async authenticate(token: string): Promise<AuthenticatedWorkload | Refusal> {
    try {
      const review = { ...TOKEN_REVIEW, spec: { token, audiences: [TOKEN_AUDIENCE] } };
      return readStatus((await this.#api.create(TOKEN_REVIEWS, review))?.status);
    } catch (error) {
      return new Refusal(
        'token_review_unavailable',
        `the API server could not review the token (${errorMessage(error)}); try again later`,
      );
    }
  }
}

function readStatus(status: Json): AuthenticatedWorkload | Refusal {
  if (status?.authenticated !== true) return rejection(String(status?.error ?? ''));
  // An authenticator that knows no audiences answers without any: its word is not about this audience.
  if (!Array.isArray(status.audiences) || !status.audiences.includes(TOKEN_AUDIENCE)) {
    return new Refusal('token_audience_mismatch', `the token is not made for the audience ${TOKEN_AUDIENCE}`);
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(String(status.user?.username));
  if (!account) return new Refusal('token_not_service_account', 'the token belongs to no service account');
  const pod = status.user.extra?.['authentication.kubernetes.io/pod-name']?.[0];
  const uid = status.user.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
  if (typeof pod !== 'string' || typeof uid !== 'string') {
    return new Refusal('token_without_pod', 'the token is bound to no pod; use the projected token of a pod');
  }
  return { identity: { namespace: account[1]!, serviceAccount: account[2]! }, pod: { pod, uid } };
}

/** The API server says why in English only. */
function rejection(error: string): Refusal {
  if (/expired/i.test(error)) return new Refusal('token_expired', 'the token has expired; read its file again');
  if (/audience/i.test(error)) {
    return new Refusal('token_audience_mismatch', `the token is not made for the audience ${TOKEN_AUDIENCE}`);
  }
  return new Refusal('token_rejected', 'the API server does not accept the token: forged, revoked, or its pod is gone');
}

const TOKEN_REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const TOKEN_REVIEW = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' };
