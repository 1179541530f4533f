import { describeTransfer, MAX_GROWTH, transfers } from '../../support/transfer.ts';
import { type Outcome, sum } from '../outcome.ts';
import { runClients } from './clients.ts';
import { runConversations } from './conversations.ts';
import { runGrpc } from './grpc.ts';

/**
 * Runs other people's clients and servers through two proxies with mutual TLS between them, every one a process: gRPC's
 * own interoperability cases, ordinary HTTP clients, conversations in protocols of octets and in WebSockets, and 1 GiB each way (MEBIBYTES changes that).
 */
export async function runInterop(): Promise<Outcome> {
  return sum([await runGrpc(), await runClients(), await runConversations(), await runTransfers()]);
}

async function runTransfers(): Promise<Outcome> {
  const octets = Number(process.env.MEBIBYTES ?? 1024) << 20;
  let passed = 0;
  let failed = 0;
  for await (const transfer of transfers(octets)) {
    const holds = transfer.octets === octets && transfer.growth < MAX_GROWTH;
    console.log(`  ${holds ? 'ok' : 'not ok'} ${describeTransfer(transfer)}`);
    if (holds) passed++;
    else failed++;
  }
  return { passed, failed, skipped: [] };
}
