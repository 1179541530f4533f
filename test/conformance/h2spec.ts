import { existsSync } from 'node:fs';
import * as http2 from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';

import type { RequestHead, ServerStream, StreamListener } from '../../proxy/http.ts';
import { serveHttp } from '../../proxy/transport/http-server.ts';
import { MutualTls } from '../../proxy/transport/mutual-tls.ts';
import { endpoint, identityOf, service, TestAuthority, TestProxy } from '../support/mesh.ts';
import { type Outcome, skip, sum } from './outcome.ts';
import { BUILD, isThere, run } from './program.ts';

/**
 * Runs h2spec (RFC 9113 and RFC 7541), strict cases included, against the bare engine and against the proxy's own
 * listeners with an application behind them; prints `h2spec: N tests, N passed`.
 *
 * The program is H2SPEC, or the one on the path, or it is built with Go.
 */
export async function runH2spec(): Promise<Outcome> {
  const program = await findProgram();
  if (program === null) return skip('h2spec', 'go is missing, and H2SPEC names no h2spec');
  const listeners = await openListeners();
  const outcomes = await Promise.all(Object.entries(listeners).map(([name, port]) => ask(program, name, port)));
  const { passed, failed } = sum(outcomes);
  console.log(`h2spec: ${passed + failed} tests, ${passed} passed`);
  return { passed, failed, skipped: [] };
}

async function findProgram(): Promise<string | null> {
  if (process.env.H2SPEC) return process.env.H2SPEC;
  if (await isThere('h2spec')) return 'h2spec';
  const built = join(BUILD, 'h2spec');
  if (existsSync(built)) return built;
  if (!(await isThere('go', 'version'))) return null;
  const { code, stderr } = await run('go', ['install', MODULE], { env: { GOBIN: BUILD } });
  if (code !== 0) throw new Error(`h2spec cannot be built: ${stderr}\nhint: build it and name it by H2SPEC`);
  return built;
}

const MODULE = 'github.com/summerwind/h2spec/cmd/h2spec@latest';

async function ask(program: string, name: string, port: number): Promise<Outcome> {
  const { stdout, stderr } = await run(program, ['-h', '127.0.0.1', '-p', String(port), '-o', '4', '--strict']);
  const [, tests, passed, skipped, failed] =
    /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(stdout) ?? [];
  if (tests === undefined || failed !== '0' || skipped !== '0') console.log(stdout + stderr);
  console.log(`  ${name}: ${passed ?? 0} of ${tests ?? 0}`);
  if (tests === undefined) return { passed: 0, failed: 1, skipped: [] };
  return { passed: Number(passed), failed: Number(tests) - Number(passed), skipped: [] };
}

/** Everything of ours that serves HTTP/2. @returns ports by name */
async function openListeners(): Promise<Readonly<Record<string, number>>> {
  const engine = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    serveHttp(socket, 'http2', false, { onRequest: answerHello, onMalformed: () => [], onLimit() {}, onClosed() {} });
  });
  const authority = new TestAuthority();
  const application = await listen(openApplication());
  const server = new TestProxy('api', authority);
  const inbound = await server.listenInbound(application);
  const client = new TestProxy('frontend', authority);
  client.describe('10.96.0.1:80', service('api', [endpoint(inbound, 'api')], { protocol: 'http2' }));
  return {
    'bare engine': await listen(engine),
    'inbound listener, plain': inbound,
    'inbound listener, mutual TLS': await listen(originateTls(authority, inbound)),
    'outbound listener, two hops': await client.listenOutbound(),
  };
}

/** An application with somebody else's HTTP/2 that answers five octets. */
function openApplication(): Server {
  const server = http2.createServer({ settings: { maxConcurrentStreams: 250 } }) as unknown as http2.Http2Server;
  server.on('sessionError', () => {});
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.resume().on('end', () => {
      if (stream.destroyed) return;
      stream.respond({ ':status': 200, 'content-length': '5' });
      stream.end('hello');
    });
  });
  return server as unknown as Server;
}

/** Carries plain connections to `port` by mutual TLS without ALPN, because h2spec has no certificate to show. */
function originateTls(authority: TestAuthority, port: number): Server {
  const mutualTls = new MutualTls(() => Date.now());
  mutualTls.use(authority.credentials('frontend'));
  return createServer({ allowHalfOpen: true, noDelay: true }, (plain) => {
    const secure = mutualTls.connect({ host: '127.0.0.1', port, identity: identityOf('api'), alpn: [] });
    pipeline(plain, secure, () => {});
    pipeline(secure, plain, () => {});
  });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Answers every request with five octets, once it is whole. */
function answerHello(stream: ServerStream, _head: RequestHead, end: boolean): StreamListener {
  const answer = () => {
    stream.sendResponse({ status: 200, fields: ['content-length', '5'] }, false);
    stream.sendData(Buffer.from('hello'), 0, 5, true);
  };
  if (end) queueMicrotask(answer);
  return {
    onData(_bytes, from, to, last) {
      stream.grant(to - from);
      if (last) answer();
    },
    onTrailers: answer,
    onReset() {},
    onSent() {},
    onResponse() {},
    onInformational() {},
  };
}
