import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Outcome, skip } from '../outcome.ts';
import { BUILD, goProgram, isThere, pythonWith, ROOT } from '../program.ts';
import { ServerProcess } from '../server-process.ts';

/** A request that a server took for one and gave to its application. */
export interface Served {
  /** Port of the client's end of the connection. */
  readonly port: number;
  /** Value of `l5d-client-id`; empty: none. */
  readonly identity: string;
  /** Value of `x-forwarded-client-cert`; empty: none. */
  readonly certificate: string;
  /** For a person to read. */
  readonly request: string;
}

/** Somebody else's HTTP server, which tells of every request that it serves. */
export class WitnessServer {
  readonly name: string;
  readonly port: number;
  readonly #process: ServerProcess;
  readonly #listeners: Map<number, (served: Served) => void>;

  private constructor(name: string, process: ServerProcess, listeners: Map<number, (served: Served) => void>) {
    this.name = name;
    this.port = process.port;
    this.#process = process;
    this.#listeners = listeners;
  }

  static async start(name: string, command: (port: number) => readonly string[]): Promise<WitnessServer> {
    const listeners = new Map<number, (served: Served) => void>();
    const process = await ServerProcess.start(command, (line) => {
      const served = JSON.parse(line) as Served;
      listeners.get(served.port)?.(served);
    });
    return new WitnessServer(name, process, listeners);
  }

  /** Tells `listener` what is served on connections from `port`, until the next one asks for the same port. */
  listen(port: number, listener: (served: Served) => void): void {
    this.#listeners.set(port, listener);
  }

  end(): void {
    this.#process.end();
  }
}

/** The servers whose programs are there. @returns what is skipped, too */
export async function startServers(): Promise<{ servers: WitnessServer[]; skipped: Outcome['skipped'] }> {
  const servers: WitnessServer[] = [];
  const skipped: string[] = [];
  for (const { name, find } of SERVERS) {
    const command = await find();
    if (typeof command === 'function') servers.push(await WitnessServer.start(name, command));
    else skipped.push(...skip(`detection before ${name}`, command.missing).skipped);
  }
  return { servers, skipped };
}

type Command = (port: number) => readonly string[];

const here = join(ROOT, 'test/conformance/detection');

const SERVERS: readonly { name: string; find: () => Promise<Command | { missing: string }> }[] = [
  {
    name: 'node:http',
    find: async () => (port) => [process.execPath, join(here, 'node-server.ts'), String(port)],
  },
  {
    name: 'net/http',
    find: async () => {
      const go = await goProgram(join(here, 'go'));
      return typeof go === 'string' ? (port) => [go, String(port)] : go;
    },
  },
  {
    name: 'http.server',
    find: async () =>
      (await isThere('python3'))
        ? (port) => ['python3', join(here, 'python/http_server.py'), String(port)]
        : { missing: 'python3 is missing' },
  },
  {
    name: 'hypercorn',
    find: async () => {
      const python = await pythonWith(['hypercorn']);
      return typeof python === 'string'
        ? (port) => [python, join(here, 'python/hypercorn_server.py'), String(port)]
        : python;
    },
  },
  {
    name: 'nginx',
    find: async () => ((await isThere('nginx', '-v')) ? nginx : { missing: 'nginx is missing' }),
  },
];

/**
 * The command of an nginx that answers 200 to whatever it takes for a request. What it refuses it does not write down, and
 * what it serves it writes down before the connection's port can be somebody else's: it does not linger.
 */
function nginx(port: number): readonly string[] {
  const folder = join(BUILD, `nginx-${port}`);
  mkdirSync(folder, { recursive: true });
  const directory = (name: string) => `${name}_temp_path ${folder}/${name};`;
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log /dev/null;
events { worker_connections 4096; }
http {
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(directory).join(' ')}
  map $status $is_served { default 0; 200 1; }
  log_format served escape=json '{"port":$remote_port,"identity":"$http_l5d_client_id",'
    '"certificate":"$http_x_forwarded_client_cert","request":"$request_method $server_protocol"}';
  access_log /dev/stdout served if=$is_served;
  large_client_header_buffers 4 256k;
  lingering_close off;
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / { return 200 "served\\n"; }
  }
}
`,
  );
  // Node gives a socket for standard output, which cannot be opened by its name; the pipe to cat can.
  return ['bash', '-c', `exec nginx -e /dev/null -c ${join(folder, 'nginx.conf')} > >(cat)`];
}
