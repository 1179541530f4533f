/**
 * Environment of identity: written by the manifests and `weft run`, read by `identity/config.ts` alone, which says what
 * each variable means.
 */
export const ENV_MODE = 'WEFT_IDENTITY_MODE';
export const ENV_LISTEN = 'WEFT_IDENTITY_LISTEN';
export const ENV_ADMIN_LISTEN = 'WEFT_IDENTITY_ADMIN_LISTEN';
export const ENV_TRUST_DOMAIN = 'WEFT_IDENTITY_TRUST_DOMAIN';
export const ENV_CONTROL_NAMESPACE = 'WEFT_IDENTITY_CONTROL_NAMESPACE';
export const ENV_ISSUANCE_LIFETIME = 'WEFT_IDENTITY_ISSUANCE_LIFETIME';
export const ENV_AUTHORITY_LIFETIME = 'WEFT_IDENTITY_AUTHORITY_LIFETIME';
export const ENV_ISSUER_DIRECTORY = 'WEFT_IDENTITY_ISSUER_DIRECTORY';
export const ENV_TRUST_ROOTS_FILE = 'WEFT_IDENTITY_TRUST_ROOTS_FILE';
export const ENV_TOKEN_KEY_FILE = 'WEFT_IDENTITY_TOKEN_KEY_FILE';
export const ENV_TOKEN_ISSUER = 'WEFT_IDENTITY_TOKEN_ISSUER';
export const ENV_LOG_LEVEL = 'WEFT_IDENTITY_LOG_LEVEL';
export const ENV_SHUTDOWN_GRACE = 'WEFT_IDENTITY_SHUTDOWN_GRACE';

/** The claim `iss` of tokens that stand in for Kubernetes' own, unless told otherwise. */
export const DEFAULT_TOKEN_ISSUER = 'weft.dev/embedded';

/** The least and most that workload certificates may live, milliseconds, both included. */
export const ISSUANCE_LIFETIME_MS = [10_000, 720 * 3_600_000] as const;
/** The least and most that roots and issuers may live, milliseconds, both included. */
export const AUTHORITY_LIFETIME_MS = [3_600_000, 219_000 * 3_600_000] as const;
