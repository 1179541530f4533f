import {
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
  KEY_USAGE,
  SUBJECT_ALT_NAME,
  SUBJECT_KEY_IDENTIFIER,
} from '../../core/pki/object-identifiers.ts';
import { isSignatureValid, requestedKey } from '../../core/pki/read-certificate-request.ts';
import { Refusal } from '../refusal.ts';
import type { CsrRule } from './rule.ts';

/**
 * What identity demands of a certificate request, cheapest first, and nothing costly before the key is known to be
 * P-256. Of a request that passes only the key is used: names and extensions of the certificate are identity's own.
 */
export const CSR_RULES: readonly CsrRule[] = [
  {
    name: 'the key is ECDSA P-256',
    check: (request) =>
      request.isP256 ? null : new Refusal('csr_key_not_p256', 'the key must be ECDSA P-256 with an uncompressed point'),
  },
  {
    name: 'the signature is ECDSA with SHA-256',
    check: (request) =>
      request.isEcdsaSha256
        ? null
        : new Refusal(
            'csr_signature_algorithm_unsupported',
            `the request must be signed with ecdsa-with-SHA256, not ${request.signatureAlgorithm}`,
          ),
  },
  {
    name: 'the signature proves possession of the key',
    check(request) {
      const key = requestedKey(request);
      if (!key) return new Refusal('csr_key_invalid', 'the point of the key does not lie on the curve P-256');
      if (isSignatureValid(request, key)) return null;
      return new Refusal('csr_signature_invalid', 'the request is not signed by the key that it holds');
    },
  },
  {
    name: "the subject is empty or the caller's",
    check({ subject }, { dns }) {
      if (subject.others === 0 && subject.commonNames.every((name) => name === dns)) return null;
      return new Refusal('csr_subject_not_owned', `the subject must be empty or the common name ${dns}`);
    },
  },
  {
    name: 'names are DNS names and URIs only',
    check: ({ sans }) =>
      sans.others === 0
        ? null
        : new Refusal('csr_san_kind_unsupported', 'subject alternative names must be DNS names and URIs'),
  },
  {
    name: "every name is the caller's",
    check({ sans }, { dns, uri }) {
      if (sans.dns.every((name) => name === dns) && sans.uris.every((name) => name === uri)) return null;
      return new Refusal('csr_san_not_owned', `the token entitles to the names ${dns} and ${uri} only`);
    },
  },
  {
    name: 'no certificate authority is asked for',
    check: (request) =>
      request.asksForAuthority
        ? new Refusal('csr_asks_for_authority', 'a workload cannot be a certificate authority')
        : null,
  },
  {
    name: 'no critical extension is unknown',
    check({ extensions }) {
      const unknown = extensions.find(({ oid, critical }) => critical && !KNOWN_EXTENSIONS.has(oid));
      if (!unknown) return null;
      return new Refusal('csr_critical_extension_unknown', `the critical extension ${unknown.oid} is not supported`);
    },
  },
];

/** Extensions that identity writes itself, so that asking for them is answered one way or the other. */
const KNOWN_EXTENSIONS = new Set([
  SUBJECT_ALT_NAME,
  BASIC_CONSTRAINTS,
  KEY_USAGE,
  EXTENDED_KEY_USAGE,
  SUBJECT_KEY_IDENTIFIER,
]);
