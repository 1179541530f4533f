import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROXY_NODE_FLAGS } from '../../api/image.ts';
import type { OutboundTarget, Protocol } from '../../api/routing.ts';
import type { Credentials } from '../../proxy/transport/mutual-tls.ts';
import { endpoint, service, TestAuthority } from './mesh.ts';

/** What a proxy process is told. */
export interface ProxyOrder {
  readonly serviceAccount: string;
  readonly credentials: Credentials;
  /** Of the inbound side. */
  readonly applicationPort?: number;
  /** What that port is declared to speak; not given: nobody has marked it. */
  readonly protocol?: Protocol;
  /** What destination knows at `TARGET`: of the outbound side. */
  readonly target?: OutboundTarget;
}

/** What a proxy process holds. */
export interface Held {
  /** Private memory, once nothing is left to collect. */
  readonly octets: number;
  /** Outbound requests under way. */
  readonly requests: number;
  /** Requests that were counted and whose end was not: each has a stream on either side. */
  readonly unanswered: number;
  /** Connections that were accepted and are open. */
  readonly connections: number;
  /** What the gauges of open connections say, either side. */
  readonly openConnections: number;
  readonly descriptors: number;
  /** How many of each that keep Node running. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Where every connection to an outbound proxy process is going. */
export const TARGET = '10.96.0.1:80';

/** A proxy in a process of its own, with the runtime's flags of the image. */
export class ProxyProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts a proxy. @returns it and the port of its listener */
  static async start(order: ProxyOrder): Promise<{ process: ProxyProcess; port: number }> {
    const child = fork(PROGRAM, { execArgv: [...PROXY_NODE_FLAGS, '--expose-gc'] });
    child.send(order);
    const [port] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the proxy process ended with ${code}`))),
    ])) as [number];
    return { process: new ProxyProcess(child), port };
  }

  /** Its metrics, as the admin port says them. */
  async metrics(): Promise<string> {
    this.#child.send('metrics');
    return ((await once(this.#child, 'message')) as [string])[0];
  }

  /** What it holds, after a collection. */
  async held(): Promise<Held> {
    this.#child.send('held');
    return ((await once(this.#child, 'message')) as [Held])[0];
  }

  /** Octets of its private pages: what the process alone costs. */
  unshared(): number {
    const rollup = readFileSync(`/proc/${this.#child.pid}/smaps_rollup`, 'utf8');
    return kilobytes(rollup, 'Private_Clean') + kilobytes(rollup, 'Private_Dirty');
  }

  /** Ends it at once. */
  end(): void {
    this.#child.kill('SIGKILL');
  }
}

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'proxy-program.ts');

function kilobytes(text: string, name: string): number {
  return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)![1]);
}

/** Two proxies between a client and an application, each a process, with mutual TLS between them. */
export interface ProxyPair {
  readonly outbound: ProxyProcess;
  readonly inbound: ProxyProcess;
  /** Where a client reaches the application through both. */
  readonly port: number;
  end(): void;
}

/** Starts the proxies before an application on loopback. */
export async function startProxyPair(
  applicationPort: number,
  options: Partial<OutboundTarget> = {},
): Promise<ProxyPair> {
  const authority = new TestAuthority();
  const inbound = await ProxyProcess.start({
    serviceAccount: 'api',
    credentials: authority.credentials('api'),
    applicationPort,
    ...(options.protocol && { protocol: options.protocol }),
  });
  const outbound = await ProxyProcess.start({
    serviceAccount: 'frontend',
    credentials: authority.credentials('frontend'),
    target: service('api', [endpoint(inbound.port, 'api')], options),
  });
  return {
    outbound: outbound.process,
    inbound: inbound.process,
    port: outbound.port,
    end() {
      outbound.process.end();
      inbound.process.end();
    },
  };
}
