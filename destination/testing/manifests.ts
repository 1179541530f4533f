import { CONTROL_NAMESPACE, CONTROL_NAMESPACE_LABEL } from '../../api/names.ts';
import { REVOCATIONS_CONFIG_MAP } from '../../api/revocations.ts';

/** Manifests of a small cluster, as an API server would show them. Everything is in `default` unless told otherwise. */

export function pod(
  name: string,
  ip: string,
  fields: {
    labels?: object;
    annotations?: object;
    meshed?: boolean;
    uid?: string;
    spec?: object;
    metadata?: object;
    status?: object;
  } = {},
) {
  const mesh = fields.meshed === false ? {} : { [CONTROL_NAMESPACE_LABEL]: CONTROL_NAMESPACE };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: fields.uid ?? `uid-${name}`,
      labels: { app: 'api', ...mesh, ...fields.labels },
      annotations: { ...fields.annotations },
      ...fields.metadata,
    },
    spec: {
      serviceAccountName: 'api',
      containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }],
      ...fields.spec,
    },
    status: { phase: 'Running', podIP: ip, ...fields.status },
  };
}

export function service(
  name: string,
  clusterIP: string,
  fields: { annotations?: object; port?: object; spec?: object } = {},
) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', annotations: { ...fields.annotations } },
    spec: {
      clusterIP,
      selector: { app: name },
      ports: [{ port: 80, targetPort: 8080, ...fields.port }],
      ...fields.spec,
    },
  };
}

/** The slice of a Service with its pods: `[pod name, ip, conditions and other fields]`. */
export function slice(
  serviceName: string,
  endpoints: readonly (readonly [pod: string, ip: string, fields?: object])[],
  port = 8080,
) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${serviceName}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': serviceName } },
    addressType: 'IPv4',
    endpoints: endpoints.map(([name, ip, fields]) => ({
      addresses: [ip],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name, namespace: 'default', uid: `uid-${name}` },
      ...fields,
    })),
    ports: [{ name: '', port, protocol: 'TCP' }],
  };
}

export function namespace(name: string, annotations: object = {}) {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations } };
}

export function deployment(
  name: string,
  fields: { annotations?: object; templateAnnotations?: object; labels?: object; createdAt?: string } = {},
) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace: 'default',
      annotations: { ...fields.annotations },
      creationTimestamp: fields.createdAt ?? '2026-01-01T00:00:00Z',
    },
    spec: {
      template: {
        metadata: { labels: { app: 'api', ...fields.labels }, annotations: { ...fields.templateAnnotations } },
      },
    },
  };
}

export function serviceProfile(name: string, spec: object) {
  return { apiVersion: 'linkerd.io/v1alpha2', kind: 'ServiceProfile', metadata: { name, namespace: 'default' }, spec };
}

/** A Server for port 8080 of the pods labelled `app: api`, unless told otherwise. */
export function server(name: string, spec: object, createdAt = '2026-01-01T00:00:00Z') {
  return {
    apiVersion: 'policy.linkerd.io/v1beta3',
    kind: 'Server',
    metadata: { name, namespace: 'default', creationTimestamp: createdAt },
    spec: { podSelector: { matchLabels: { app: 'api' } }, port: 8080, accessPolicy: 'all-unauthenticated', ...spec },
  };
}

/** A PeerAuthentication or an AuthorizationPolicy of Istio. */
export function istioSecurity(kind: string, name: string, spec: object, annotations: object = {}) {
  return {
    apiVersion: 'security.istio.io/v1',
    kind,
    metadata: { name, namespace: 'default', annotations },
    spec,
  };
}

/** An object of Linkerd's policy group. */
export function linkerdPolicy(kind: string, name: string, spec: object, version = 'v1alpha1') {
  return { apiVersion: `policy.linkerd.io/${version}`, kind, metadata: { name, namespace: 'default' }, spec };
}

/** An HTTPLocalRateLimitPolicy of a Server. */
export function rateLimit(name: string, serverName: string, spec: object) {
  return {
    apiVersion: 'policy.linkerd.io/v1alpha1',
    kind: 'HTTPLocalRateLimitPolicy',
    metadata: { name, namespace: 'default' },
    spec: { targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: serverName }, ...spec },
  };
}

/** A VirtualService, for the host `api` unless the spec names others. */
export function virtualService(name: string, spec: object) {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: { hosts: ['api'], ...spec },
  };
}

/** The ConfigMap of what is revoked, which counts in Weft's own namespace. */
export function revocations(namespace: string, data: Readonly<Record<string, string>>) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: REVOCATIONS_CONFIG_MAP, namespace }, data };
}
