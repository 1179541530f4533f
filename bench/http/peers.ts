import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a peer's two processes listen and what they reach: the redirect rules' ports, as Weft's own proxy. */
export interface Place {
  readonly folder: string;
  /** Address of the server's pod, and its backend's port. */
  readonly server: string;
  readonly port: number;
  readonly hops: 1 | 2;
  /** What generator and backend speak; between two hops it is always HTTP/2. */
  readonly protocol: 'h1' | 'h2';
}

/** A proxy that Weft is measured beside. */
export interface Peer {
  readonly name: string;
  /** The command of the client's side and, with two hops, of the server's. Writes their settings. */
  commands(place: Place): readonly (readonly string[])[];
}

const OUTBOUND = 4140;
const INBOUND = 4143;

const haproxy: Peer = {
  name: 'haproxy',
  commands({ folder, server, port, hops, protocol }) {
    const proto = protocol === 'h2' ? 'proto h2' : '';
    const common = `global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  http-reuse always
`;
    const tls = `ssl verify required ca-file ${folder}/ca.crt alpn h2 ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256`;
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
      return ['haproxy', '-q', '-db', '-f', file];
    });
  },
};

const nghttpx: Peer = {
  name: 'nghttpx',
  commands({ folder, server, port, hops, protocol }) {
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
    return hops === 2 ? [client, inbound] : [client];
  },
};

/** Every peer that is known; one that is not installed is left out by the run, which says so. */
export const PEERS: readonly Peer[] = [haproxy, nghttpx];
