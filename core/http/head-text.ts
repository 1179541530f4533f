/*
 * Texts of manifests that become octets of a head. Each is checked where it is read, because a head that holds anything else
 * ends early or means something else to whoever reads it. Every function says what is wrong as the second half of a sentence,
 * or null.
 */

/** Why a header of that name cannot be changed. Source: RFC 9110 5.6.2. */
export function headerNameFault(name: string): string | null {
  if (!TOKEN.test(name)) return `"${shown(name)}" is no header name`;
  if (FRAMING.includes(name.toLowerCase()))
    return `"${name}" cannot be changed, since it delimits the message or its connection`;
  return null;
}

/** Why a header of that name cannot be removed. */
export function removalFault(name: string): string | null {
  return name.toLowerCase() === 'host' ? `"${name}" cannot be removed: every request has one` : headerNameFault(name);
}

/** Why a text is no value of a header: it has a line end or another control character. Source: RFC 9110 5.5. */
export function fieldValueFault(value: string): string | null {
  const control = CONTROL.exec(value);
  if (!control) return null;
  const name = control[0] === '\n' || control[0] === '\r' ? 'a line end' : 'a control character';
  return `has ${name}, which would end the header; write it on one line (in YAML: > instead of |, and - at its end)`;
}

/** Why a text is no word of a list in a header, as names and methods are. Source: RFC 9110 5.6.2. */
export function tokenFault(text: string): string | null {
  return TOKEN.test(text) ? null : `"${shown(text)}" is no name of a header or method`;
}

/** Why a text is no authority: a host, with or without a port. Source: RFC 3986 3.2. */
export function authorityFault(text: string): string | null {
  const [, host, port] = AUTHORITY.exec(text) ?? [];
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
  return host === undefined || !isPort ? `"${shown(text)}" is no host with or without a port` : null;
}

/** Why a text is no host. */
export function hostFault(text: string): string | null {
  const [, host, port] = AUTHORITY.exec(text) ?? [];
  return host === undefined || port !== undefined ? `"${shown(text)}" is no host` : null;
}

/** Why a text is no path of a request, without a query. Source: RFC 3986 3.3. */
export function pathFault(text: string): string | null {
  if (!text.startsWith('/')) return 'does not begin with "/"';
  return pathPartFault(text);
}

/** Why a text is no path of a request, with or without a query. */
export function pathAndQueryFault(text: string): string | null {
  return pathFault(text.replace('?', ''));
}

/** Why a text cannot be a part of a path. */
export function pathPartFault(text: string): string | null {
  const [other] = /[^!$%&'()*+,\-./0-9:;=@A-Z_a-z~"<>[\]^`{|}]/u.exec(text) ?? [];
  return other === undefined ? null : `has ${JSON.stringify(other)}, which no path has; write it percent-encoded`;
}

/** At a length that fits into a line. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80)).slice(1, -1);
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;
/** All but the tab, and what UTF-16 has of half characters. */
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]|\p{Surrogate}/u;
const AUTHORITY = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9\-._~!$&'()*+,;=%]{1,255})(?::(\d{1,5}))?$/;
const FRAMING = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'te', 'trailer', 'keep-alive'];
