import type { ClientAttribute } from '../../api/access-policy.ts';

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

/** `<sa>.<ns>.serviceaccount.identity.<control ns>.<trust domain>` as the URI of the same workload; another name is of none. */
function principalOf(identity: string): string {
  const [, serviceAccount, namespace, trustDomain] = DNS_IDENTITY.exec(identity) ?? [];
  return serviceAccount ? `${trustDomain}/ns/${namespace}/sa/${serviceAccount}` : '';
}

/** A namespace is one label, a service account may be several. */
const DNS_IDENTITY = /^(.+)\.([^.]+)\.serviceaccount\.identity\.[^.]+\.(.+)$/;
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
