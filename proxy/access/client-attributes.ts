import type { ClientAttribute } from '../../api/access-policy.ts';

/** What rules may ask of a client. */
export type ClientAttributes = Readonly<Record<ClientAttribute, string>>;

/** What a client's names say of it. @param names both empty: it has proved nothing */
export function attributesOf({
  identity,
  spiffe,
}: {
  readonly identity: string;
  readonly spiffe: string;
}): ClientAttributes {
  const principal = spiffe.startsWith(SCHEME) ? spiffe.slice(SCHEME.length) : '';
  const [trustDomain = '', ns, namespace = '', sa, serviceAccount = '', ...rest] = principal.split('/');
  const isWorkload = ns === 'ns' && sa === 'sa' && rest.length === 0;
  return isWorkload
    ? { identity, principal, trustDomain, namespace, serviceAccount }
    : { identity, principal, trustDomain, namespace: '', serviceAccount: '' };
}

/** SPIFFE-ID, section 2. */
const SCHEME = 'spiffe://';
