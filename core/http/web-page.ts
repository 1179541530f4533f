import { isIP } from 'node:net';

/** What of a request tells that a web page made it. Values of fields as they came; null: there is none. */
export interface PageMarks {
  readonly host: string | null;
  readonly origin: string | null;
  readonly secFetchSite: string | null;
}

/**
 * Why a request to an admin port is refused as a web page's, or null: a browser beside a port-forward must not hand the
 * pages, or what changes something, to whatever site it shows.
 *
 * A site that has its own name lead to this machine (DNS rebinding) asks under that name. So whoever comes from loopback
 * asks by an IP address or `localhost`, as tools do; from elsewhere any name will do, because only what is for everyone is
 * shown there. Browsers name the site that asks in `Origin` or `Sec-Fetch-Site` (Fetch standard, section 3.1; W3C Fetch
 * Metadata), which no tool sends.
 *
 * @param address the client's IP address
 */
export function webPageFault(address: string, { host, origin, secFetchSite }: PageMarks): string | null {
  if (secFetchSite === 'cross-site' || secFetchSite === 'same-site') return 'a web page of another site asks';
  if (origin !== null && origin.toLowerCase() !== `http://${host?.toLowerCase()}`)
    return `a web page of ${origin} asks`;
  if (host === null || !isLoopback(address) || isOwnName(host)) return null;
  return `from this machine the host is to be an IP address or localhost, not "${host}"`;
}

/** Whether an address is of the machine itself, an IPv4 one of a dual-stack listener included. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

function isOwnName(host: string): boolean {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host);
  const name = match?.[1] ?? match?.[2] ?? '';
  return name.toLowerCase() === 'localhost' || isIP(name) !== 0;
}
