/**
 * The protocols of an `Upgrade` list (RFC 9110 section 7.8), or of an extended CONNECT, that are offered on: all but HTTP.
 *
 * Requests in a tunnel are seen by nobody on the way: they would pass by policy, limits and counters, and could say of
 * themselves what only a proxy may say. h2c is gone (RFC 9113 section 3.1), and a server may ignore any offer.
 *
 * @returns what is left, in lower case and in its order, joined with `, `; empty: nothing
 */
export function offeredUpgrades(list: string): string {
  return list
    .toLowerCase()
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '' && !REFUSED.has(token.split('/', 1)[0]!.trim()))
    .join(', ');
}

/** Names without their versions. */
const REFUSED: ReadonlySet<string> = new Set(['h2c', 'h2', 'h3', 'http']);
