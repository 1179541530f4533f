import type { FieldReader } from '../field-reader.ts';
import type { TlsOrigination } from './destination-rule.ts';

/**
 * Reads `tls`. What proxies do between themselves is mutual TLS in any case; `DISABLE` switches it off towards the host, and
 * TLS to the application itself (`SIMPLE`, `MUTUAL`) is not begun here.
 *
 * Source: DestinationRule, "ClientTLSSettings".
 */
export function readTls(reader: FieldReader): TlsOrigination {
  reader.allow(['mode', ...CERTIFICATES, ...NAMES]);
  const mode = reader.optionalText('mode') ?? 'DISABLE';
  const certificates = CERTIFICATES.filter((name) => reader.has(name));
  switch (mode) {
    case 'DISABLE':
      warnOf(reader, [...certificates, ...NAMES], 'is not looked at, since the mode is DISABLE');
      return 'plain';
    case 'ISTIO_MUTUAL':
      for (const name of certificates) reader.problem(name, 'is not allowed: ISTIO_MUTUAL uses the workload’s own');
      warnOf(reader, NAMES, 'is not looked at: the mesh knows the identity of its workloads');
      return 'mesh';
    case 'SIMPLE':
    case 'MUTUAL':
      reader.warning('mode', `${mode} is not supported: requests to the host get 503 rather than go out without TLS`);
      warnOf(reader, [...certificates, ...NAMES], `is not looked at, since ${mode} is not supported`);
      return 'origination';
    default:
      reader.problem('mode', `"${mode}" is none of DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL`);
      return 'origination';
  }
}

function warnOf(reader: FieldReader, names: readonly string[], message: string): void {
  for (const name of names) if (reader.has(name)) reader.warning(name, message);
}

const CERTIFICATES = ['clientCertificate', 'privateKey', 'caCertificates', 'credentialName', 'caCrl'];
const NAMES = ['subjectAltNames', 'sni', 'insecureSkipVerify'];
