/**
 * Texts that an issuer is made of, by file name: `tls.crt` and `tls.key`, optionally `ca.crt` (kubernetes.io/tls, as cert-manager
 * writes it), or `crt.pem` and `key.pem` (Linkerd).
 */
export type IssuerFiles = Readonly<Record<string, string>>;

/** Names that files of an issuer may have. */
export const ISSUER_FILE_NAMES: ReadonlySet<string> = new Set(['tls.crt', 'tls.key', 'ca.crt', 'crt.pem', 'key.pem']);

/** The files that a Secret's data has: base64 of UTF-8. */
export function secretFiles(data: Readonly<Record<string, string>> | undefined): IssuerFiles {
  const files: Record<string, string> = {};
  for (const [name, value] of Object.entries(data ?? {})) {
    if (ISSUER_FILE_NAMES.has(name)) files[name] = Buffer.from(value, 'base64').toString('utf8');
  }
  return files;
}

/** PEM of the issuer, followed by its intermediates, whichever file has it; empty: none has. */
export function certificateText(files: IssuerFiles): string {
  return files['tls.crt'] ?? files['crt.pem'] ?? '';
}
