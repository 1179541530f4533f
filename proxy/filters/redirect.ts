import type { Redirect } from '../../api/filters.ts';
import type { RequestHead } from '../http.ts';

/**
 * The `Location` of a redirect. A port that is the scheme's own is left out.
 *
 * @param port of the Service that the request came to
 * @param rewritePath the redirect's, compiled
 * @see https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
export function redirectLocation(
  redirect: Redirect,
  head: RequestHead,
  port: number,
  rewritePath: (path: string) => string,
): string {
  const scheme = redirect.scheme ?? (head.scheme || 'http');
  const [, authorityHost = head.authority, authorityPort] = AUTHORITY.exec(head.authority) ?? [];
  const host = redirect.host ?? authorityHost;
  const number = portOf(redirect, port, authorityPort);
  const suffix = number === null || number === DEFAULT_PORTS[scheme] ? '' : `:${number}`;
  return `${scheme}://${host}${suffix}${rewritePath(head.path)}`;
}

/** null: the scheme's own. */
function portOf(redirect: Redirect, servicePort: number, authorityPort: string | undefined): number | null {
  if (typeof redirect.port === 'number') return redirect.port;
  if (redirect.port === 'scheme' || (redirect.port === undefined && redirect.scheme !== undefined)) return null;
  return authorityPort === undefined ? servicePort : Number(authorityPort);
}

const AUTHORITY = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
