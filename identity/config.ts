import * as env from '../api/identity-environment.ts';
import { CONTROL_NAMESPACE, DEFAULT_TRUST_DOMAIN } from '../api/names.ts';
import { CONTROL_ADMIN_PORT, IDENTITY_PORT } from '../api/ports.ts';
import type { IdentityDomain } from '../api/workload-identity.ts';
import { readEnvironment, setting } from '../core/config/environment.ts';
import { ADDRESS, DURATION, durationBetween, oneOf, TEXT } from '../core/config/setting-kinds.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { LOG_LEVELS, type LogLevel } from '../core/log/log.ts';

/** The environment of identity. */
export const SETTINGS = {
  mode: setting(
    env.ENV_MODE,
    oneOf(['kubernetes', 'embedded'] as const),
    'kubernetes',
    '`kubernetes`: TokenReview, a Secret, bootstrap; `embedded`: everything from files.',
  ),
  listen: setting(
    env.ENV_LISTEN,
    ADDRESS,
    `[::]:${IDENTITY_PORT}`,
    'Address of `POST /v1/certify`. Port 0: any free one, which the log line `ready` names.',
  ),
  adminListen: setting(
    env.ENV_ADMIN_LISTEN,
    ADDRESS,
    `[::]:${CONTROL_ADMIN_PORT}`,
    'Address of /live, /ready and /metrics, in plain HTTP.',
  ),
  trustDomain: setting(
    env.ENV_TRUST_DOMAIN,
    TEXT,
    DEFAULT_TRUST_DOMAIN,
    "Domain of SPIFFE URIs and DNS identities; the default lets Istio's principals match unchanged.",
  ),
  controlNamespace: setting(
    env.ENV_CONTROL_NAMESPACE,
    TEXT,
    CONTROL_NAMESPACE,
    "Namespace of the control plane: part of every DNS identity, and where the issuer's Secret lies.",
  ),
  issuanceLifetime: setting(
    env.ENV_ISSUANCE_LIFETIME,
    durationBetween(...env.ISSUANCE_LIFETIME_MS),
    '24h',
    "Lifetime of a workload's certificate; the default is Linkerd's and Istio's.",
  ),
  authorityLifetime: setting(
    env.ENV_AUTHORITY_LIFETIME,
    durationBetween(...env.AUTHORITY_LIFETIME_MS),
    '87600h',
    'Lifetime of the root and issuer that bootstrap makes.',
  ),
  issuerDirectory: setting(
    env.ENV_ISSUER_DIRECTORY,
    TEXT,
    '',
    'Embedded: directory of `tls.crt`, `tls.key` and `ca.crt`, or `crt.pem` and `key.pem`. Read again when it changes.',
  ),
  trustRootsFile: setting(
    env.ENV_TRUST_ROOTS_FILE,
    TEXT,
    '',
    'Embedded: PEM file of every root to trust; unset: `ca.crt` of the issuer directory.',
  ),
  tokenKeyFile: setting(
    env.ENV_TOKEN_KEY_FILE,
    TEXT,
    '',
    'Embedded: PEM file of the P-256 public key that tokens are signed with (ES256).',
  ),
  tokenIssuer: setting(
    env.ENV_TOKEN_ISSUER,
    TEXT,
    env.DEFAULT_TOKEN_ISSUER,
    'Embedded: the claim `iss` that tokens must have.',
  ),
  logLevel: setting(env.ENV_LOG_LEVEL, oneOf(LOG_LEVELS), 'info', 'The least that is logged.'),
  shutdownGrace: setting(
    env.ENV_SHUTDOWN_GRACE,
    DURATION,
    '10s',
    'How long requests under way may take after SIGTERM.',
  ),
};

/** {@link SETTINGS} as identity uses them, with durations in milliseconds. */
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
  const read = readEnvironment(SETTINGS, variables, (values, problem) => {
    if (values.mode !== 'embedded') return;
    for (const key of ['issuerDirectory', 'tokenKeyFile'] as const) if (!values[key]) problem(key, 'is not set');
  });
  return Object.freeze({
    listen: read.listen,
    adminListen: read.adminListen,
    domain: { trustDomain: read.trustDomain, controlNamespace: read.controlNamespace },
    issuanceLifetimeMs: read.issuanceLifetime,
    authorityLifetimeMs: read.authorityLifetime,
    embedded:
      read.mode === 'embedded'
        ? {
            issuerDirectory: read.issuerDirectory,
            trustRootsFile: read.trustRootsFile || null,
            tokenKeyFile: read.tokenKeyFile,
            tokenIssuer: read.tokenIssuer,
          }
        : null,
    logLevel: read.logLevel,
    shutdownGraceMs: read.shutdownGrace,
  });
}
