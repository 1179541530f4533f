/**
 * Whether a text is a host with an optional port, as Host and a target may have it (RFC 3986 section 3.2).
 *
 * User information, lists and percent-encoding are not: parsers differ in what they make of them. The empty text is an
 * authority, of requests that have none.
 */
export function isAuthority(text: string): boolean {
  const match = /^(?:\[([^\]]*)\]|[0-9A-Za-z._~!$&'()*+;=-]*)(?::\d{0,5})?$/.exec(text);
  return match !== null && (match[1] === undefined || isIpv6(match[1]));
}

/** Eight groups of hexadecimal digits, one run of which may be left out, and a zone (RFC 4291 section 2.2, RFC 6874). */
function isIpv6(text: string): boolean {
  const [, address, ipv4] =
    /^([0-9A-Fa-f:]+?)((?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?:%25[0-9A-Za-z._~-]+)?$/.exec(text) ?? [];
  if (address === undefined) return false;
  const halves = (ipv4 === undefined ? address : `${address}0:0`).split('::');
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2 || groups.some((group) => !/^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}
