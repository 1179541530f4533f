import type { ClientAttribute } from '../../api/access-policy.ts';
import { parseDnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';

/** What rules may ask of a client. */
export type ClientAttributes = Readonly<Record<ClientAttribute, string>>;

/**
 * What a client's names say of it. Where it has no SPIFFE URI, as proxies of Linkerd have none, its DNS name says the same.
 *
 * @param names both empty: it has proved nothing
 */
export function attributesOf({
  identity,
  spiffe,
}: {
  readonly identity: string;
  readonly spiffe: string;
}): ClientAttributes {
  const principal = spiffe.startsWith(SCHEME)
    ? spiffe.slice(SCHEME.length)
    : spiffe === ''
      ? principalOf(identity)
      : '';
  const [trustDomain = '', ns, namespace = '', sa, serviceAccount = '', ...rest] = principal.split('/');
  const isWorkload = ns === 'ns' && sa === 'sa' && rest.length === 0;
  return isWorkload
    ? { identity, principal, trustDomain, namespace, serviceAccount }
    : { identity, principal, trustDomain, namespace: '', serviceAccount: '' };
}

/** What the URI of the same workload names; empty: the name is of none. */
function principalOf(identity: string): string {
  const workload = parseDnsIdentity(identity);
  return workload ? spiffeIdentity(workload, workload).slice(SCHEME.length) : '';
}

/** SPIFFE-ID, section 2. */
const SCHEME = 'spiffe://';

/**
 * Attributes of clients, the same object for all connections of one: what is found out for a client is kept by it. Bounded: beyond
 * {@link MOST_CLIENTS} all are forgotten.
 */
export class KnownClients {
  readonly #byIdentity = new Map<string, { readonly spiffe: string; readonly attributes: ClientAttributes }>();

  of(names: { readonly identity: string; readonly spiffe: string }): ClientAttributes {
    const known = this.#byIdentity.get(names.identity);
    if (known?.spiffe === names.spiffe) return known.attributes;
    if (this.#byIdentity.size >= MOST_CLIENTS) this.#byIdentity.clear();
    const attributes = attributesOf(names);
    this.#byIdentity.set(names.identity, { spiffe: names.spiffe, attributes });
    return attributes;
  }
}

const MOST_CLIENTS = 1000;
