/**
 * Sends requests by the clock, whatever becomes of those before, and writes down how each ended: a line of JSON an entry.
 * `client.ts FOLDER SEED RATE`, of which FOLDER/load.json says from when to when; it goes on running afterwards, silent.
 */
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Random } from '../../core/testing/random.ts';
import { closeCalls, sendCall } from './call-client.ts';
import { closeHttp, sendHttp } from './http-client.ts';
import type { Entry, Total } from './ledger.ts';
import { targetOf } from './manifests.ts';
import { talk } from './octets-client.ts';
import { type Asked, drawRequest } from './request.ts';
import type { Ending, Send } from './sending.ts';

const [folder = '.', seed = '1', rate = '75'] = process.argv.slice(2);
const client = process.env.POD_NAME ?? '';
const random = new Random(Number(seed) * 1000 + Number(client.at(-1) ?? 0));
const book = createWriteStream(join(folder, `${client}.jsonl`));
const SEND: Record<Asked['kind'], Send> = {
  get: sendHttp,
  post: sendHttp,
  unary: sendCall,
  stream: sendCall,
  octets: talk,
};
/** How long nothing may come beyond what was asked for: more than any deadline of a route, and than any fault. */
const PATIENCE_MS = 30_000;

const { beginMs, endMs } = await loadTimes();
let [sent, open] = [0, 0];
const timer = setInterval(() => {
  const nowMs = Date.now();
  if (nowMs >= endMs) return void clearInterval(timer);
  const due = Math.floor(((nowMs - beginMs) / 1000) * Number(rate));
  while (sent < due) send(drawRequest(random, `${client}-${sent++}`));
}, 2);
while (Date.now() < endMs || open > 0) await new Promise((resolve) => setTimeout(resolve, 100));
closeHttp();
closeCalls();
const total: Total = { sent };
book.write(`${JSON.stringify(total)}\n`);
// `weft run` ends with the last application that it has started, and of those that were killed it hears no more.
setInterval(() => {}, 60_000);

function send(asked: Asked): void {
  const beganMs = Date.now();
  let hasEnded = false;
  open++;
  const stillMs = asked.waitMs + asked.pauseMs + PATIENCE_MS;
  const end = ({ outcome, detail = '', pod = null, hasBegun = false }: Ending) => {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(deadline);
    open--;
    const { id, kind, sentOctets } = asked;
    const entry: Entry = { id, kind, client, beganMs, endedMs: Date.now(), sentOctets, pod, outcome, hasBegun, detail };
    book.write(`${JSON.stringify(entry)}\n`);
  };
  const deadline = setTimeout(() => {
    const { detail = '', ...progress } = cancel();
    end({ ...progress, outcome: 'hang', detail: `nothing for ${stillMs} ms ${detail}` });
  }, stillMs);
  const cancel = SEND[asked.kind](asked, targetOf(asked.kind), end, () => deadline.refresh());
}

/** Waits until it is said when the load is to be. Times are milliseconds since 1970. */
async function loadTimes(): Promise<{ beginMs: number; endMs: number }> {
  for (;;) {
    try {
      return JSON.parse(readFileSync(join(folder, 'load.json'), 'utf8')) as { beginMs: number; endMs: number };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
