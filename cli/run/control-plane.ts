import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as destinationEnv from '../../api/destination-environment.ts';
import * as identityEnv from '../../api/identity-environment.ts';
import { CONTROL_NAMESPACE, DESTINATION_SERVICE_ACCOUNT, TOKEN_AUDIENCE } from '../../api/names.ts';
import { CONTROL_ADMIN_PORT, DESTINATION_PORT, IDENTITY_PORT } from '../../api/ports.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { generateKeyPair, privateKeyPem } from '../../core/pki/key-pair.ts';
import { signServiceAccountToken } from '../../core/pki/service-account-token.ts';
import { reasonIn } from './last-words.ts';
import type { Layout, MeshNetwork } from './network.ts';
import type { Processes, Started } from './processes.ts';

/** Identity and destination as local processes, and the token key that stands in for the API server's. */
export class ControlPlane {
  readonly trustRoots: string;
  readonly identityAddress: string;
  readonly destinationAddress: string;
  readonly #tokenKey = generateKeyPair();
  readonly #environments: Record<'identity' | 'destination', Readonly<Record<string, string>>> = {
    identity: {},
    destination: {},
  };
  readonly #running: { identity?: Started; destination?: Started } = {};
  readonly #layout: Layout;
  readonly #processes: Processes;
  readonly #network: MeshNetwork;
  readonly #onDestinationLine: (line: string) => void;

  /** @param onDestinationLine hears what destination logs, a line each */
  constructor(processes: Processes, network: MeshNetwork, onDestinationLine: (line: string) => void = () => {}) {
    this.#onDestinationLine = onDestinationLine;
    const { layout, controlHost: host } = network;
    this.#layout = layout;
    this.#processes = processes;
    this.#network = network;
    this.identityAddress = `${host}:${IDENTITY_PORT}`;
    this.destinationAddress = `${host}:${DESTINATION_PORT}`;
    const issuer = join(layout.state, 'issuer');
    mkdirSync(issuer, { mode: 0o700 });
    const root = createRoot({ commonName: 'root.weft.cluster.local', lifetimeMs: DAY_MS });
    const intermediate = createIssuer({ commonName: 'identity.weft.cluster.local', lifetimeMs: DAY_MS }, root);
    this.trustRoots = root.certificate;
    writeFileSync(join(issuer, 'ca.crt'), root.certificate);
    writeFileSync(join(issuer, 'tls.crt'), intermediate.certificate);
    writeFileSync(join(issuer, 'tls.key'), privateKeyPem(intermediate.keyPair), { mode: 0o600 });
    writeFileSync(join(layout.state, 'roots.pem'), root.certificate);
    writeFileSync(
      join(layout.state, 'token-key.pem'),
      this.#tokenKey.publicKey.export({ type: 'spki', format: 'pem' }),
    );
  }

  /** A token of a pod, as the kubelet would project it. */
  token(pod: { namespace: string; name: string; uid: string; serviceAccount: string }): string {
    const now = Math.floor(Date.now() / 1000);
    return signServiceAccountToken(
      {
        iss: identityEnv.DEFAULT_TOKEN_ISSUER,
        aud: [TOKEN_AUDIENCE],
        nbf: now - 60,
        exp: now + 86_400,
        'kubernetes.io': {
          namespace: pod.namespace,
          pod: { name: pod.name, uid: pod.uid },
          serviceaccount: { name: pod.serviceAccount, uid: `sa-${pod.namespace}-${pod.serviceAccount}` },
        },
      },
      this.#tokenKey.privateKey,
    );
  }

  /** Starts identity, then destination on these folders. @param lifetime of workload certificates, `24h` */
  async start(folders: readonly string[], lifetime: string): Promise<void> {
    const { state } = this.#layout;
    const { controlHost, clusterNetworks } = this.#network;
    this.#environments.identity = {
      [identityEnv.ENV_MODE]: 'embedded',
      [identityEnv.ENV_LISTEN]: this.identityAddress,
      [identityEnv.ENV_ADMIN_LISTEN]: `${controlHost}:${CONTROL_ADMIN_PORT}`,
      [identityEnv.ENV_ISSUER_DIRECTORY]: join(state, 'issuer'),
      [identityEnv.ENV_TOKEN_KEY_FILE]: join(state, 'token-key.pem'),
      [identityEnv.ENV_ISSUANCE_LIFETIME]: lifetime,
    };
    const own = {
      namespace: CONTROL_NAMESPACE,
      name: 'weft-destination-0',
      uid: 'weft-destination-0',
      serviceAccount: DESTINATION_SERVICE_ACCOUNT,
    };
    writeFileSync(join(state, 'destination.token'), this.token(own), { mode: 0o600 });
    this.#environments.destination = {
      [destinationEnv.ENV_SOURCE]: 'folder',
      [destinationEnv.ENV_FOLDERS]: folders.join(','),
      [destinationEnv.ENV_LISTEN]: this.destinationAddress,
      [destinationEnv.ENV_ADMIN_LISTEN]: `${controlHost}:${DESTINATION_ADMIN_PORT}`,
      [destinationEnv.ENV_TRUST_BUNDLE_FILE]: join(state, 'roots.pem'),
      [destinationEnv.ENV_TOKEN_FILE]: join(state, 'destination.token'),
      [destinationEnv.ENV_IDENTITY_ADDRESS]: this.identityAddress,
      [destinationEnv.ENV_DRAIN]: '0',
      [destinationEnv.ENV_CLUSTER_NETWORKS]: clusterNetworks.join(','),
    };
    await this.restart('identity');
    await this.restart('destination');
  }

  /** The running process of a program; tests kill and freeze it. */
  process(name: 'identity' | 'destination'): ChildProcess {
    return this.#running[name]!.process;
  }

  /** Starts a program (again) and waits until it is ready. */
  async restart(name: 'identity' | 'destination'): Promise<void> {
    const { node, programs } = this.#layout;
    await this.#ready(name, [node, join(programs, `${name}.js`)], this.#environments[name]);
  }

  #ready(
    name: 'identity' | 'destination',
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const started: Started = this.#processes.start(name, command, environment, (line) => {
        if (line.includes('"msg":"ready"')) resolve();
        if (name === 'destination') this.#onDestinationLine(line);
      });
      this.#running[name] = started;
      void started.ended.then((how) => {
        const reason = reasonIn(started.lastWords());
        const what = `${name} ended with ${how} before it was ready`;
        reject(new WeftError('control_plane_ended', `${what}${reason && `: ${reason}`}`));
      });
    });
  }
}

const DAY_MS = 86_400_000;
/** Both programs have one address here, so destination's admin port is not the usual one. */
const DESTINATION_ADMIN_PORT = CONTROL_ADMIN_PORT + 1;
/** Ports that the control plane of a local mesh listens on. */
export const CONTROL_PORTS: readonly number[] = [
  IDENTITY_PORT,
  DESTINATION_PORT,
  CONTROL_ADMIN_PORT,
  DESTINATION_ADMIN_PORT,
];
