/**
 * `x-forwarded-client-cert` of a client that proved who it is: `By=<own URI>;Hash=<certificate>;URI=<client's URI>`, without
 * `URI` where it has none.
 *
 * A value with one of `,;="` is quoted, so that it is no other element. Backslashes are escaped beside quotes, which Envoy
 * leaves: `\"` would end the value where a reader takes `\\` for one.
 *
 * @param by own SPIFFE URI
 * @param client.certificateHash SHA-256 of its certificate (DER), lower-case hexadecimal
 *
 * Source: Envoy, "HTTP header manipulation", x-forwarded-client-cert.
 */
export function forwardedClientCert(
  by: string,
  { spiffe, certificateHash }: { readonly spiffe: string; readonly certificateHash: string },
): string {
  const elements = [`By=${quoted(by)}`, `Hash=${certificateHash}`, ...(spiffe === '' ? [] : [`URI=${quoted(spiffe)}`])];
  return elements.join(';');
}

function quoted(value: string): string {
  return /[,;="]/.test(value) ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : value;
}
