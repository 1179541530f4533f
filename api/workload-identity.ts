import { CONTROL_NAMESPACE, DEFAULT_TRUST_DOMAIN } from './names.ts';

/** Who a workload is: its service account within a trust domain. */
export interface WorkloadIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** The two domains that complete a {@link WorkloadIdentity} into names. */
export interface IdentityDomain {
  readonly trustDomain: string;
  readonly controlNamespace: string;
}

export const DEFAULT_IDENTITY_DOMAIN: IdentityDomain = {
  trustDomain: DEFAULT_TRUST_DOMAIN,
  controlNamespace: CONTROL_NAMESPACE,
};

/** `<sa>.<ns>.serviceaccount.identity.<control ns>.<trust domain>`: DNS SAN and SNI of the workload. */
export function dnsIdentity(workload: WorkloadIdentity, domain: IdentityDomain): string {
  return `${workload.serviceAccount}.${workload.namespace}${dnsIdentitySuffix(domain)}`;
}

/** What follows the namespace in the DNS identities of a domain, with its first dot. */
export function dnsIdentitySuffix({ controlNamespace, trustDomain }: IdentityDomain): string {
  return `${DNS_MARK}${controlNamespace}.${trustDomain}`;
}

/** The workload and domain that a name as {@link dnsIdentity} makes it is of; null: it is none. A service account may have dots. */
export function parseDnsIdentity(dns: string): (WorkloadIdentity & IdentityDomain) | null {
  const [workload = '', domain = '', ...rest] = dns.split(DNS_MARK);
  const [, serviceAccount, namespace] = /^(.+)\.([^.]+)$/.exec(workload) ?? [];
  const [, controlNamespace, trustDomain] = /^([^.]+)\.(.+)$/.exec(domain) ?? [];
  if (!serviceAccount || !namespace || !controlNamespace || !trustDomain || rest.length > 0) return null;
  return { serviceAccount, namespace, controlNamespace, trustDomain };
}

/** `spiffe://<trust domain>/ns/<ns>/sa/<sa>`: URI SAN of the workload (SPIFFE-ID section 2). */
export function spiffeIdentity(workload: WorkloadIdentity, domain: IdentityDomain): string {
  return `spiffe://${domain.trustDomain}/ns/${workload.namespace}/sa/${workload.serviceAccount}`;
}

/** The workload that a SPIFFE URI of `domain` names, or null where it names none. */
export function parseSpiffeIdentity(uri: string, domain: IdentityDomain): WorkloadIdentity | null {
  const prefix = `spiffe://${domain.trustDomain}/ns/`;
  if (!uri.startsWith(prefix)) return null;
  const parts = uri.slice(prefix.length).split('/');
  if (parts.length !== 3 || parts[1] !== 'sa') return null;
  const namespace = parts[0]!;
  const serviceAccount = parts[2]!;
  return isDnsSubdomain(namespace) && isDnsSubdomain(serviceAccount) ? { namespace, serviceAccount } : null;
}

/** Whether a workload's identity is a DNS name that TLS clients can ask for: at most 253 characters, 63 a label (RFC 1035 section 2.3.4). */
export function isNameable(workload: WorkloadIdentity, domain: IdentityDomain): boolean {
  const dns = dnsIdentity(workload, domain);
  return isDnsLabel(workload.namespace) && isDnsSubdomain(dns) && dns.split('.').every(isDnsLabel);
}

/** Whether `name` is a DNS-1123 label, which Kubernetes demands of namespaces. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && !name.includes('.') && isDnsSubdomain(name);
}

/** Whether `name` is a DNS-1123 subdomain, which Kubernetes demands of service accounts and most other objects. */
export function isDnsSubdomain(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);
}

const DNS_MARK = '.serviceaccount.identity.';
