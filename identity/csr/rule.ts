import type { CertificateRequest } from '../../core/pki/read-certificate-request.ts';
import type { Refusal } from '../refusal.ts';

/** Names that the caller's token entitles it to. */
export interface OwnedNames {
  readonly dns: string;
  readonly uri: string;
}

/** One demand on a certificate request. Rules run in order, and the first that refuses decides. */
export interface CsrRule {
  /** What the rule demands, for the reader of the list. */
  readonly name: string;
  check(request: CertificateRequest, owned: OwnedNames): Refusal | null;
}
