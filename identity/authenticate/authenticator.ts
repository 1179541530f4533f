import type { WorkloadExtension } from '../../api/certify.ts';
import type { WorkloadIdentity } from '../../api/workload-identity.ts';
import type { Refusal } from '../refusal.ts';

/** Who showed a token: a service account, and the pod that the token is bound to. */
export interface AuthenticatedWorkload {
  readonly identity: WorkloadIdentity;
  readonly pod: WorkloadExtension;
}

/** Tells whose a service-account token is. */
export interface Authenticator {
  /** Never throws: whatever is wrong with the token, or with finding out, is a refusal. */
  authenticate(token: string): Promise<AuthenticatedWorkload | Refusal>;
}
