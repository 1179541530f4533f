/**
 * Names that more than one program spells: the control namespace, labels, annotations, objects, containers.
 * Nothing else writes these strings. Documented for users in docs/reference/names.md and annotations.md.
 */

/** Namespace of the control plane. */
export const CONTROL_NAMESPACE = 'weft';

/** API group of Weft's own objects, and prefix of its labels and annotations. */
export const API_GROUP = 'weft.dev';
/** Type of the condition on objects whose status has one list of conditions for all who read them. */
export const ACCEPTED_CONDITION = `${API_GROUP}/Accepted`;

/** Label or annotation on a namespace or pod: `enabled`, `disabled` or `ingress`. */
export const INJECT = 'weft.dev/inject';

/** Linkerd's and Istio's own words for injection, each on namespaces and pods as its mesh defines it. */
export const LINKERD_INJECT = 'linkerd.io/inject';
export const ISTIO_INJECTION = 'istio-injection';
export const ISTIO_REVISION = 'istio.io/rev';
export const ISTIO_SIDECAR_INJECT = 'sidecar.istio.io/inject';

/**
 * Label that the webhook keeps on namespaces that ask for injection by annotation, with the annotation's value: the API
 * server selects by label alone.
 */
export const NAMESPACE_ANNOTATION_LABEL = 'weft.dev/inject-by-annotation';

/**
 * Annotation on a namespace: `enabled` lets the webhook restart, once, workloads whose pods should have a proxy and have
 * none. The pod template of a workload that was restarted has the second, with the time.
 */
export const RESTART_UNINJECTED_ANNOTATION = 'weft.dev/restart-uninjected';
export const RESTARTED_ANNOTATION = 'weft.dev/restarted-to-inject-at';

/** Annotation on a Deployment or its pod template: a ServiceProfile's name, or inline YAML of its `spec`. */
export const ROUTE_PROFILE_ANNOTATION = 'weft.dev/route-profile';

/** Annotation on a pod or namespace, with the values of {@link DEFAULT_INBOUND_POLICIES}. */
export const DEFAULT_INBOUND_POLICY_ANNOTATION = 'weft.dev/default-inbound-policy';

/** Annotation on a pod or namespace: ports whose clients have to prove who they are. */
export const REQUIRE_IDENTITY_PORTS_ANNOTATION = 'weft.dev/require-identity-inbound-ports';

/** Annotations on a Service, pod or namespace: ports that carry no HTTP, `25,3306,6379-6381`. */
export const OPAQUE_PORTS_ANNOTATION = 'weft.dev/opaque-ports';
export const LINKERD_OPAQUE_PORTS_ANNOTATION = 'config.linkerd.io/opaque-ports';

/**
 * Annotation on a Service or namespace: `enabled` lets a request say itself how it is retried and timed out, by the headers
 * that Linkerd and Envoy have for that.
 */
export const REQUEST_OVERRIDES_ANNOTATION = 'weft.dev/request-overrides';

/** Annotations on a pod or namespace: ports and CIDRs that the redirect rules leave alone. */
export const SKIP_INBOUND_PORTS_ANNOTATION = 'weft.dev/skip-inbound-ports';
export const SKIP_OUTBOUND_PORTS_ANNOTATION = 'weft.dev/skip-outbound-ports';
export const SKIP_SUBNETS_ANNOTATION = 'weft.dev/skip-subnets';

/** Annotation on a pod or namespace: ports whose HTTP/1 clients may end their sending side and still wait for the answer. */
export const HALF_CLOSED_PORTS_ANNOTATION = 'weft.dev/half-closed-ports';

/** Annotation on a pod or namespace: `init` (redirect rules) or `none` (the application uses the proxy explicitly). */
export const CAPTURE_ANNOTATION = 'weft.dev/capture';

/** Label on every injected pod: the namespace of the control plane that its proxy obeys. */
export const CONTROL_NAMESPACE_LABEL = 'weft.dev/control-plane-namespace';

/** Annotation on every injected pod: version and settings hash, the record of the injection. */
export const INJECTED_ANNOTATION = 'weft.dev/injected';

/** Values of the default inbound policy, which are Linkerd's. The first is the default. */
export const DEFAULT_INBOUND_POLICIES = [
  'all-unauthenticated',
  'all-authenticated',
  'cluster-unauthenticated',
  'cluster-authenticated',
  'deny',
  'audit',
] as const;

/**
 * Whom a pod lets in by default: `all-` anybody, `cluster-` clients with an address in the cluster's networks;
 * `-authenticated` only those with an identity of the mesh; `deny` nobody; `audit` anybody, and clients without an
 * identity are counted. The pod itself is let in under each.
 *
 * Source: https://linkerd.io/2/reference/authorization-policy/#default-policies
 */
export type DefaultInboundPolicy = (typeof DEFAULT_INBOUND_POLICIES)[number];

export const DISCOVERY_FAILURE_POLICIES = ['fail-cluster', 'fail', 'forward'] as const;

/**
 * What becomes of connections to an address that discovery gives no answer for in time: `fail-cluster` ends those to addresses
 * in the cluster's networks and forwards others untouched, `fail` ends all, `forward` forwards all (Kubernetes' words for the
 * same choice at webhooks are `Fail` and `Ignore`).
 */
export type DiscoveryFailurePolicy = (typeof DISCOVERY_FAILURE_POLICIES)[number];

/** Private and carrier-grade networks (RFC 1918, RFC 6598, RFC 4193), which is where clusters are; Linkerd's default. */
export const DEFAULT_CLUSTER_NETWORKS = '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8';

/** Ports of server-first protocols: no HTTP detection on them unless a Service says otherwise. */
export const DEFAULT_OPAQUE_PORTS = '25,587,3306,4444,5432,6379,9300,11211';

export const PROXY_CONTAINER = 'weft-proxy';
export const INIT_CONTAINER = 'weft-init';

/** User id of the proxy, exempt from the redirect rules. */
export const PROXY_UID = 2102;

export const ISSUER_SECRET = 'weft-identity-issuer';
export const WEBHOOK_TLS_SECRET = 'weft-webhook-tls';
export const TRUST_ROOTS_CONFIG_MAP = 'weft-trust-roots';
export const TRUST_ROOTS_KEY = 'ca-bundle.pem';
/** Key of the same ConfigMap in Weft's own namespace: an RFC 3339 time; certificates that were made before it are renewed. */
export const RENEW_ISSUED_BEFORE_KEY = 'renew-issued-before';

/** On the Secret of the authorities that take over: when they did, RFC 3339. */
export const SWITCHED_AT_ANNOTATION = 'weft.dev/switched-at';

/** Audience of the service-account tokens that proxies show to identity. */
export const TOKEN_AUDIENCE = 'identity.weft.dev';

export const DEFAULT_TRUST_DOMAIN = 'cluster.local';
export const DEFAULT_CLUSTER_DOMAIN = 'cluster.local';

/** Service accounts of the control plane; their DNS identities are what proxies expect of the servers. */
export const IDENTITY_SERVICE_ACCOUNT = 'weft-identity';
export const DESTINATION_SERVICE_ACCOUNT = 'weft-destination';
export const WEBHOOK_SERVICE_ACCOUNT = 'weft-webhook';
