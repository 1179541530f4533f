import { isDnsSubdomain, parseDnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';

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
  const workload = parseDnsIdentity(identity);
  if (workload?.trustDomain !== trustDomain) return null;
  const { serviceAccount, namespace, controlNamespace } = workload;
  if (![serviceAccount, namespace, controlNamespace].every(isDnsSubdomain)) return null;
  const [spiffe = ''] = uris;
  return spiffe === '' || spiffe === spiffeIdentity(workload, workload) ? { identity, spiffe } : null;
}
