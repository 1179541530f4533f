import type { CertifyError } from '../api/certify.ts';

/**
 * Why identity refuses, and the HTTP status it then answers with: 400 what was sent is malformed, 401 the token proves
 * nothing, 403 the certificate asked for is not the caller's to have, 503 identity itself cannot at present.
 */
export const REFUSAL_STATUS = {
  not_found: 404,
  request_not_json: 400,
  request_too_large: 400,
  request_malformed: 400,
  token_missing: 400,
  token_too_large: 400,
  token_malformed: 401,
  token_algorithm_unsupported: 401,
  token_signature_invalid: 401,
  token_issuer_unknown: 401,
  token_audience_mismatch: 401,
  token_expired: 401,
  token_not_yet_valid: 401,
  token_rejected: 401,
  token_not_service_account: 401,
  token_without_pod: 401,
  identity_name_invalid: 403,
  identity_revoked: 403,
  csr_missing: 400,
  csr_too_large: 400,
  csr_malformed: 400,
  csr_key_not_p256: 403,
  csr_key_invalid: 403,
  csr_signature_algorithm_unsupported: 403,
  csr_signature_invalid: 403,
  csr_subject_not_owned: 403,
  csr_san_kind_unsupported: 403,
  csr_san_not_owned: 403,
  csr_asks_for_authority: 403,
  csr_critical_extension_unknown: 403,
  token_review_unavailable: 503,
  revocations_unavailable: 503,
  issuer_expired: 503,
  unexpected: 503,
} as const;

/** Why a certificate is refused: token of answer, metric, log and test. */
export type RefusalReason = keyof typeof REFUSAL_STATUS;

/** An answer instead of a certificate. A value and not an exception: refusing is what identity is for. */
export class Refusal {
  readonly reason: RefusalReason;
  /** What failed, why, and what to do next. Goes to the caller, so it holds no secret. */
  readonly message: string;

  constructor(reason: RefusalReason, message: string) {
    this.reason = reason;
    this.message = message;
  }

  /** HTTP status of the answer: what the client did wrong is 4xx and final, 503 is worth trying again. */
  get status(): number {
    return REFUSAL_STATUS[this.reason];
  }

  /** The body of the answer. */
  toBody(): CertifyError {
    return { error: { reason: this.reason, message: this.message } };
  }
}
