/**
 * Certificates and workloads that nobody trusts any more, whatever their certificates say: the content of the ConfigMap
 * {@link REVOCATIONS_CONFIG_MAP} of Weft's own namespace, and of the watch's message `revoked`.
 */
export interface Revocations {
  /** Serial numbers as {@link canonicalSerial} writes them. */
  readonly serials: readonly string[];
  /** SPIFFE URIs of workloads. */
  readonly identities: readonly string[];
}

export const NO_REVOCATIONS: Revocations = { serials: [], identities: [] };

/** The ConfigMap, and its keys: texts of a serial number or SPIFFE URI a line; `#` begins a comment. */
export const REVOCATIONS_CONFIG_MAP = 'weft-revocations';
export const REVOKED_SERIALS_KEY = 'serials';
export const REVOKED_IDENTITIES_KEY = 'identities';

/**
 * A serial number as OpenSSL and Node print it, upper-case hexadecimal, without colons and leading zeros; null: it is none.
 * 20 octets are the most that one may have (RFC 5280 section 4.1.2.2).
 */
export function canonicalSerial(text: string): string | null {
  const digits = text.replace(/^0x/i, '').replaceAll(':', '').replace(/^0+/, '').toUpperCase();
  return /^[0-9A-F]{1,40}$/.test(digits) ? digits : null;
}

/**
 * Reads the ConfigMap's data. What a line cannot mean is a fault; the other lines hold.
 *
 * @returns revocations, and each line that names nothing, with its key
 */
export function parseRevocations(data: Readonly<Record<string, string>>): {
  readonly revocations: Revocations;
  readonly faults: readonly { readonly key: string; readonly line: string; readonly wanted: string }[];
} {
  const faults: { key: string; line: string; wanted: string }[] = [];
  const linesOf = (key: string, wanted: string, read: (line: string) => string | null) =>
    (data[key] ?? '').split('\n').flatMap((each) => {
      const line = each.replace(/#.*/, '').trim();
      if (line === '') return [];
      const value = read(line);
      if (value === null) faults.push({ key, line, wanted });
      return value ?? [];
    });
  const serials = linesOf(
    REVOKED_SERIALS_KEY,
    'serial number in hexadecimal digits, of 20 octets at most',
    canonicalSerial,
  );
  const identities = linesOf(
    REVOKED_IDENTITIES_KEY,
    'SPIFFE URI of a workload, such as spiffe://cluster.local/ns/shop/sa/web',
    (line) => (/^spiffe:\/\/[^/\s]+\/ns\/[^/\s]+\/sa\/[^/\s]+$/.test(line) ? line : null),
  );
  return { revocations: { serials, identities }, faults };
}
