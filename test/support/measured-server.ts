import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { dirname, join } from 'node:path';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

import { WATCH_PATH, WATCH_VERSION } from '../../api/watch.ts';

/** The programs that accept TLS. */
export const MEASURED_PROGRAMS = ['proxy', 'identity', 'destination', 'webhook'] as const;
export type MeasuredProgram = (typeof MEASURED_PROGRAMS)[number];

/** Where a server listens, and what a client shows it, in PEM. */
export interface Shown {
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly servername: string;
}

/** Connections at a time. */
const TOGETHER = 100;
/** What a server may have kept of all connections: malloc's own doings. A leak of 4.6 KiB a connection is 9 MB of 2,000. */
const MAX_KEPT_BYTES = 3 * 1024 * 1024;

/**
 * Registers, for each program, that its memory stays as it is however many connections come, one after another and many
 * at a time.
 *
 * @param connections in each of the two ways
 * @param settled how many of them come before its memory is first read: until then it grows as every program's does
 */
export function connectionMemoryTests(t: Test, connections: number, settled: number): void {
  for (const program of MEASURED_PROGRAMS) {
    t.test(`${program} keeps nothing of its connections`, { timeout: 600_000 }, async (t) => {
      const server = await MeasuredServer.start(program);
      t.teardown(() => server.end());
      for (const together of [1, TOGETHER]) await server.meet(settled, together);
      // The larger of two: one may be taken just after a collection of more than usual.
      const before = Math.max(await server.memory(), await server.memory());
      for (const together of [1, TOGETHER]) {
        await server.meet(connections - settled, together);
        let kept = (await server.memory()) - before;
        // A busy machine may not have let go of all that was just closed; a leak does not go away by waiting.
        for (let i = 0; i < 5 && kept >= MAX_KEPT_BYTES; i++) kept = (await server.memory()) - before;
        const text = `${inMegabytes(kept)} MB more than ${inMegabytes(before)}, ${together} at a time`;
        t.comment(`${program}: ${text}`);
        t.ok(kept < MAX_KEPT_BYTES, text);
      }
    });
  }
}

/** A server in a process of its own, so that its memory is not its clients'. */
class MeasuredServer {
  readonly #child: ChildProcess;
  readonly #program: MeasuredProgram;
  readonly #shown: Shown;
  readonly #context: SecureContext;

  private constructor(child: ChildProcess, program: MeasuredProgram, shown: Shown) {
    this.#child = child;
    this.#program = program;
    this.#shown = shown;
    // X25519 alone: the handshakes are many, and their curve is not what is measured.
    this.#context = createSecureContext({ ...shown, ecdhCurve: 'X25519' });
  }

  static async start(program: MeasuredProgram): Promise<MeasuredServer> {
    // A small young generation, because a larger one takes thousands of connections to reach its size.
    const child = fork(PROGRAM, {
      execArgv: ['--expose-gc', '--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'],
    });
    child.send(program);
    const [shown] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
    ])) as [Shown];
    return new MeasuredServer(child, program, shown);
  }

  /** Octets of its private pages, once nothing is left to collect. */
  async memory(): Promise<number> {
    this.#child.send('memory');
    return ((await once(this.#child, 'message')) as [number])[0];
  }

  /** Opens connections, `together` at a time, each asking one thing, and waits until all are closed. */
  async meet(connections: number, together: number): Promise<void> {
    let left = connections;
    const client = async () => {
      while (left-- > 0) await this.#ask();
    };
    await Promise.all(Array.from({ length: together }, client));
  }

  end(): void {
    this.#child.disconnect();
  }

  /** HTTP/2 of those that speak it. */
  #ask(): Promise<void> {
    if (this.#program === 'destination') return this.#askHttp2('POST', WATCH_PATH, HELLO);
    if (this.#program === 'identity') return this.#askHttp2('GET', '/', '');
    return this.#askHttp1();
  }

  #askHttp1(): Promise<void> {
    const { port, servername } = this.#shown;
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = connect({ host: '127.0.0.1', port, servername, secureContext: this.#context });
      socket.setEncoding('latin1').on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {}); // a server that is done may reset; what it answered is what counts
      socket.on('close', () => (/^HTTP\/1.1 \d/.test(text) ? resolve() : reject(new Error(`answered "${text}"`))));
      socket.write('GET / HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n');
    });
  }

  #askHttp2(method: string, path: string, line: string): Promise<void> {
    const { port, servername } = this.#shown;
    return new Promise((resolve, reject) => {
      let status = 0;
      const session = connectHttp2(`https://127.0.0.1:${port}`, { servername, secureContext: this.#context });
      session.on('error', reject);
      session.on('close', () => (status > 0 ? resolve() : reject(new Error('not answered'))));
      const stream = session.request({ ':method': method, ':path': path, 'content-type': 'application/x-ndjson' });
      stream.on('error', reject);
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.once('data', () => stream.close());
      stream.on('close', () => session.close());
      if (line === '') stream.end();
      else stream.write(line);
    });
  }
}

function inMegabytes(octets: number): string {
  return (octets / 1024 / 1024).toFixed(1);
}

const HELLO = `${JSON.stringify({ type: 'hello', version: WATCH_VERSION, features: [], resume: {} })}\n`;
const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'measured-program.ts');
