import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import { createCsr } from '../../core/pki/certificate-request.ts';
import { generateKeyPair } from '../../core/pki/key-pair.ts';
import { decodePem } from '../../core/pki/pem.ts';
import type { ControlSettings } from './linkerd-control.ts';
import type { Peer, Place, Side } from './peers.ts';
import { TRANSFER_PORT } from './topology.ts';

const { LINKERD2_PROXY = '', LINKERD2_PROXY_API = '' } = process.env;

/** linkerd2-proxy as Linkerd's injector sets it up, each side with a control plane of its own on its loopback. */
export const linkerd: Peer = {
  name: 'linkerd2-proxy',
  program: LINKERD2_PROXY_API && LINKERD2_PROXY,
  serverName: identityOf('server'),
  sides(place) {
    return [side('client', place), ...(place.hops === 2 ? [side('server', place)] : [])];
  },
};

function side(name: 'client' | 'server', place: Place): Side {
  const { folder, server, hops } = place;
  const control: ControlSettings = {
    listen: CONTROL,
    api: LINKERD2_PROXY_API,
    authority: folder,
    server,
    identity: hops === 2 ? linkerd.serverName! : null,
    opaquePort: TRANSFER_PORT,
    inboundPort: PROXY_INBOUND_PORT,
  };
  return {
    command: [LINKERD2_PROXY],
    environment: environmentOf(name, place),
    alongside: [process.execPath, CONTROL_PROGRAM, JSON.stringify(control)],
  };
}

/**
 * What the injector writes, with the values of Linkerd's chart; the control plane is on loopback, and so without TLS.
 * Source: linkerd2, charts/partials/templates/_proxy.tpl.
 */
function environmentOf(name: 'client' | 'server', { folder, server, port }: Place): Readonly<Record<string, string>> {
  const identity = identityOf(name);
  const settings = {
    CORES: '1',
    CORES_MIN: '1',
    LOG: 'warn,linkerd=info,hickory=error,[{headers}]=off,[{request}]=off',
    LOG_FORMAT: 'plain',
    CONTROL_STREAM_INITIAL_TIMEOUT: '3s',
    CONTROL_STREAM_IDLE_TIMEOUT: '5m',
    CONTROL_STREAM_LIFETIME: '1h',

    INBOUND_LISTEN_ADDR: `0.0.0.0:${PROXY_INBOUND_PORT}`,
    ...(name === 'server' && { INBOUND_IPS: server }),
    INBOUND_PORTS: String(port),
    INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION: String(TRANSFER_PORT),
    INBOUND_DEFAULT_POLICY: 'all-unauthenticated',
    INBOUND_CONNECT_TIMEOUT: '100ms',
    INBOUND_DISCOVERY_IDLE_TIMEOUT: '90s',
    INBOUND_ACCEPT_KEEPALIVE: '10000ms',
    INBOUND_ACCEPT_USER_TIMEOUT: '30s',
    INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL: '10s',
    INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT: '3s',

    OUTBOUND_LISTEN_ADDR: `127.0.0.1:${PROXY_OUTBOUND_PORT}`,
    OUTBOUND_CONNECT_TIMEOUT: '1000ms',
    OUTBOUND_DISCOVERY_IDLE_TIMEOUT: '5s',
    OUTBOUND_CONNECT_KEEPALIVE: '10000ms',
    OUTBOUND_CONNECT_USER_TIMEOUT: '30s',
    OUTBOUND_METRICS_HOSTNAME_LABELS: 'false',
    OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL: '10s',
    OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT: '3s',

    ADMIN_LISTEN_ADDR: `0.0.0.0:${PROXY_ADMIN_PORT}`,
    CONTROL_LISTEN_ADDR: '0.0.0.0:4190',
    SHUTDOWN_ENDPOINT_ENABLED: 'false',

    DESTINATION_SVC_ADDR: CONTROL,
    DESTINATION_PROFILE_SUFFIXES: 'svc.cluster.local.',
    DESTINATION_PROFILE_NETWORKS: CLUSTER_NETWORKS,
    DESTINATION_CONTEXT: JSON.stringify({ ns: 'default', nodeName: 'node', pod: `${name}-0` }),

    POLICY_SVC_ADDR: CONTROL,
    POLICY_WORKLOAD: JSON.stringify({ ns: 'default', pod: `${name}-0` }),
    POLICY_CLUSTER_NETWORKS: CLUSTER_NETWORKS,

    IDENTITY_SVC_ADDR: CONTROL,
    IDENTITY_LOCAL_NAME: identity,
    IDENTITY_TRUST_ANCHORS: readFileSync(join(folder, 'ca.crt'), 'utf8'),
    ...identityFiles(identity, join(folder, `linkerd-${name}`)),
  };
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [`LINKERD2_PROXY_${key}`, value]));
}

/** What Linkerd's `proxy-identity` leaves for the proxy: a key with a certificate request for it; and the pod's token. */
function identityFiles(identity: string, folder: string): { IDENTITY_DIR: string; IDENTITY_TOKEN_FILE: string } {
  mkdirSync(folder, { recursive: true });
  const keyPair = generateKeyPair();
  const request = createCsr({ keyPair, sans: { dns: [identity], uris: [] } });
  writeFileSync(join(folder, 'key.p8'), keyPair.privateKey.export({ type: 'pkcs8', format: 'der' }));
  writeFileSync(join(folder, 'csr.der'), decodePem(request, 'CERTIFICATE REQUEST')![0]!);
  const token = join(folder, 'token');
  writeFileSync(token, 'token');
  return { IDENTITY_DIR: folder, IDENTITY_TOKEN_FILE: token };
}

function identityOf(serviceAccount: string): string {
  return `${serviceAccount}.default.serviceaccount.identity.linkerd.cluster.local`;
}

const CONTROL = '127.0.0.1:8086';
const CONTROL_PROGRAM = fileURLToPath(new URL('./linkerd-control.ts', import.meta.url));
const CLUSTER_NETWORKS = '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8';
