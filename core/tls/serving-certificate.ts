/** Key and certificate chain in PEM, as a TLS server takes them. */
export interface ServingCertificate {
  readonly key: string;
  readonly cert: string;
}
