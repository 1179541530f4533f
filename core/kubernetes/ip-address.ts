import { isIP } from 'node:net';

/**
 * The one spelling of an IP literal by which addresses are compared, or null when the text is no address.
 *
 * IPv6 is compressed and in lower case (RFC 5952); an IPv4 address mapped into IPv6 is IPv4. Brackets and zones are
 * refused.
 */
export function canonicalIp(text: string): string | null {
  const family = isIP(text);
  if (family === 4) return text;
  if (family !== 6 || text.includes('%')) return null;
  const compressed = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(compressed);
  if (!mapped) return compressed;
  const high = Number.parseInt(mapped[1]!, 16);
  const low = Number.parseInt(mapped[2]!, 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
