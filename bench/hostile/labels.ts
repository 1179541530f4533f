/**
 * What a million values that strangers make up leave behind in the metrics of a proxy.
 *
 *     this process ──▶ listener.ts (inbound side) ──▶ an application of this process
 *       host, path, client and route that nobody had before, each; a status, a gRPC status and a reason that nobody had
 *
 * The listener has core 0 and the memory limit of a container. Printed: the series of the largest family and of all, and the
 * listener's own memory, as they are after a thousand values, in the midst, and at the end.
 *
 *   make bench CASE=hostile   (ONLY=labels; VALUES=1000000)
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROXY_NODE_FLAGS } from '../../api/image.ts';
import { pin } from '../http/cpu.ts';
import { type Figure, record } from '../result.ts';
import { ask } from './ask.ts';
import { startConfined } from './confined.ts';
import type { SeriesCount, Shown } from './listener.ts';

const here = dirname(fileURLToPath(import.meta.url));
const VALUES = Number(process.env.VALUES || 1_000_000);
const LIMIT_MIB = 256;
const CONNECTIONS = 8;
/** Requests under way on a connection: pipelined, so that the proxy is what takes the time. */
const UNDER_WAY = 32;
const HEAD_END = Buffer.from('\r\n\r\n');

const application = await listening();
const server = startConfined('listener.ts', LIMIT_MIB, PROXY_NODE_FLAGS);
const { port } = await ask<Shown>(server.child, { listener: 'proxy inbound', application });
pin(server.child.pid!, 0);
pin(process.pid, 1);
console.log(`\nlabels: ${VALUES} values that nobody had before`);
const figures: Figure[] = [];
let sent = 0;
for (const until of [1000, VALUES / 2, VALUES]) {
  await Promise.all(Array.from({ length: CONNECTIONS }, () => crowd(until)));
  const { total, largest, family } = await ask<SeriesCount>(server.child, 'series');
  const memory = Math.round(server.ownMiB());
  console.log(`  after ${sent}: ${total} series, ${largest} of ${family}; ${memory} MiB`);
  const measured = { series: [total, 'series'], largest_family: [largest, 'series'], memory: [memory, 'MiB'] } as const;
  for (const [metric, [value, unit]] of Object.entries(measured))
    figures.push({
      case: 'hostile-labels',
      contestant: `${until} values`,
      metric,
      unit,
      value,
      rounds: 1,
      spread: [value, value],
    });
}
record(join(here, '../results/hostile-labels.jsonl'), figures, () => {});
await server.end();
process.exit();

/** Asks on a connection until so many values have been sent in all. */
function crowd(until: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    let left = 0;
    const fill = () => {
      let text = '';
      for (; left < UNDER_WAY && sent < until; left++) text += request(sent++);
      if (text !== '') socket.write(text);
      else if (left === 0) socket.end();
    };
    onHeads(socket, (count) => {
      left -= count;
      fill();
    });
    socket.once('close', () => resolve());
    socket.once('connect', fill);
  });
}

function request(n: number): string {
  return `GET /p${n} HTTP/1.1\r\nHost: h${n}.made.up\r\nl5d-dst-canonical: c${n}.made.up:80\r\nl5d-client-id: i${n}\r\n\r\n`;
}

/** An application that answers each request with what nobody answered before. */
async function listening(): Promise<number> {
  let answered = 0;
  const puppet = createServer((socket) => {
    socket.on('error', () => {});
    onHeads(socket, (count) => {
      let text = '';
      for (; count > 0; count--) text += answer(answered++);
      socket.write(text);
    });
  });
  await new Promise<void>((resolve) => puppet.listen(0, '127.0.0.1', resolve));
  return (puppet.address() as AddressInfo).port;
}

function answer(n: number): string {
  const made = `grpc-status: made-up-${n}\r\nweft-proxy-error: made_up_${n}`;
  return `HTTP/1.1 ${400 + (n % 600)} made up\r\n${made}\r\nContent-Length: 0\r\n\r\n`;
}

/** Tells how many heads have ended, whatever pieces they come in; none of them has a body. */
function onHeads(socket: Socket, tell: (count: number) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (octets) => {
    rest = Buffer.concat([rest, octets as Buffer]);
    let count = 0;
    let from = 0;
    for (let at = rest.indexOf(HEAD_END); at >= 0; at = rest.indexOf(HEAD_END, from)) {
      from = at + HEAD_END.length;
      count++;
    }
    rest = rest.subarray(from);
    if (count > 0) tell(count);
  });
}
