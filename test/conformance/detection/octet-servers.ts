import { chownSync, existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { eventually } from '../../support/eventually.ts';
import { TestAuthority } from '../../support/mesh.ts';
import { openWay, WAYS_IN, type WayIn } from '../../support/ways-in.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { isThere, pythonWith, ROOT, run } from '../program.ts';
import { ServerProcess } from '../server-process.ts';

/** Another's server that speaks no HTTP, and what its clients say to it. */
interface OctetServer {
  readonly command: (port: number) => readonly string[];
  /** By name: what a client hears at a port, which is the same whenever it asks; nothing: it fails. */
  readonly clients: Readonly<Record<string, (port: number) => Promise<string>>>;
}

/**
 * Asks other people's servers of octet protocols, whose ports nobody has marked, directly and through one proxy, mutual TLS, and two;
 * what a client hears must be the same.
 */
export async function runOctetServers(): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'weft-octet-servers-'));
  for (const [name, find] of Object.entries(SERVERS)) {
    const found = await find(folder);
    outcomes.push('missing' in found ? skip(`detection before ${name}`, found.missing) : await ask(name, found));
  }
  rmSync(folder, { recursive: true });
  return sum(outcomes);
}

async function ask(name: string, { command, clients }: OctetServer): Promise<Outcome> {
  const server = await ServerProcess.start(command);
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const [client, hear] of Object.entries(clients)) {
    const expected = await hear(server.port);
    if (expected === '') {
      skipped.push(`${client} (fails without the mesh too)`);
      continue;
    }
    for (const name of WAYS_IN) {
      const way = await openWay(name, server.port);
      const bridge = await bridgeTo(way);
      const heard = await hear(bridge.port);
      bridge.close();
      way.close();
      if (heard === expected) passed++;
      else {
        failed++;
        console.log(`  not ok ${client}, ${name}: ${JSON.stringify(heard)} rather than ${JSON.stringify(expected)}`);
      }
    }
  }
  server.end();
  console.log(`  ${name}: ${passed} of ${passed + failed} conversations`);
  return { passed, failed, skipped };
}

/** A port for clients that do not know how to come in by themselves. */
async function bridgeTo(way: WayIn): Promise<{ port: number; close(): void }> {
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

const here = join(ROOT, 'test/conformance/detection');
/** `nobody`, for servers that refuse to run as root. */
const NOBODY = 65_534;
const isRoot = process.getuid!() === 0;
const asNobody = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

const SERVERS: Readonly<Record<string, (folder: string) => Promise<OctetServer | { missing: string }>>> = {
  redis: async (folder) => {
    if (!(await isThere('redis-server'))) return { missing: 'redis-server is missing' };
    return {
      command: (port) => [
        'redis-server',
        ...`--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly no`.split(' '),
        '--save',
        '',
      ],
      clients: {
        'Redis, inline': says([
          'PING\r\n',
          'SET a b\r\n',
          'GET a\r\n',
          'GET /nothing\r\n',
          'EXISTS /a HTTP\r\n',
          'QUIT\r\n',
        ]),
        'Redis, inline with bare line feeds': says(['PING\n', 'GET a\n', 'QUIT\n']),
        'Redis, arrays': says(['*1\r\n$4\r\nPING\r\n', '*2\r\n$3\r\nGET\r\n$1\r\na\r\n', '*1\r\n$4\r\nQUIT\r\n']),
        'Redis, in pieces': says(['PI', 'NG\r\nGE', 'T a\r\n', 'QUIT\r\n'], 300),
        'Redis, all at once': says(['PING\r\nGET a\r\nQUIT\r\n']),
      },
    };
  },
  memcached: async () => {
    if (!(await isThere('memcached'))) return { missing: 'memcached is missing' };
    return {
      command: (port) => [
        'memcached',
        '-l',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        '0',
        ...(isRoot ? ['-u', 'nobody'] : []),
      ],
      clients: {
        'memcached, text': says([
          'set /key 0 0 1\r\nx\r\n',
          'get /key\r\n',
          'get /nothing\r\n',
          'delete /key\r\n',
          'quit\r\n',
        ]),
        'memcached, in pieces': says(['set k 0 0 5\r\n', 'hello\r\n', 'ge', 't k\r\n', 'quit\r\n'], 300),
        'memcached, meta commands': says(['ms m 1\r\ny\r\n', 'mg m v\r\n', 'mn\r\n', 'quit\r\n']),
      },
    };
  },
  postgresql: async (folder) => {
    const bin = globSync('/usr/lib/postgresql/*/bin/postgres').sort().at(-1);
    if (!bin || !(await isThere('psql'))) return { missing: 'postgresql is missing' };
    const data = join(folder, 'postgresql');
    mkdirSync(data);
    if (isRoot) {
      chownSync(folder, NOBODY, NOBODY);
      chownSync(data, NOBODY, NOBODY);
    }
    const initdb = [...asNobody, join(dirname(bin), 'initdb'), '-D', data, '-U', 'weft', '-A', 'trust', '--no-sync'];
    const made = await run(initdb[0]!, initdb.slice(1), { cwd: folder });
    if (made.code !== 0) return { missing: `initdb fails: ${made.stderr.trim().slice(-200)}` };
    const { chain, key } = new TestAuthority().credentials('postgresql');
    for (const [name, text] of [
      ['server.crt', chain],
      ['server.key', key],
    ] as const) {
      writeFileSync(join(data, name), text, { mode: 0o600 });
      if (isRoot) chownSync(join(data, name), NOBODY, NOBODY);
    }
    return {
      command: (port) => [...asNobody, bin, '-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', '', '-F', '-l'],
      clients: {
        'psql, sslmode=disable': psql('disable'),
        'psql, sslmode=prefer': psql('prefer'),
        'psql, sslmode=require': psql('require'),
      },
    };
  },
  SMTP: async () => {
    const python = await pythonWith(['aiosmtpd']);
    if (typeof python !== 'string') return python;
    return {
      command: (port) => [python, '-m', 'aiosmtpd', '-n', '-l', `127.0.0.1:${port}`, '-c', 'aiosmtpd.handlers.Sink'],
      clients: { smtplib: program(python, [join(here, 'python/smtp_client.py')]) },
    };
  },
  FTP: async (folder) => {
    const python = await pythonWith(['pyftpdlib']);
    if (typeof python !== 'string') return python;
    return {
      command: (port) => [python, '-m', 'pyftpdlib', '-i', '127.0.0.1', '-p', String(port), '-d', folder],
      clients: { ftplib: program(python, [join(here, 'python/ftp_client.py')]) },
    };
  },
  graphite: async (folder) => {
    if (!(await isThere('carbon-cache', '--help'))) return { missing: 'graphite-carbon is missing' };
    const root = join(folder, 'graphite');
    const storage = join(root, 'whisper');
    mkdirSync(storage, { recursive: true });
    let metrics = 0;
    return {
      command: (port) => {
        writeFileSync(join(root, 'carbon.conf'), carbonConfiguration(root, port));
        writeFileSync(join(root, 'storage-schemas.conf'), '[all]\npattern = .*\nretentions = 60s:1d\n');
        return ['carbon-cache', `--config=${join(root, 'carbon.conf')}`, '--nodaemon', 'start'];
      },
      clients: {
        'a Graphite line, and an end': async (port) => {
          const name = `m${metrics++}`;
          await say(port, [`weft.${name} 1 ${Math.floor(Date.now() / 1000)}\n`]);
          const isKept = await eventually(() => existsSync(join(storage, 'weft', `${name}.wsp`)), 10_000);
          return isKept ? 'kept' : '';
        },
      },
    };
  },
};

function carbonConfiguration(root: string, port: number): string {
  return `[cache]
STORAGE_DIR = ${root}
CONF_DIR = ${root}
LOG_DIR = ${root}
PID_DIR = ${root}
LOCAL_DATA_DIR = ${root}/whisper
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = ${port}
PICKLE_RECEIVER_PORT = 0
CACHE_QUERY_PORT = 0
USE_FLOW_CONTROL = True
MAX_CACHE_SIZE = inf
MAX_UPDATES_PER_SECOND = 500
MAX_CREATES_PER_MINUTE = inf
ENABLE_UDP_LISTENER = False
`;
}

/** What psql is told, with or without PostgreSQL's own TLS. */
function psql(mode: string): (port: number) => Promise<string> {
  const query = "SELECT 1, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid(); SELECT 'GET / HTTP/1.1'";
  return async (port) => {
    const settings = `host=127.0.0.1 port=${port} user=weft dbname=postgres connect_timeout=10 sslmode=${mode}`;
    const { code, stdout } = await run('psql', ['-X', '-A', '-t', '-c', query, settings], { timeoutMs: 15_000 });
    return code === 0 ? stdout : '';
  };
}

function program(name: string, args: readonly string[]): (port: number) => Promise<string> {
  return async (port) => {
    const { code, stdout } = await run(name, [...args, String(port)], { timeoutMs: 15_000 });
    return code === 0 ? stdout : '';
  };
}

/** A client that says these pieces, the next one when there was an answer, or after `afterMs`; the last one ends it all. */
function says(pieces: readonly string[], afterMs = 0): (port: number) => Promise<string> {
  return (port) => say(port, pieces, afterMs);
}

function say(port: number, pieces: readonly string[], afterMs = 0): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let heard = '';
    let next = 0;
    const speak = () => {
      socket.write(pieces[next++]!);
      if (next === pieces.length) socket.end();
      else if (afterMs > 0) setTimeout(speak, afterMs);
    };
    socket.on('connect', speak);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (afterMs === 0 && next < pieces.length) speak();
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('close', () => resolve(heard));
  });
}
