import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import type { Protocol } from '../../../api/routing.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { TestAuthority } from '../../support/mesh.ts';
import { isThere, pythonWith, ROOT, run } from '../program.ts';
import { type Conversation, program, say, says } from './conversation.ts';

/** Another's server, and what its clients say to it. */
export interface ConversationServer {
  /** Program and arguments for the port that it listens on. */
  readonly command: (port: number) => readonly string[];
  /** What its port is declared as where it is marked. */
  readonly protocol: Protocol;
  /** Other ports that it sends clients to. */
  readonly dataPorts?: readonly number[];
  readonly clients: Readonly<Record<string, Conversation>>;
}

const here = join(ROOT, 'test/conformance/interop');
/** `nobody`, for servers that refuse to run as root. */
const NOBODY = 65_534;
const isRoot = process.getuid!() === 0;
const asNobody = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

/** By name: how to make one ready in a folder, or what it lacks here. */
export const SERVERS: Readonly<Record<string, (folder: string) => Promise<ConversationServer | { missing: string }>>> =
  {
    redis: async (folder) => {
      if (!(await isThere('redis-server'))) return { missing: 'redis-server is missing' };
      return {
        protocol: 'opaque',
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
          'redis-cli': program(
            'redis-cli',
            ({ host, port }) => ['-h', host, '-p', `${port}`],
            `SET large ${'x'.repeat(200_000)}\nGET large\nEVAL "return redis.call('GET', KEYS[1])" 1 large\n`,
          ),
        },
      };
    },
    memcached: async (folder) => {
      if (!(await isThere('memcached')) || !(await isThere('memccat')))
        return { missing: 'memcached or libmemcached-tools is missing' };
      return {
        protocol: 'opaque',
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
          libmemcached: libmemcached(folder),
        },
      };
    },
    postgresql: async (folder) => {
      const bin = globSync('/usr/lib/postgresql/*/bin/postgres').sort().at(-1);
      if (!bin || !(await isThere('psql'))) return { missing: 'postgresql is missing' };
      const data = join(folder, 'postgresql');
      mkdirOfNobody(folder, data);
      const initdb = [...asNobody, join(dirname(bin), 'initdb'), '-D', data, '-U', 'weft', '-A', 'trust', '--no-sync'];
      const made = await run(initdb[0]!, initdb.slice(1), { cwd: folder });
      if (made.code !== 0) return { missing: `initdb fails: ${made.stderr.trim().slice(-200)}` };
      credentialsIn(data, 'server.crt', 'server.key');
      return {
        protocol: 'opaque',
        command: (port) => [...asNobody, bin, '-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', '', '-F', '-l'],
        clients: {
          'psql, sslmode=disable': psql('disable'),
          'psql, sslmode=prefer': psql('prefer'),
          'psql, sslmode=require': psql('require'),
        },
      };
    },
    MariaDB: async (folder) => {
      if (!(await isThere('mariadbd')) || !(await isThere('mariadb'))) return { missing: 'mariadb is missing' };
      const data = join(folder, 'mariadb');
      mkdirOfNobody(folder, data);
      const install = [...asNobody, 'mariadb-install-db', '--no-defaults', `--datadir=${data}`, '--skip-test-db'];
      const made = await run(install[0]!, install.slice(1), { cwd: folder });
      if (made.code !== 0) return { missing: `mariadb-install-db fails: ${made.stderr.trim().slice(-200)}` };
      credentialsIn(data, 'server.crt', 'server.key');
      const files = [
        `--socket=${data}/socket`,
        `--pid-file=${data}/pid`,
        '--ssl-cert=server.crt',
        '--ssl-key=server.key',
      ];
      const settings = [
        '--skip-grant-tables',
        '--bind-address=127.0.0.1',
        '--innodb-flush-log-at-trx-commit=0',
        ...files,
      ];
      return {
        protocol: 'opaque',
        command: (port) => [
          ...asNobody,
          'mariadbd',
          '--no-defaults',
          `--datadir=${data}`,
          `--port=${port}`,
          ...settings,
        ],
        clients: { 'mariadb, without TLS': mariadb('--skip-ssl'), 'mariadb, TLS': mariadb('--ssl') },
      };
    },
    SMTP: async (folder) => {
      const python = await pythonWith(['aiosmtpd']);
      if (typeof python !== 'string') return python;
      if (!(await isThere('msmtp'))) return { missing: 'msmtp is missing' };
      credentialsIn(folder, 'smtp.crt', 'smtp.key');
      const tls = ['--tlscert', join(folder, 'smtp.crt'), '--tlskey', join(folder, 'smtp.key'), '--no-requiretls'];
      const mails = join(folder, 'mails');
      const smtplib = (how: string) =>
        program(python, ({ host, port }) => [join(here, 'python/smtp_client.py'), how, host, `${port}`]);
      return {
        protocol: 'opaque',
        command: (port) => [
          python,
          '-m',
          'aiosmtpd',
          '-n',
          '-l',
          `127.0.0.1:${port}`,
          ...tls,
          '-c',
          'aiosmtpd.handlers.Mailbox',
          mails,
        ],
        clients: {
          smtplib: delivered(mails, smtplib('plain')),
          'smtplib, STARTTLS': delivered(mails, smtplib('starttls')),
          msmtp: delivered(mails, msmtp('--tls=off')),
          'msmtp, STARTTLS': delivered(mails, msmtp('--tls=on', '--tls-starttls=on', '--tls-certcheck=off')),
        },
      };
    },
    FTP: async (folder) => {
      const python = await pythonWith(['pyftpdlib']);
      if (typeof python !== 'string') return python;
      const root = join(folder, 'ftp');
      mkdirSync(root);
      const data = await freePort();
      const server = ['-m', 'pyftpdlib', '-i', '127.0.0.1', '-w', '-d', root, '-r', `${data}-${data}`];
      return {
        protocol: 'opaque',
        command: (port) => [python, ...server, '-p', `${port}`],
        dataPorts: [data],
        clients: {
          'ftplib, passive mode': program(python, ({ host, port }) => [
            join(here, 'python/ftp_client.py'),
            host,
            `${port}`,
          ]),
        },
      };
    },
    WebSocket: async () => {
      const python = await pythonWith(['websockets']);
      if (typeof python !== 'string') return python;
      const ends = join(here, 'python/web_socket.py');
      return {
        protocol: 'http1',
        command: (port) => [python, ends, 'server', `${port}`],
        clients: { websockets: program(python, ({ host, port }) => [ends, 'client', host, `${port}`]) },
      };
    },
    graphite: async (folder) => {
      if (!(await isThere('carbon-cache', '--help'))) return { missing: 'graphite-carbon is missing' };
      const root = join(folder, 'graphite');
      const storage = join(root, 'whisper');
      mkdirSync(storage, { recursive: true });
      let metrics = 0;
      return {
        protocol: 'opaque',
        command: (port) => {
          writeFileSync(join(root, 'carbon.conf'), carbonConfiguration(root, port));
          writeFileSync(join(root, 'storage-schemas.conf'), '[all]\npattern = .*\nretentions = 60s:1d\n');
          return ['carbon-cache', `--config=${join(root, 'carbon.conf')}`, '--nodaemon', 'start'];
        },
        clients: {
          'a Graphite line, and an end': async (server) => {
            const name = `m${metrics++}`;
            await say(server, [`weft.${name} 1 ${Math.floor(Date.now() / 1000)}\n`]);
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

/** Makes a folder of `nobody` in one that everybody may pass. */
function mkdirOfNobody(parent: string, folder: string): void {
  chmodSync(parent, 0o755);
  mkdirSync(folder);
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
}

/** Writes a certificate and its key for a server of `nobody`. */
function credentialsIn(folder: string, certificate: string, key: string): void {
  const credentials = new TestAuthority().credentials('server');
  for (const [name, text] of [
    [certificate, credentials.chain],
    [key, credentials.key],
  ] as const) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    if (isRoot) chownSync(join(folder, name), NOBODY, NOBODY);
  }
}

/** What psql is told, with or without PostgreSQL's own TLS. */
function psql(mode: string): Conversation {
  const query =
    "SELECT 1, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid(); SELECT 'GET / HTTP/1.1', repeat('x', 200000)";
  return program('psql', ({ host, port }) => {
    const settings = `host=${host} port=${port} user=weft dbname=postgres connect_timeout=10 sslmode=${mode}`;
    return ['-X', '-A', '-t', '-c', query, settings];
  });
}

/** What mariadb is told, with or without MariaDB's own TLS. */
function mariadb(tls: string): Conversation {
  const query = "SELECT 'GET / HTTP/1.1', REPEAT('x', 200000); SHOW STATUS LIKE 'Ssl_version'";
  return program('mariadb', ({ host, port }) => [
    '--no-defaults',
    `--host=${host}`,
    `--port=${port}`,
    '--protocol=tcp',
    '--user=root',
    tls,
    '--batch',
    `--execute=${query}`,
  ]);
}

/** What libmemcached's programs are told of a file that they store. */
function libmemcached(folder: string): Conversation {
  const file = join(folder, 'stored');
  writeFileSync(file, 'x'.repeat(200_000));
  return async ({ host, port }) => {
    const server = `--servers=${host}:${port}`;
    const { code } = await run('memccp', [server, file], { timeoutMs: 15_000 });
    return code === 0 ? (await run('memccat', [server, 'stored'], { timeoutMs: 15_000 })).stdout : '';
  };
}

/** What msmtp is told when it sends a mail. */
function msmtp(...tls: readonly string[]): Conversation {
  return program(
    'msmtp',
    ({ host, port }) => [
      `--host=${host}`,
      `--port=${port}`,
      '--debug',
      '--set-date-header=off',
      '--set-msgid-header=off',
      ...tls,
      '--from=a@client.test',
      'b@server.test',
    ],
    `Subject: GET / HTTP/1.1\n\n${`${'x'.repeat(70)}\n.\n`.repeat(2000)}`,
  );
}

/** What a client hears, and the mails that have come, without the address of whoever brought them. */
function delivered(mails: string, client: Conversation): Conversation {
  return async (server) => {
    const heard = await client(server);
    const come = join(mails, 'new');
    const texts = readdirSync(come).map((name) => {
      const text = readFileSync(join(come, name), 'latin1');
      rmSync(join(come, name));
      return text.replace(/^X-Peer: .*\n/m, '');
    });
    return heard && heard.replaceAll(server.host, 'HOST') + texts.join('');
  };
}
