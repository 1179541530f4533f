import { isIP } from 'node:net';

/** A host (name or IP literal, without brackets) and a port. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `10.0.0.1:80`, `[::1]:80` or `name:80`; null when the text is none of them. */
export function parseSocketAddress(text: string): SocketAddress | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text.trim());
  if (!match) return null;
  const port = Number(match[3]);
  if (port > 65_535) return null;
  if (match[1] !== undefined) return isIP(match[1]) === 6 ? { host: match[1], port } : null;
  return { host: match[2]!, port };
}

/** `host:port`, with brackets around an IPv6 literal (RFC 3986 section 3.2.2). @param port as metrics name it, too */
export function formatSocketAddress(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
