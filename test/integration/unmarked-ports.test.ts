import * as http2 from 'node:http2';
import * as net from 'node:net';
import * as tls from 'node:tls';
import t, { type Test } from 'tap';

import { client, converse, type Saying, server } from '../support/conversation.ts';
import { TestAuthority } from '../support/mesh.ts';
import { openWay, WAYS_IN } from '../support/ways-in.ts';

/** Longer than the proxy waits for either side to speak. */
const SLOW_MS = 150;
/** Longer than the proxy keeps undecided octets. */
const VERY_SLOW_MS = 600;

/** Starts a server on loopback. @returns its port */
async function listening(t: Test, application: net.Server): Promise<number> {
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  t.teardown(() => application.close());
  return (application.address() as net.AddressInfo).port;
}

/** Frames of PostgreSQL's protocol: a length that counts itself, and what follows. */
function postgres(...parts: (number | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part);
      const octets = Buffer.alloc(4);
      octets.writeInt32BE(part);
      return octets;
    }),
  );
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
}

const SSL_REQUEST = postgres(80_877_103);
const START = postgres(196_608, 'user\0postgres\0database\0postgres\0\0');
const READY = Buffer.concat([Buffer.from('R'), postgres(0), Buffer.from('Z'), postgres('I')]);
/** A packet of MySQL: its length in three octets, its number, and what follows. */
const mysql = (number: number, body: string) =>
  Buffer.from(`${String.fromCharCode(body.length)}\0\0${String.fromCharCode(number)}${body}`, 'latin1');

const CONVERSATIONS: readonly (readonly [string, readonly Saying[]])[] = [
  ['Redis, inline: PING', [client('PING\r\n'), server('+PONG\r\n')]],
  [
    'Redis, inline: GET of a word',
    [client('GET key\r\n'), server('$5\r\nvalue\r\n'), client('GET user:1\r\n'), server('$-1\r\n')],
  ],
  [
    'Redis, inline: SET of three words',
    [client('SET a b\r\n'), server('+OK\r\n'), client('DEL a\r\n'), server(':1\r\n')],
  ],
  ['Redis, arrays', [client('*2\r\n$3\r\nGET\r\n$4\r\n/key\r\n'), server('$-1\r\n')]],
  ['memcached, a key like a path', [client('get /key\r\n'), server('VALUE /key 0 1\r\nx\r\nEND\r\n')]],
  ['memcached, set', [client('set k 0 0 1\r\n'), client('x\r\n', { afterMs: SLOW_MS }), server('STORED\r\n')]],
  ['memcached, set in one piece', [client('set /k 0 0 1\r\nx\r\n'), server('STORED\r\n')]],
  ['Graphite, and an end', [client('metric.path 1 123\n', { ends: true })]],
  ['Graphite, a line without its end', [client('metric.path 1 123', { ends: true })]],
  ['Graphite, many lines', [client('metric.path 1 123\n'.repeat(20_000), { ends: true })]],
  ['ZooKeeper, ruok', [client('ruok'), server('imok', { ends: true })]],
  ['ZooKeeper, ruok and an end', [client('ruok', { ends: true }), server('imok', { ends: true })]],
  ['one octet', [client('x'), server('y')]],
  ['one octet, and an end', [client('G', { ends: true }), server('y', { ends: true })]],
  ['an empty line', [client('\r\n'), server('login: ')]],
  ['a handshake word', [client('HELLO'), server('WELCOME'), client('more\n'), server('fine\n')]],
  ['a handshake word that is a method', [client('GET'), server('WELCOME'), client('key'), server('fine\n')]],
  ['the first word of the preface of HTTP/2', [client('PRI'), server('WELCOME')]],
  [
    'a line that comes slowly',
    [client('get', { afterMs: SLOW_MS }), client(' /key\r\n', { afterMs: VERY_SLOW_MS }), server('END\r\n')],
  ],
  [
    'syslog, a line about a request',
    [client('<34>Oct 11 22:14:15 web nginx: 10.0.0.1 - "GET / HTTP/1.1" 200\n'), server('ok')],
  ],
  ['syslog, RFC 5424', [client('<34>1 2003-10-11T22:14:15.003Z web app - - - "GET / HTTP/1.1"\n', { ends: true })]],
  ['lines of JSON', [client('{"path": "/x", "protocol": "HTTP/1.1"}\n'), server('{}\n')]],
  ['words about requests', [client('say GET / HTTP/1.1\n'), server('GET / HTTP/1.1\n')]],
  ...[0, 50, 200].flatMap((afterMs): [string, Saying[]][] => [
    [
      `SMTP, which greets after ${afterMs} ms`,
      [server('220 ready\r\n', { afterMs }), client('EHLO me\r\n'), server('250 fine\r\n')],
    ],
    [
      `FTP, which greets after ${afterMs} ms`,
      [server('220 FTP\r\n', { afterMs }), client('USER a\r\n'), server('331 who?\r\n')],
    ],
    [
      `MySQL, which greets after ${afterMs} ms`,
      [
        server(mysql(0, '\n8.0.36\0\x08\0\0\0'), { afterMs }),
        client(mysql(1, '\x85\xa6\xff\x19root\0')),
        server(mysql(2, '\0\0\0\x02\0\0\0')),
      ],
    ],
  ]),
  ['PostgreSQL, start', [client(START), server(READY)]],
  ['PostgreSQL, TLS asked for and refused', [client(SSL_REQUEST), server('N'), client(START), server(READY)]],
  ['octets of no protocol', [client(Buffer.from([0, 1, 2, 255, 254, 10, 13])), server(Buffer.from([255, 0]))]],
];

for (const way of WAYS_IN) {
  t.test(`octets on a port that nobody has marked, ${way}`, async (t) => {
    const faults = await Promise.all(CONVERSATIONS.map(([, sayings]) => faultsOf(t, way, sayings)));
    CONVERSATIONS.forEach(([name], i) => {
      t.same(faults[i], { client: '', server: '' }, name);
    });
  });

  t.test(`PostgreSQL's TLS, which begins after a word of either side, ${way}`, async (t) => {
    const credentials = new TestAuthority().credentials('postgres');
    const application = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write('S');
        const secure = new tls.TLSSocket(socket, { isServer: true, cert: credentials.chain, key: credentials.key });
        secure.on('error', () => {});
        secure.once('data', (octets) => secure.write(octets.equals(START) ? READY : 'E'));
      });
    });
    const { connect, close } = await openWay(way, await listening(t, application));
    t.teardown(close);
    const socket = connect();
    socket.write(SSL_REQUEST);
    t.equal(await converse(socket, 'client', [server('S')]), '');
    socket.removeAllListeners('data');
    const secure = tls.connect({ socket, rejectUnauthorized: false });
    t.equal(await converse(secure, 'client', [client(START), server(READY)]), '');
    secure.destroy();
  });

  for (const protocol of ['detect', 'opaque'] as const)
    t.test(`a server that takes one connection, ${way}, ${protocol}`, async (t) => {
      for (const [name, words] of [
        ['gets what a client says late', 'late'],
        ['gets the end of a client that says nothing', ''],
      ] as const) {
        const heard = Promise.withResolvers<string>();
        const application = net.createServer({ allowHalfOpen: true }, (socket) => {
          application.close();
          let text = '';
          socket.on('error', () => {});
          socket.on('data', (chunk) => {
            text += chunk;
          });
          socket.on('end', () => socket.end(() => heard.resolve(`${text}, and the end`)));
        });
        const { connect, close } = await openWay(way, await listening(t, application), { protocol });
        t.teardown(close);
        const socket = connect();
        socket.on('error', () => {}).resume();
        if (words) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
        socket.end(words);
        const late = new Promise((resolve) => setTimeout(resolve, 4000, 'nothing').unref());
        t.equal(await Promise.race([heard.promise, late]), `${words}, and the end`, name);
        socket.destroy();
      }
    });

  if (way === 'mutual TLS without ALPN')
    t.test('a server that takes one connection keeps it for a client whose handshake is late', async (t) => {
      const heard = Promise.withResolvers<string>();
      const application = net.createServer((socket) => {
        application.close();
        socket.on('error', () => {});
        socket.on('data', (chunk) => heard.resolve(`${chunk}`));
        socket.on('end', () => heard.resolve('the end'));
      });
      const { inbound, connect, close } = await openWay(way, await listening(t, application), { protocol: 'opaque' });
      t.teardown(close);
      const socket = connect(SLOW_MS);
      socket.on('error', () => {}).resume();
      socket.write('late');
      const late = new Promise((resolve) => setTimeout(resolve, 4000, 'nothing').unref());
      t.equal(await Promise.race([heard.promise, late]), 'late');
      t.match(inbound.metrics.registry.text(), /tcp_open_total\{direction="inbound"[^}]*client_id="frontend/);
      socket.destroy();
    });

  t.test(`undecided octets that become a request after all reach nobody, ${way}`, async (t) => {
    let got = '';
    const application = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
      });
    });
    const { connect, close } = await openWay(way, await listening(t, application));
    t.teardown(close);
    const socket = connect();
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET');
    await new Promise((resolve) => setTimeout(resolve, VERY_SLOW_MS));
    const closed = new Promise<string>((resolve) => {
      socket.once('end', () => resolve('closed'));
      socket.once('close', () => resolve('closed'));
    });
    socket.write(' /admin HTTP/1.1\r\nHost: a\r\nl5d-client-id: FORGED\r\n\r\n');
    const late = new Promise((resolve) => setTimeout(resolve, 4000, 'open').unref());
    t.equal(await Promise.race([closed, late]), 'closed');
    t.notMatch(got, /FORGED/);
    socket.destroy();
  });

  for (const rules of [
    {},
    { protocol: 'grpc' },
    { rateLimit: { totalPerSecond: 100, origin: 'Limit/default/a' } },
  ] as const) {
    t.test(
      `requests of a slow client to a server that speaks HTTP/2 first, ${way}, ${JSON.stringify(rules)}`,
      async (t) => {
        const application = http2.createServer();
        application.on('stream', (stream, headers) => {
          stream.respond({ ':status': 200, 'x-seen': String(headers['l5d-client-id'] ?? '') });
          stream.end('served');
        });
        application.on('sessionError', () => {});
        const { connect, inbound, identity, close } = await openWay(
          way,
          await listening(t, application as net.Server),
          rules,
        );
        t.teardown(close);
        const socket = connect();
        socket.on('error', () => {});
        await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
        const session = http2.connect('http://127.0.0.1', { createConnection: () => socket });
        session.on('error', () => {});
        for (let i = 0; i < 3; i++) t.equal(await seenIdentity(session), identity);
        t.equal(counted(inbound.metrics.registry.text()), 3, 'the proxy has counted them');
        session.destroy();
      },
    );
  }
}

/** What either side misses when they talk through proxies. */
async function faultsOf(t: Test, way: (typeof WAYS_IN)[number], sayings: readonly Saying[]) {
  const served = Promise.withResolvers<string>();
  // A proxy may dial ahead of the client's first word, and leave that connection without a word of its own.
  const faults: string[] = [];
  const application = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    converse(socket, 'server', sayings).then((fault) => {
      if (fault === '') served.resolve('');
      else faults.push(fault);
    });
  });
  const { connect, close } = await openWay(way, await listening(t, application));
  t.teardown(close);
  const socket = connect();
  socket.on('error', () => {});
  const asked = await converse(socket, 'client', sayings);
  const late = new Promise<string>((resolve) => setTimeout(() => resolve(faults.join(', ') || 'nobody came'), 5000));
  const answered = await Promise.race([served.promise, late]);
  socket.destroy();
  return { client: asked, server: answered };
}

/** The client identity that an application sees on a request with a forged one. */
function seenIdentity(session: http2.ClientHttp2Session): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': '/', 'l5d-client-id': 'FORGED', 'x-forwarded-client-cert': 'FORGED' });
    stream.setTimeout(4000, () => resolve('no answer'));
    stream.on('response', (headers) => resolve(String(headers['x-seen'] ?? headers[':status'])));
    stream.on('error', (error) => resolve(error.message));
    stream.on('close', () => resolve('closed'));
    stream.resume();
    stream.end();
  });
}

/** Requests that an inbound side has counted. */
function counted(metrics: string): number {
  let total = 0;
  for (const [, value] of metrics.matchAll(/^request_total\{direction="inbound".*\} (\d+)$/gm)) total += Number(value);
  return total;
}
