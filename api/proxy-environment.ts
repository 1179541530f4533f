/**
 * Environment of the proxy: written by `webhook/inject` and `weft run`, read by `proxy/config.ts` alone.
 * Durations are `300ms`, `10s`, `5m`, `1h`; lists are comma-separated.
 */

/** Own pod: name, namespace, UID, service account, addresses (comma list). From the downward API. */
export const ENV_POD_NAME = 'WEFT_PROXY_POD_NAME';
export const ENV_POD_NAMESPACE = 'WEFT_PROXY_POD_NAMESPACE';
export const ENV_POD_UID = 'WEFT_PROXY_POD_UID';
export const ENV_POD_SERVICE_ACCOUNT = 'WEFT_PROXY_POD_SERVICE_ACCOUNT';
export const ENV_POD_IPS = 'WEFT_PROXY_POD_IPS';

/** Listen addresses as `ip:port` lists, e.g. `[::]:4143`. */
export const ENV_INBOUND_LISTEN = 'WEFT_PROXY_INBOUND_LISTEN';
export const ENV_OUTBOUND_LISTEN = 'WEFT_PROXY_OUTBOUND_LISTEN';
export const ENV_ADMIN_LISTEN = 'WEFT_PROXY_ADMIN_LISTEN';
/** `ip:port` of the explicit proxy (`HTTP_PROXY`): absolute-form requests and CONNECT. Empty: off. */
export const ENV_EXPLICIT_LISTEN = 'WEFT_PROXY_EXPLICIT_LISTEN';
/** `ip` of the pod's application, where it is not the connection's own destination (loopback network). */
export const ENV_APPLICATION_ADDRESS = 'WEFT_PROXY_APPLICATION_ADDRESS';

export const ENV_TRUST_DOMAIN = 'WEFT_PROXY_TRUST_DOMAIN';
export const ENV_CONTROL_NAMESPACE = 'WEFT_PROXY_CONTROL_NAMESPACE';
export const ENV_CLUSTER_DOMAIN = 'WEFT_PROXY_CLUSTER_DOMAIN';

/** `host:port` of the control plane's servers. */
export const ENV_IDENTITY_ADDRESS = 'WEFT_PROXY_IDENTITY_ADDRESS';
export const ENV_DESTINATION_ADDRESS = 'WEFT_PROXY_DESTINATION_ADDRESS';

/** File of the projected service-account token, read again at every renewal. */
export const ENV_TOKEN_FILE = 'WEFT_PROXY_TOKEN_FILE';
/** PEM of the roots at injection; superseded by the file below once a bundle has been delivered. */
export const ENV_TRUST_ROOTS = 'WEFT_PROXY_TRUST_ROOTS';
/** File (memory-backed volume) that keeps the last delivered bundle across restarts of the container. */
export const ENV_TRUST_BUNDLE_FILE = 'WEFT_PROXY_TRUST_BUNDLE_FILE';

/** One of the default inbound policies, used until destination has spoken. */
export const ENV_DEFAULT_INBOUND_POLICY = 'WEFT_PROXY_DEFAULT_INBOUND_POLICY';
/** Opaque ports known at injection, used until destination has spoken: `25,3306,6379-6381`. */
export const ENV_OPAQUE_PORTS = 'WEFT_PROXY_OPAQUE_PORTS';
/** Paths of the pod's own HTTP probes, by port, as JSON `{"8080":["/healthz"]}`: exempt from inbound policy. */
export const ENV_PROBE_PATHS = 'WEFT_PROXY_PROBE_PATHS';

export const ENV_LOG_LEVEL = 'WEFT_PROXY_LOG_LEVEL';
/** How long a drain may take after SIGTERM. */
export const ENV_SHUTDOWN_GRACE = 'WEFT_PROXY_SHUTDOWN_GRACE';
/** `enabled`: POST /shutdown on the admin port works from loopback. */
export const ENV_ADMIN_SHUTDOWN = 'WEFT_PROXY_ADMIN_SHUTDOWN';
export const ENV_OUTBOUND_CONNECT_TIMEOUT = 'WEFT_PROXY_OUTBOUND_CONNECT_TIMEOUT';
export const ENV_INBOUND_CONNECT_TIMEOUT = 'WEFT_PROXY_INBOUND_CONNECT_TIMEOUT';
/** How long a silent client is waited for before the server is dialled to speak first. */
export const ENV_DETECT_TIMEOUT = 'WEFT_PROXY_DETECT_TIMEOUT';

/** File names of the mounts that injection adds. */
export const TOKEN_DIRECTORY = '/var/run/secrets/weft.dev/token';
export const TOKEN_FILE = `${TOKEN_DIRECTORY}/token`;
export const BUNDLE_DIRECTORY = '/var/run/weft/bundle';
export const TRUST_BUNDLE_FILE = `${BUNDLE_DIRECTORY}/ca-bundle.pem`;
