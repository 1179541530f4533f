/**
 * Opens HTTP/2 connections, with mutual TLS where it is given credentials, and makes one request on each.
 *
 *   connections.ts hold N HOST PORT [CREDENTIALS]       keeps them; prints `held`; ends with its standard input
 *   connections.ts cycle N HOST PORT [CREDENTIALS]      closes each after its answer, eight at a time; prints `done`
 *
 * CREDENTIALS is a file: JSON of {@link ClientCredentials}.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import * as tls from 'node:tls';

/** What a client needs for mutual TLS. */
export interface ClientCredentials {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly servername: string;
  readonly alpn: string;
}

const [mode, count, host, port, file] = process.argv.slice(2);
const credentials = file ? (JSON.parse(readFileSync(file, 'utf8')) as ClientCredentials) : null;
const context = credentials && tls.createSecureContext({ ...credentials, minVersion: 'TLSv1.3' });
const AT_ONCE = 8;

const SETTINGS = 4;
/** Client preface, empty SETTINGS, and `GET http://bench/route/` as literals (RFC 7541 section 6.2.2) on stream 1. */
const AUTHORITY = 'bench';
const PATH = '/route/';
const BLOCK = Buffer.concat([
  Buffer.from([0x82, 0x86, 0x01, AUTHORITY.length]),
  Buffer.from(AUTHORITY),
  Buffer.from([0x04, PATH.length]),
  Buffer.from(PATH),
]);
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]),
  Buffer.from([0, 0, BLOCK.length, 1, 5, 0, 0, 0, 1]),
  BLOCK,
]);
const acknowledged = new WeakSet<Socket>();

let begun = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (begun < Number(count)) {
      begun++;
      const socket = await exchange();
      if (mode === 'cycle') socket.destroy();
    }
  }),
);
process.stdout.write(mode === 'cycle' ? 'done\n' : 'held\n');
if (mode === 'hold') {
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
}
process.exit(0);

/** A connection after its first answer. */
function exchange(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const target = { host: host!, port: Number(port) };
    const socket = credentials
      ? tls.connect({
          ...target,
          secureContext: context!,
          servername: credentials.servername,
          ALPNProtocols: [credentials.alpn],
          checkServerIdentity: () => undefined,
        })
      : connect(target);
    socket.once(credentials ? 'secureConnect' : 'connect', () => socket.write(PREFACE));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed')));
    let octets = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      octets = Buffer.concat([octets, chunk]);
      for (let at = 0; at + 9 <= octets.length; at += 9 + octets.readUIntBE(at, 3)) {
        const type = octets[at + 3];
        const flags = octets[at + 4]!;
        const whole = at + 9 + octets.readUIntBE(at, 3) <= octets.length;
        if (type === SETTINGS && !(flags & 1)) acknowledge(socket);
        // DATA or HEADERS that ends the stream.
        if ((type === 0 || type === 1) && flags & 1 && whole) {
          socket.removeAllListeners('data').resume();
          socket.removeAllListeners('close');
          return resolve(socket);
        }
      }
    });
  });
}

function acknowledge(socket: Socket): void {
  if (acknowledged.has(socket)) return;
  acknowledged.add(socket);
  socket.write(Buffer.from([0, 0, 0, SETTINGS, 1, 0, 0, 0, 0]));
}
