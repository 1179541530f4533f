/** Why a header of that name cannot be changed; null: it can. Source: RFC 9110 5.6.2. */
export function headerNameFault(name: string): string | null {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/.test(name)) return `"${name}" is no header name`;
  if (FRAMING.includes(name.toLowerCase()))
    return `"${name}" cannot be changed, since it delimits the message or its connection`;
  return null;
}

const FRAMING = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'te', 'trailer', 'keep-alive'];
