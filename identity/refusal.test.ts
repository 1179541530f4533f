import t from 'tap';

import { REFUSAL_STATUS, Refusal, type RefusalReason } from './refusal.ts';

t.test('what is malformed gets 400, what a token does not prove 401, what is not to be had 403', async (t) => {
  const byStatus = Map.groupBy(Object.keys(REFUSAL_STATUS), (reason) => REFUSAL_STATUS[reason as RefusalReason]);
  t.same(Object.fromEntries(byStatus), {
    400: [
      ...['request_not_json', 'request_too_large', 'request_malformed', 'token_missing', 'token_too_large'],
      ...['csr_missing', 'csr_too_large', 'csr_malformed'],
    ],
    401: [
      ...['token_malformed', 'token_algorithm_unsupported', 'token_signature_invalid', 'token_issuer_unknown'],
      ...['token_audience_mismatch', 'token_expired', 'token_not_yet_valid', 'token_rejected'],
      ...['token_not_service_account', 'token_without_pod'],
    ],
    403: [
      ...[
        'identity_name_invalid',
        'identity_revoked',
        'csr_key_not_p256',
        'csr_key_invalid',
        'csr_signature_algorithm_unsupported',
      ],
      ...['csr_signature_invalid', 'csr_subject_not_owned', 'csr_san_kind_unsupported', 'csr_san_not_owned'],
      ...['csr_asks_for_authority', 'csr_critical_extension_unknown'],
    ],
    404: ['not_found'],
    503: ['token_review_unavailable', 'revocations_unavailable', 'issuer_expired', 'unexpected'],
  });
});

t.test('a refusal says its reason and a sentence, as the contract has it', async (t) => {
  const refusal = new Refusal('token_expired', 'read it again');
  t.equal(refusal.status, 401);
  t.same(refusal.toBody(), { error: { reason: 'token_expired', message: 'read it again' } });
});
