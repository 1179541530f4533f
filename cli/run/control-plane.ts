import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { CONTROL_NAMESPACE, DESTINATION_SERVICE_ACCOUNT, TOKEN_AUDIENCE } from '../../api/names.ts';
import { DESTINATION_PORT, IDENTITY_PORT } from '../../api/ports.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { generateKeyPair, privateKeyPem } from '../../core/pki/key-pair.ts';
import { signServiceAccountToken } from '../../core/pki/service-account-token.ts';
import type { Processes, Started } from './processes.ts';

/** Where the programs and files of a local mesh lie. */
export interface Layout {
  /** Node of this mesh. */
  readonly node: string;
  /** Folder of the bundles. */
  readonly programs: string;
  /** Folder of keys, tokens, logs and generated manifests. */
  readonly state: string;
}

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
  readonly #host: string;

  /** @param host address that both listen on */
  constructor(layout: Layout, processes: Processes, host: string) {
    this.#layout = layout;
    this.#processes = processes;
    this.#host = host;
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
        iss: 'weft.dev/embedded',
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
    this.#environments.identity = {
      WEFT_IDENTITY_MODE: 'embedded',
      WEFT_IDENTITY_LISTEN: this.identityAddress,
      WEFT_IDENTITY_ADMIN_LISTEN: `${this.#host}:9990`,
      WEFT_IDENTITY_ISSUER_DIRECTORY: join(state, 'issuer'),
      WEFT_IDENTITY_TOKEN_KEY_FILE: join(state, 'token-key.pem'),
      WEFT_IDENTITY_ISSUANCE_LIFETIME: lifetime,
    };
    const own = {
      namespace: CONTROL_NAMESPACE,
      name: 'weft-destination-0',
      uid: 'weft-destination-0',
      serviceAccount: DESTINATION_SERVICE_ACCOUNT,
    };
    writeFileSync(join(state, 'destination.token'), this.token(own), { mode: 0o600 });
    this.#environments.destination = {
      WEFT_DESTINATION_SOURCE: 'folder',
      WEFT_DESTINATION_FOLDERS: folders.join(','),
      WEFT_DESTINATION_LISTEN: this.destinationAddress,
      WEFT_DESTINATION_ADMIN_LISTEN: `${this.#host}:9991`,
      WEFT_DESTINATION_TRUST_BUNDLE_FILE: join(state, 'roots.pem'),
      WEFT_DESTINATION_TOKEN_FILE: join(state, 'destination.token'),
      WEFT_DESTINATION_IDENTITY_ADDRESS: this.identityAddress,
      WEFT_DESTINATION_DRAIN: '0',
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
      });
      this.#running[name] = started;
      void started.ended.then((how) =>
        reject(
          new WeftError('control_plane_ended', `${name} ended with ${how} before it was ready`, {
            hint: `its log: ${join(this.#layout.state, 'logs', `${name}.log`)}`,
          }),
        ),
      );
    });
  }
}

const DAY_MS = 86_400_000;
