import { join } from 'node:path';

import { startProxyPair } from '../../support/proxy-process.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { goProgram, pythonWith, ROOT, run } from '../program.ts';
import { ServerProcess } from '../server-process.ts';

/** One implementation of gRPC with its interoperability programs. */
interface Implementation {
  readonly name: string;
  /** Program and arguments. */
  server(port: number): readonly string[];
  client(port: number, testCase: string): readonly string[];
  readonly cases: readonly string[];
  /** Whether its server takes and gives compressed messages. */
  readonly compresses: boolean;
}

/**
 * Runs gRPC's interoperability cases: every client that is there against every server, through two proxies, at
 * ports that nobody has marked and at such whose protocol is declared.
 */
export async function runGrpc(): Promise<Outcome> {
  const found = [await findGo(), await findPython()];
  const outcomes = found.filter((each) => 'missing' in each).map(({ name, missing }) => skip(name, missing));
  const implementations = found.filter((each) => 'cases' in each);
  for (const server of implementations) {
    const application = await ServerProcess.start((port) => server.server(port));
    for (const [mark, options] of PORTS) {
      const pair = await startProxyPair(application.port, options);
      for (const client of implementations) {
        const outcome = await runCases(client, server, pair.port);
        const { passed, failed } = outcome;
        console.log(`  gRPC, ${client.name} to ${server.name}, ${mark}: ${passed} of ${passed + failed} cases`);
        outcomes.push(outcome);
      }
      pair.end();
    }
    application.end();
  }
  return sum(outcomes);
}

async function runCases(client: Implementation, server: Implementation, port: number): Promise<Outcome> {
  const cases = client.cases.filter((testCase) => server.compresses || !/_compressed_/.test(testCase));
  let passed = 0;
  for (const testCase of cases) {
    const [program, ...args] = client.client(port, testCase);
    const { code, stdout, stderr } = await run(program!, args, { timeoutMs: CASE_TIMEOUT_MS });
    if (code === 0) passed++;
    else console.log(`  not ok ${testCase}, ${client.name} to ${server.name}: ${(stdout + stderr).trim().slice(-700)}`);
  }
  return { passed, failed: cases.length - passed, skipped: [] };
}

/** What the server's port is declared to speak. */
const PORTS: readonly (readonly [string, { protocol?: 'grpc' }])[] = [
  ['not marked', {}],
  ['marked', { protocol: 'grpc' }],
];

const CASE_TIMEOUT_MS = 60_000;

/** Cases that both implementations have. */
const CASES = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
];

/** What cannot be run, and why. */
interface Absent {
  readonly name: string;
  readonly missing: string;
}

const here = join(ROOT, 'test/conformance/interop');

/** The programs of grpc-go itself. */
async function findGo(): Promise<Implementation | Absent> {
  const folder = join(here, 'grpc');
  const server = await goProgram(folder, 'google.golang.org/grpc/interop/server');
  if (typeof server !== 'string') return { name: 'gRPC of Go', ...server };
  const client = await goProgram(folder, 'google.golang.org/grpc/interop/client');
  if (typeof client !== 'string') return { name: 'gRPC of Go', ...client };
  return {
    name: 'Go',
    server: (port) => [server, `-port=${port}`],
    client: (port, testCase) => [
      client,
      '-server_host=127.0.0.1',
      `-server_port=${port}`,
      `-test_case=${testCase}`,
      '-soak_iterations=50',
      '-soak_num_threads=2',
      '-soak_overall_timeout_seconds=30',
    ],
    cases: [...CASES, 'rpc_soak', 'channel_soak'],
    compresses: false,
  };
}

/** grpcio has no such programs among its packages; ours follow gRPC's description of the cases. */
async function findPython(): Promise<Implementation | Absent> {
  const python = await pythonWith(['grpcio', 'grpcio-tools'], ['grpc', 'grpc_tools']);
  if (typeof python !== 'string') return { name: 'gRPC of Python', ...python };
  const program = join(here, 'python/grpc_interop.py');
  return {
    name: 'Python',
    server: (port) => [python, program, 'server', String(port)],
    client: (port, testCase) => [python, program, 'client', String(port), testCase],
    cases: [
      ...CASES,
      'client_compressed_unary',
      'server_compressed_unary',
      'client_compressed_streaming',
      'server_compressed_streaming',
      'concurrent_unary',
    ],
    compresses: true,
  };
}
