import {
  CONTROL_NAMESPACE_LABEL,
  INJECTED_ANNOTATION,
  NAMESPACE_ANNOTATION_LABEL,
  REQUEST_OVERRIDES_ANNOTATION,
  RESTARTED_ANNOTATION,
} from './names.ts';
import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from './ports.ts';
import {
  ALPN_TRANSPORT_HEADER,
  ALPN_WEFT_HTTP,
  ALPN_WEFT_OPAQUE,
  ALPN_WEFT_OPAQUE_UNCONFIRMED,
  CLIENT_ID_HEADER,
  DST_CANONICAL_HEADER,
  DST_OVERRIDE_HEADER,
  ENVOY_OVERRIDE_HEADERS,
  FORWARDED_CLIENT_CERT_HEADER,
  LINKERD_OVERRIDE_HEADERS,
  ORIG_PROTO_HEADER,
  PROXY_ERROR_HEADER,
  UPGRADE_METHOD_HEADER,
} from './proxy-headers.ts';

/**
 * Whose message a proxy takes a header from:
 *
 *     application ─request─▶ client's proxy ─▶ ─client─▶ server's proxy ─▶ server
 *                            client's proxy ◀─endpoint─  server's proxy ◀─answer─ server
 *                            client's proxy ◀─stranger─  a server without a proxy of ours
 *     a client without an identity ─────────▶ ─outsider▶ server's proxy ─▶ server
 */
export type Speaker = 'application' | 'client' | 'outsider' | 'server' | 'endpoint' | 'stranger';

/** A header that the mesh hears, and that not everybody may say. */
export interface MeshHeader {
  /** In lower case. */
  readonly name: string;
  /** In whose messages it is removed; from a message's trailers, and by its twin with underscores, always. */
  readonly removedFrom: readonly Speaker[];
  /** For users: who says it, and what it says. */
  readonly saidBy: string;
  /** For users: who hears it. */
  readonly heardBy: string;
}

/** Every header that only the mesh, or an application to its own proxy, may say, in requests and answers. The proxy removes by it. */
export const MESH_HEADERS: readonly MeshHeader[] = [
  {
    name: CLIENT_ID_HEADER,
    removedFrom: ['client'],
    saidBy: 'the server’s proxy: the verified identity of the client',
    heardBy: 'the application',
  },
  {
    name: FORWARDED_CLIENT_CERT_HEADER,
    removedFrom: ['client'],
    saidBy:
      'the server’s proxy: the client’s SPIFFE name as `URI=`, the SHA-256 of its certificate as `Hash=`, its own name as `By=`; a value with one of `,;="` is quoted, as Envoy does',
    heardBy: 'the application',
  },
  {
    name: DST_CANONICAL_HEADER,
    removedFrom: ['application', 'client'],
    saidBy: 'the client’s proxy: the Service that was asked for',
    heardBy: 'the server’s proxy, from clients with an identity',
  },
  {
    name: ORIG_PROTO_HEADER,
    removedFrom: ['application', 'client', 'endpoint', 'stranger'],
    saidBy: 'proxies that carry HTTP/1 in HTTP/2: its version',
    heardBy: 'the other proxy, from clients with an identity',
  },
  {
    name: UPGRADE_METHOD_HEADER,
    removedFrom: ['application', 'client'],
    saidBy: 'the client’s proxy, which carries an HTTP/1 upgrade as extended CONNECT: the method that it had',
    heardBy: 'the server’s proxy, from clients with an identity',
  },
  {
    name: PROXY_ERROR_HEADER,
    removedFrom: ['server', 'stranger'],
    saidBy: 'the proxy that made the answer itself: [why](proxy-errors.md)',
    heardBy: 'whoever asked, strangers excepted',
  },
  {
    name: DST_OVERRIDE_HEADER,
    removedFrom: ['outsider'],
    saidBy: 'the application of a pod with `weft.dev/inject: ingress`: where its request goes',
    heardBy: 'its own proxy',
  },
  ...[...Object.values(LINKERD_OVERRIDE_HEADERS), ...Object.values(ENVOY_OVERRIDE_HEADERS)].map(
    (name): MeshHeader => ({
      name,
      removedFrom: ['outsider'],
      saidBy: 'the application: how its request is tried again and timed out',
      heardBy: `its own proxy, where \`${REQUEST_OVERRIDES_ANNOTATION}\` allows it`,
    }),
  ),
];

/** A word of the mesh that is no header: who may say it, and what becomes of others who do. For users. */
export interface MeshWord {
  readonly word: string;
  readonly saidBy: string;
  /** What it says, and to whom. */
  readonly meaning: string;
  readonly others: string;
}

/** The protocols that proxies speak among themselves (ALPN, RFC 7301), best first. The proxy chooses by it. */
export const MESH_PROTOCOLS: readonly MeshWord[] = [
  {
    word: ALPN_WEFT_HTTP,
    saidBy: 'a proxy with a certificate of the mesh, to another’s name',
    meaning: 'HTTP/2 follows, and names of headers keep their case',
    others:
      'refused (`peer_without_identity`); under another server name the TLS is the application’s, and passes as it is',
  },
  {
    word: ALPN_WEFT_OPAQUE,
    saidBy: 'the same',
    meaning:
      'octets follow once the server’s proxy has said, in an octet of its own, that it has reached the application; looked at all the same where the port has HTTP rules',
    others: 'as above',
  },
  {
    word: ALPN_WEFT_OPAQUE_UNCONFIRMED,
    saidBy: 'the same, of an older one',
    meaning: 'octets follow at once, and are lost where the application cannot be reached',
    others: 'as above',
  },
  {
    word: ALPN_TRANSPORT_HEADER,
    saidBy: 'the same, of Linkerd’s too, on a direct connection',
    meaning: 'the transport header follows and names the port',
    others: 'as above; on a redirected connection nobody may (`direct_without_transport_header`)',
  },
];

/** Ports of the proxy that only the mesh may come to, or that say less to others. */
export const MESH_PORTS: readonly MeshWord[] = [
  {
    word: String(PROXY_INBOUND_PORT),
    saidBy: 'the pod’s redirect rules; directly, a peer with a certificate and the transport header',
    meaning: 'connections to the pod',
    others: 'closed (`direct_without_identity`, `not_own_address`)',
  },
  {
    word: String(PROXY_OUTBOUND_PORT),
    saidBy: 'the pod’s redirect rules',
    meaning: 'connections of the application',
    others: 'closed (`loop_detected`); it listens on loopback alone',
  },
  {
    word: String(PROXY_ADMIN_PORT),
    saidBy: 'anybody for health, metrics and `/why`; loopback for the rest',
    meaning: '[the admin port](admin-port.md)',
    others: '403',
  },
];

/** Labels and annotations that only the mesh writes; all others under `weft.dev/` are for users. */
export const MESH_LABELS: readonly MeshWord[] = [
  {
    word: CONTROL_NAMESPACE_LABEL,
    saidBy: 'the webhook, on pods that it injects',
    meaning: 'the pod has a proxy, of this control plane',
    others: 'overwritten at injection; on a pod without a proxy clients demand mutual TLS of it, and fail closed',
  },
  {
    word: INJECTED_ANNOTATION,
    saidBy: 'the webhook, on pods that it injects',
    meaning: 'version and settings of the injection',
    others: 'overwritten at injection',
  },
  {
    word: NAMESPACE_ANNOTATION_LABEL,
    saidBy: 'the webhook, on namespaces that ask by annotation',
    meaning: 'pods of the namespace are reviewed',
    others: 'set right again by the webhook',
  },
  {
    word: RESTARTED_ANNOTATION,
    saidBy: 'the webhook, on pod templates',
    meaning: 'when it restarted the workload',
    others: 'has no effect beyond a rollout',
  },
];
