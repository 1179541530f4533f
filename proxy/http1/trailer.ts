/**
 * Whether a field has no place in trailers (RFC 9110 section 6.5.1): it frames or routes a message, is about one connection,
 * is a condition or a control of the request, says who sent it, or how its content is to be read.
 *
 * @param lowerName in lower case
 */
export function isForbiddenTrailer(lowerName: string): boolean {
  return FORBIDDEN.has(lowerName) || lowerName.startsWith('if-');
}

const FORBIDDEN: ReadonlySet<string> = new Set([
  // Framing and routing.
  'content-length',
  'transfer-encoding',
  'host',
  'trailer',
  // One connection.
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  // Controls.
  'cache-control',
  'expect',
  'max-forwards',
  'pragma',
  'range',
  // Who it is.
  'authorization',
  'cookie',
  'proxy-authenticate',
  'proxy-authorization',
  'set-cookie',
  'www-authenticate',
  // How to read the content.
  'content-encoding',
  'content-range',
  'content-type',
]);
