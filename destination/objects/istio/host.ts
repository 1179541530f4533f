import type { Host } from '../host.ts';
import { type MeshDomain, serviceName } from '../mesh-domain.ts';

/** Reads a host as it is written: in lower case, without a dot at the end. */
export function canonicalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** What a host stands for in an object of `namespace`: a name without a dot is a Service of that namespace. */
export function expandHost(host: string, namespace: string, domain: MeshDomain): string {
  return host.includes('.') || host === '*' ? host : serviceName({ namespace, name: host }, domain);
}

/** The key under which an object that names `host` is found. A name without a dot is one of the object's namespace. */
export function hostKey(host: string, namespace: string): string {
  return host.includes('.') || host === '*' ? host : `${namespace}/${host}`;
}

/** Keys of what may be written to mean a host, the most specific first. */
export function keysCovering({ kind, namespace, shortName, name }: Host): string[][] {
  // A name without a dot is a Service's, never an entry's.
  const own = kind === 'Service' ? [`${namespace}/${shortName}`, name] : [name];
  return [own, ...wildcardsCovering(name).map((host) => [host]), ['*']];
}

/** Hosts with `*.` that cover a name, the most specific first. */
export function wildcardsCovering(name: string): string[] {
  const labels = name.split('.');
  return labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`);
}

/** Whether a text can be a host: DNS name, `*.` before one, `*`, or an address. Source: RFC 1035 section 2.3.4. */
export function isHost(host: string): boolean {
  return host === '*' || (host.length <= 255 && /^(\*\.)?[a-z0-9_]([-a-z0-9_.:]*[a-z0-9_])?$/.test(host));
}
