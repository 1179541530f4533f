import { isDnsSubdomain, spiffeIdentity } from '../../api/workload-identity.ts';

/** Who a peer is, by its certificate. */
export interface PeerIdentity {
  /** DNS identity. */
  readonly identity: string;
  /** SPIFFE URI; empty: the certificate has none, as Linkerd's. */
  readonly spiffe: string;
}

/**
 * The workload that a certificate's names are of; null: of none. Roots may be shared, by clusters and with what is no mesh at
 * all, so that a valid certificate alone makes nobody a client of the mesh:
 *
 * - its one DNS name is `<service account>.<namespace>.serviceaccount.identity.<control plane>.<trust domain>`, of this trust
 *   domain; the control plane may be another of it, Linkerd's too, whose name stays in the identity
 * - a SPIFFE URI, of which there is one at most, names the same workload
 *
 * @param dns names of the SAN extension, as they stand there @param uris the same
 */
export function identityOfNames(
  dns: readonly string[],
  uris: readonly string[],
  trustDomain: string,
): PeerIdentity | null {
  const [identity] = dns;
  if (identity === undefined || dns.length > 1 || uris.length > 1) return null;
  const [workload = '', domain, ...rest] = identity.split(MARK);
  if (domain === undefined || rest.length > 0 || !domain.endsWith(`.${trustDomain}`)) return null;
  const controlPlane = domain.slice(0, -trustDomain.length - 1);
  const at = workload.lastIndexOf('.');
  const [serviceAccount, namespace] = [workload.slice(0, Math.max(0, at)), workload.slice(at + 1)];
  if (![serviceAccount, namespace, controlPlane].every(isDnsSubdomain) || controlPlane.includes('.')) return null;
  const [spiffe = ''] = uris;
  const expected = spiffeIdentity({ namespace, serviceAccount }, { trustDomain, controlNamespace: controlPlane });
  return spiffe === '' || spiffe === expected ? { identity, spiffe } : null;
}

const MARK = '.serviceaccount.identity.';
