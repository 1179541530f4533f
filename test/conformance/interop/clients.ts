import { join } from 'node:path';

import { startProxyPair } from '../../support/proxy-process.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { goProgram, isThere, pythonWith, ROOT, run } from '../program.ts';
import { ServerProcess } from '../server-process.ts';
import { CURL_CASES } from './curl-cases.ts';

/** An HTTP client that says what each of its cases was answered. */
interface Client {
  readonly name: string;
  /** @returns what it saw, by case */
  ask(port: number): Promise<ReadonlyMap<string, string>>;
}

/**
 * Asks net/http's server directly and through two proxies, with every client that is there; what a client sees must be
 * the same, what the server saw included.
 */
export async function runClients(): Promise<Outcome> {
  const go = await goProgram(join(here, 'http'));
  if (typeof go !== 'string') return skip('HTTP clients', go.missing);
  const { clients, skipped } = await findClients(go);
  const server = await ServerProcess.start((port) => [go, 'server', String(port)]);
  const pair = await startProxyPair(server.port);
  const outcomes: Outcome[] = [{ passed: 0, failed: 0, skipped }];
  for (const { name, ask } of clients) {
    const outcome = compare(name, await ask(server.port), await ask(pair.port));
    const { passed, failed, skipped } = outcome;
    console.log(`  ${name}: ${passed} of ${passed + failed + skipped.length} cases`);
    outcomes.push(outcome);
  }
  // None of this would tell if the second proxy were passed by.
  const isMutual = /^request_total\{direction="inbound".*tls="true",client_id="frontend\./m.test(
    await pair.inbound.metrics(),
  );
  if (!isMutual) console.log('  not ok the requests came by mutual TLS');
  outcomes.push({ passed: isMutual ? 1 : 0, failed: isMutual ? 0 : 1, skipped: [] });
  pair.end();
  server.end();
  return sum(outcomes);
}

/** Compares what a client saw; a case that it cannot do without the mesh either is skipped. */
function compare(name: string, direct: ReadonlyMap<string, string>, meshed: ReadonlyMap<string, string>): Outcome {
  const outcome = { passed: 0, failed: 0, skipped: [] as string[] };
  for (const testCase of new Set([...direct.keys(), ...meshed.keys()])) {
    const [expected, seen] = [direct.get(testCase), meshed.get(testCase)];
    if (expected?.startsWith('error: '))
      outcome.skipped.push(`${name}, ${testCase} (fails without the mesh too: ${expected.trimEnd().split('\n')[0]})`);
    else if (expected !== undefined && seen === expected) outcome.passed++;
    else {
      outcome.failed++;
      console.log(`  not ok ${name}, ${testCase}:\n${difference(expected ?? '', seen ?? '')}`);
    }
  }
  if (outcome.passed === 0) outcome.failed++;
  return outcome;
}

const here = join(ROOT, 'test/conformance/interop');

async function findClients(go: string): Promise<{ clients: Client[]; skipped: string[] }> {
  const clients: Client[] = ['h1', 'h2c'].map((how) => program(`net/http, ${how}`, go, ['client', how]));
  const skipped: string[] = [];
  if (await isThere('curl'))
    clients.push(
      curl('curl, HTTP/1.1', ['--http1.1'], 'http1'),
      curl('curl, h2c with prior knowledge', ['--http2-prior-knowledge'], 'http2'),
    );
  else skipped.push('curl (curl is missing)');
  const python = await pythonWith(['requests', 'httpx[http2]', 'aiohttp'], ['requests', 'httpx', 'h2', 'aiohttp']);
  if (typeof python === 'string')
    for (const name of ['http.client', 'requests', 'httpx-h1', 'httpx-h2c', 'aiohttp'])
      clients.push(program(name, python, [join(here, 'python/http_clients.py'), name]));
  else skipped.push(`Python's clients (${python.missing})`);
  if (await isThere('javac', '-version'))
    for (const how of ['h1', 'upgrade'])
      clients.push(program(`Java's HttpClient, ${how}`, 'java', [join(here, 'java/HttpClients.java'), how]));
  else skipped.push("Java's HttpClient (javac is missing)");
  return { clients, skipped };
}

/** A client that runs all of its cases and heads what each was answered with `## <case>`. */
function program(name: string, file: string, args: readonly string[]): Client {
  return {
    name,
    async ask(port) {
      const { code, stdout, stderr } = await run(file, [...args, String(port)], { timeoutMs: TIMEOUT_MS });
      const seen = new Map<string, string>();
      for (const part of stdout.split(/^## /m).slice(1)) {
        const end = part.indexOf('\n');
        seen.set(part.slice(0, end), normal(part.slice(end + 1), port));
      }
      if (code !== 0) seen.set('the whole', `error: ended with ${code}: ${stderr.trim().slice(-700)}`);
      return seen;
    },
  };
}

/** curl, once for each case. */
function curl(name: string, options: readonly string[], protocol: 'http1' | 'http2'): Client {
  return {
    name,
    async ask(port) {
      const seen = new Map<string, string>();
      for (const { name, args, paths, input, only, isOld } of CURL_CASES) {
        if (only && only !== protocol) continue;
        const urls = paths.map((path) => `http://127.0.0.1:${port}${path}`);
        const { code, stdout, stderr } = await run('curl', ['-sSi', '--max-time', '30', ...options, ...args, ...urls], {
          input: input ?? '',
        });
        const text = code === 0 ? stdout : `error: ${code} ${stderr}`;
        seen.set(name, normal(isOld ? text.replaceAll('HTTP/1.0', 'HTTP/1.1').replace(CLOSE, '') : text, port));
      }
      return seen;
    },
  };
}

/** To a client of HTTP/1.0 this says nothing new. */
const CLOSE = 'Connection: close\r\n';

const TIMEOUT_MS = 120_000;

/** What may differ taken out: ports and dates. */
function normal(text: string, port: number): string {
  return text.replaceAll(`127.0.0.1:${port}`, 'ADDRESS').replace(/^date: [^\n]*\n/gim, '');
}

function difference(expected: string, seen: string): string {
  const [left, right] = [expected.split('\n'), seen.split('\n')];
  const lines = [
    ...left.filter((line) => !right.includes(line)).map((line) => `    - ${line}`),
    ...right.filter((line) => !left.includes(line)).map((line) => `    + ${line}`),
  ];
  return lines.slice(0, 20).join('\n').slice(0, 2000) || '    other order';
}
