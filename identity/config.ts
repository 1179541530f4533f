import { CONTROL_NAMESPACE, DEFAULT_TRUST_DOMAIN } from '../api/names.ts';
import { CONTROL_ADMIN_PORT, IDENTITY_PORT } from '../api/ports.ts';
import type { IdentityDomain } from '../api/workload-identity.ts';
import { Environment } from '../core/config/environment.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { LOG_LEVELS, type LogLevel } from '../core/log/log.ts';

/** `kubernetes` (TokenReview, Secret, bootstrap) or `embedded` (everything from files). Default `kubernetes`. */
export const ENV_MODE = 'WEFT_IDENTITY_MODE';
/** `host:port` of `POST /v1/certify`. Port 0: any free one, which the log line `ready` names. Default `[::]:8443`. */
export const ENV_LISTEN = 'WEFT_IDENTITY_LISTEN';
/** `host:port` of /live, /ready and /metrics, in plain HTTP. Default `[::]:9990`. */
export const ENV_ADMIN_LISTEN = 'WEFT_IDENTITY_ADMIN_LISTEN';
/** Domain of SPIFFE URIs and DNS identities. Default `cluster.local`, so that Istio's principals match unchanged. */
export const ENV_TRUST_DOMAIN = 'WEFT_IDENTITY_TRUST_DOMAIN';
/** Namespace of the control plane: part of every DNS identity, and where the issuer's Secret lies. Default `weft`. */
export const ENV_CONTROL_NAMESPACE = 'WEFT_IDENTITY_CONTROL_NAMESPACE';
/** Lifetime of a workload's certificate, 10s to 720h. Default 24h, as Linkerd's and Istio's. */
export const ENV_ISSUANCE_LIFETIME = 'WEFT_IDENTITY_ISSUANCE_LIFETIME';
/** Lifetime of the root and issuer that bootstrap makes, 1h to 219000h (25 years). Default 87600h (10 years). */
export const ENV_AUTHORITY_LIFETIME = 'WEFT_IDENTITY_AUTHORITY_LIFETIME';
/** Embedded: directory of `tls.crt`, `tls.key` and `ca.crt`, or `crt.pem` and `key.pem`. Read again when it changes. */
export const ENV_ISSUER_DIRECTORY = 'WEFT_IDENTITY_ISSUER_DIRECTORY';
/** Embedded: PEM file of every root to trust. Default: `ca.crt` of the issuer directory. */
export const ENV_TRUST_ROOTS_FILE = 'WEFT_IDENTITY_TRUST_ROOTS_FILE';
/** Embedded: PEM file of the P-256 public key that tokens are signed with (ES256). */
export const ENV_TOKEN_KEY_FILE = 'WEFT_IDENTITY_TOKEN_KEY_FILE';
/** Embedded: the claim `iss` that tokens must have. Default `weft.dev/embedded`. */
export const ENV_TOKEN_ISSUER = 'WEFT_IDENTITY_TOKEN_ISSUER';
/** trace, debug, info, warn, error or silent. Default info. */
export const ENV_LOG_LEVEL = 'WEFT_IDENTITY_LOG_LEVEL';
/** How long requests under way may take after SIGTERM. Default 10s. */
export const ENV_SHUTDOWN_GRACE = 'WEFT_IDENTITY_SHUTDOWN_GRACE';

export interface IdentityConfig {
  readonly listen: SocketAddress;
  readonly adminListen: SocketAddress;
  readonly domain: IdentityDomain;
  readonly issuanceLifetimeMs: number;
  readonly authorityLifetimeMs: number;
  /** null: Kubernetes. */
  readonly embedded: EmbeddedConfig | null;
  readonly logLevel: LogLevel;
  readonly shutdownGraceMs: number;
}

/** Files that stand in for Kubernetes. */
export interface EmbeddedConfig {
  readonly issuerDirectory: string;
  /** null: `ca.crt` of the issuer directory. */
  readonly trustRootsFile: string | null;
  readonly tokenKeyFile: string;
  readonly tokenIssuer: string;
}

/**
 * Settings of identity.
 *
 * @throws ConfigError naming every variable that is wrong
 */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): IdentityConfig {
  const environment = new Environment(variables);
  const config: IdentityConfig = {
    listen: environment.address(ENV_LISTEN, `[::]:${IDENTITY_PORT}`),
    adminListen: environment.address(ENV_ADMIN_LISTEN, `[::]:${CONTROL_ADMIN_PORT}`),
    domain: {
      trustDomain: environment.text(ENV_TRUST_DOMAIN, DEFAULT_TRUST_DOMAIN),
      controlNamespace: environment.text(ENV_CONTROL_NAMESPACE, CONTROL_NAMESPACE),
    },
    issuanceLifetimeMs: readLifetime(environment, ENV_ISSUANCE_LIFETIME, 24 * HOUR_MS, [10_000, 720 * HOUR_MS]),
    authorityLifetimeMs: readLifetime(environment, ENV_AUTHORITY_LIFETIME, 87_600 * HOUR_MS, [
      HOUR_MS,
      219_000 * HOUR_MS,
    ]),
    embedded: environment.oneOf(ENV_MODE, MODES, 'kubernetes') === 'embedded' ? readEmbedded(environment) : null,
    logLevel: environment.oneOf(ENV_LOG_LEVEL, LOG_LEVELS, 'info'),
    shutdownGraceMs: environment.duration(ENV_SHUTDOWN_GRACE, 10_000),
  };
  environment.check();
  return Object.freeze(config);
}

function readEmbedded(environment: Environment): EmbeddedConfig {
  return {
    issuerDirectory: environment.text(ENV_ISSUER_DIRECTORY),
    trustRootsFile: environment.text(ENV_TRUST_ROOTS_FILE, '') || null,
    tokenKeyFile: environment.text(ENV_TOKEN_KEY_FILE),
    tokenIssuer: environment.text(ENV_TOKEN_ISSUER, DEFAULT_TOKEN_ISSUER),
  };
}

function readLifetime(
  environment: Environment,
  name: string,
  fallbackMs: number,
  [min, max]: [number, number],
): number {
  const lifetimeMs = environment.duration(name, fallbackMs);
  if (lifetimeMs < min || lifetimeMs > max) {
    environment.problem(name, `must be from ${min / 1000}s to ${max / HOUR_MS}h`);
  }
  return lifetimeMs;
}

export const DEFAULT_TOKEN_ISSUER = 'weft.dev/embedded';
const MODES = ['kubernetes', 'embedded'] as const;
const HOUR_MS = 3_600_000;
