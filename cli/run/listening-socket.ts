import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A TCP socket that listens in this network namespace. */
export interface ListeningSocket {
  /** IPv4 also where the socket is an IPv6 one for a mapped address; other IPv6 addresses are `other`. */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** The sockets that listen on a port, of both families. */
export function socketsListeningOn(port: number): ListeningSocket[] {
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((file) => {
      try {
        return parseListeningSockets(readFileSync(file, 'latin1'));
      } catch {
        return []; // a kernel without IPv6 has no tcp6
      }
    })
    .filter((socket) => socket.port === port);
}

/** Reads the listening sockets of a table as /proc/net/tcp shows it (proc_pid_net(5)). */
export function parseListeningSockets(text: string): ListeningSocket[] {
  return text.split('\n').flatMap((line): ListeningSocket[] => {
    const fields = line.trim().split(/\s+/);
    const [, local = '', , state] = fields;
    const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local);
    if (!match || state !== LISTEN) return [];
    return [{ address: addressOf(match[1]!), port: Number.parseInt(match[2]!, 16), inode: fields[9]! }];
  });
}

/** Whether a socket listens on every address of its family, which takes the port from all. */
export function isWildcard({ address }: ListeningSocket): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The environment of a process that holds a socket; null: it is not to be seen from here. */
export function environmentOfHolder({ inode }: ListeningSocket): Readonly<Record<string, string>> | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const holds = readdirSync(`/proc/${pid}/fd`).some(
        (fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`,
      );
      if (holds) return parseEnvironment(readFileSync(`/proc/${pid}/environ`, 'utf8'));
    } catch {} // another user's, or gone meanwhile
  }
  return null;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function parseEnvironment(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\0')
      .map((entry) => [entry.slice(0, Math.max(0, entry.indexOf('='))), entry.slice(entry.indexOf('=') + 1)]),
  );
}

/** The kernel prints each word of an address in the machine's own order, which is little-endian where Node runs. */
function addressOf(hex: string): string {
  const ipv4 = (word: string) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)).join('.');
  if (hex.length === 8) return ipv4(hex);
  if (/^0+$/.test(hex)) return '::';
  return hex.startsWith('0000000000000000FFFF0000') ? ipv4(hex.slice(24)) : 'other';
}

/** TCP_LISTEN, include/net/tcp_states.h. */
const LISTEN = '0A';
