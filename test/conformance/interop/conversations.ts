import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openWay, WAYS_IN, type WayIn } from '../../support/ways-in.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { ServerProcess } from '../server-process.ts';
import { type ConversationServer, SERVERS } from './servers.ts';

/**
 * Asks other people's servers directly and through one proxy, mutual TLS, and two, at ports that nobody has marked and at such
 * whose protocol is declared; what a client hears must be the same.
 */
export async function runConversations(): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-conversations-'));
  // Much of what they do is waiting.
  const outcomes = await Promise.all(
    Object.entries(SERVERS).map(async ([name, find]) => {
      const found = await find(folder);
      return 'missing' in found ? skip(`conversations with ${name}`, found.missing) : ask(name, found);
    }),
  );
  rmSync(folder, { recursive: true });
  return sum(outcomes);
}

async function ask(name: string, server: ConversationServer): Promise<Outcome> {
  const process = await ServerProcess.start(server.command);
  const outcome = { passed: 0, failed: 0, skipped: [] as string[] };
  for (const [client, hear] of Object.entries(server.clients)) {
    const expected = await hear({ host: DIRECTLY, port: process.port });
    if (expected === '') {
      outcome.skipped.push(`${client} (fails without the mesh too)`);
      continue;
    }
    for (const way of WAYS_IN)
      for (const [mark, protocol] of [
        ['not marked', 'detect'],
        ['marked', server.protocol],
      ] as const) {
        const bridges: Bridge[] = [];
        for (const port of [process.port, ...(server.dataPorts ?? [])])
          bridges.push(await bridgeTo(await openWay(way, port, { protocol }), port));
        const heard = await hear({ host: THROUGH_THE_MESH, port: process.port });
        for (const bridge of bridges) bridge.close();
        if (heard === expected) outcome.passed++;
        else {
          outcome.failed++;
          console.log(`  not ok ${client}, ${way}, ${mark}: ${difference(heard, expected)}`);
        }
      }
  }
  process.end();
  console.log(`  ${name}: ${outcome.passed} of ${outcome.passed + outcome.failed} conversations`);
  return outcome;
}

/** Where servers listen. */
const DIRECTLY = '127.0.0.1';
/** Where the same ports lead through proxies: a server that names one of its ports to a client names the right one. */
const THROUGH_THE_MESH = '127.0.0.2';

interface Bridge {
  close(): void;
}

/** The port of a way for clients that do not know how to come in by themselves. */
async function bridgeTo(way: WayIn, port: number): Promise<Bridge> {
  const server = createServer({ allowHalfOpen: true }, (from) => {
    const to = way.connect();
    from.pipe(to).pipe(from);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on('error', () => {});
      one.once('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(port, THROUGH_THE_MESH, resolve));
  return {
    close() {
      server.close();
      way.close();
    },
  };
}

/** Where what was heard first differs. */
function difference(heard: string, expected: string): string {
  let at = 0;
  while (at < heard.length && heard[at] === expected[at]) at++;
  const from = (text: string) => `${JSON.stringify(text.slice(at, at + 200))} of ${text.length} characters`;
  return `from character ${at} on ${from(heard)} rather than ${from(expected)}`;
}
