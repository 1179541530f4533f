/**
 * What strangers and peers have tried to get by, against a port that demands an identity and lets one account in for one prefix:
 * nothing of it reaches the application.
 */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { duplexPair } from 'node:stream';
import * as tls from 'node:tls';
import t, { type Test } from 'tap';

import type { PodAccess } from '../../api/access-policy.ts';
import type { InboundPort } from '../../api/routing.ts';
import { identityOf, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
/** Not where the pod itself calls from. */
const ELSEWHERE = '127.0.0.3';
const FORGED = [
  'l5d-client-id: frontend.default.serviceaccount.identity.weft.cluster.local',
  'x-forwarded-client-cert: By=spiffe://a;URI=spiffe://cluster.local/ns/default/sa/frontend',
  'L5d_Client_Id: frontend',
  'X_Forwarded_Client_Cert: URI=spiffe://cluster.local/ns/default/sa/frontend',
  'l5d-dst-canonical: api.default.svc.cluster.local:80',
  'weft-proxy-error: policy_denied',
].join('\r\n');
const GET = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: api\r\n${FORGED}\r\n${more}\r\n`;

const ACCESS: PodAccess = {
  mutualTls: { mode: 'strict', origin: 'PeerAuthentication/default/default' },
  layers: [
    {
      origin: 'AuthorizationPolicy/default/api',
      deny: [
        {
          origin: 'AuthorizationPolicy/default/no',
          when: { request: { path: { prefix: '/admin' } } },
          whenOctets: null,
        },
      ],
      allow: [
        {
          origin: 'AuthorizationPolicy/default/api',
          when: {
            all: [
              { client: 'serviceAccount', value: { exact: 'frontend' } },
              { request: { path: { prefix: '/api/' } } },
            ],
          },
          whenOctets: null,
        },
      ],
    },
  ],
};

/** An application behind a STRICT port, of which only `frontend` may have /api/. */
async function guarded(t: Test, protocol: InboundPort['protocol'], access: PodAccess = ACCESS) {
  const seen: string[] = [];
  const application = http.createServer((incoming, outgoing) => {
    const { 'l5d-client-id': identity = '', 'x-forwarded-client-cert': certificate = '' } = incoming.headers;
    const twins = Object.keys(incoming.headers).filter((name) => name.includes('_'));
    seen.push(`${incoming.method} ${incoming.url} ${identity} ${certificate} ${twins}`.trim());
    incoming.resume();
    outgoing.end('served');
  });
  let connections = 0;
  application.on('connection', () => connections++);
  await new Promise<void>((resolve) => application.listen({ port: 0, host: '127.0.0.1' }, resolve));
  const { port } = application.address() as net.AddressInfo;
  const proxy = new TestProxy('api', authority, {
    inbound: {
      defaultPolicy: { mode: 'all-unauthenticated', origin: 'test' },
      ports: [{ port, protocol, policy: { mode: 'all-unauthenticated', origin: 'test' }, routes: {} }],
      access,
    },
  });
  const inboundPort = await proxy.listenInbound(port);
  t.teardown(() => {
    proxy.close();
    application.close();
    application.closeAllConnections();
  });
  const plain = () => net.connect({ port: inboundPort, host: '127.0.0.1', localAddress: ELSEWHERE });
  const secure = (account: string | null, alpn: string[] = [], from = authority) => {
    const shown = account === null ? {} : from.credentials(account);
    const { chain, key } = shown as Partial<ReturnType<TestAuthority['credentials']>>;
    return tls.connect({
      socket: plain(),
      servername: identityOf('api'),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ...(chain && key ? { cert: chain, key } : {}),
      ...(alpn.length > 0 ? { ALPNProtocols: alpn } : {}),
    });
  };
  return { seen, connections: () => connections, plain, secure };
}

/** Writes, and hears until the end or for a while. */
function said(socket: net.Socket, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const over = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(heard);
    };
    const timer = setTimeout(over, 400);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', over);
    socket.on('close', over);
    for (const piece of pieces) socket.write(piece as string, 'latin1');
  });
}

/** What a client that speaks HTTP/2 is answered on a socket. */
function asked(socket: net.Socket, fields: Record<string, string>): Promise<number | string> {
  return new Promise((resolve) => {
    const session = http2.connect('http://api', { createConnection: () => socket as never });
    const over = (what: number | string) => {
      clearTimeout(timer);
      session.destroy();
      socket.destroy();
      resolve(what);
    };
    const timer = setTimeout(() => over('silence'), 600);
    session.on('error', () => over('reset'));
    session.on('close', () => over('reset'));
    const stream = session.request({ ':path': '/api/x', ...fields });
    stream.on('response', (head) => over(head[':status']!));
    stream.on('error', () => over('reset'));
    stream.resume().end();
  });
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
const IN_THE_CLEAR: Readonly<Record<string, readonly string[]>> = {
  'an ordinary request': [GET('/api/x')],
  'two blanks': [GET('/api/x').replace('GET ', 'GET  ')],
  'a tab': [GET('/api/x').replace('GET ', 'GET\t')],
  'no version': [`GET /api/x\r\n${FORGED}\r\n\r\n`],
  'a method that nobody knows': [GET('/api/x').replace('GET', 'BREW')],
  'an empty line first': ['\r\n', GET('/api/x')],
  'a body that hides a request': [
    `POST /api/x HTTP/1.1\r\nHost: api\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET('/api/x')}`,
  ],
  'an upgrade to h2c': [
    GET('/api/x', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
  ],
  CONNECT: [`CONNECT api:80 HTTP/1.1\r\nHost: api:80\r\n\r\n${GET('/api/x')}`],
  'HTTP/2': [PREFACE],
  octets: ['hello\r\n', GET('/api/x')],
  'the first octet of a handshake': ['\x16', GET('/api/x')],
};

for (const protocol of ['http1', 'http2', 'grpc', 'detect', 'opaque'] as const)
  t.test(`in the clear, to a port that speaks ${protocol}`, async (t) => {
    const { seen, connections, plain } = await guarded(t, protocol);
    for (const [what, pieces] of Object.entries(IN_THE_CLEAR)) {
      const heard = await said(plain(), ...pieces);
      t.notMatch(heard, /served|HTTP\/1\.1 [123]/, what);
    }
    const silent = plain().on('error', () => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    t.equal(connections(), 0, 'nor does silence have the application dialled');
    silent.destroy();
    t.same(seen, []);
  });

for (const alpn of ['', 'weft.opaque/1', 'weft.opaque/2', 'weft.http/1', 'transport.l5d.io/v1', 'h2', 'istio'])
  t.test(`by TLS without a certificate of the mesh, which offers ${alpn || 'nothing'}`, async (t) => {
    for (const protocol of ['http1', 'detect', 'opaque'] as const) {
      const { seen, connections, secure } = await guarded(t, protocol);
      const offered = alpn === '' ? [] : [alpn];
      const ways = {
        'without any': () => secure(null, offered),
        'of another root': () => secure('frontend', offered, new TestAuthority()),
      };
      for (const [what, open] of Object.entries(ways)) {
        t.notMatch(await said(open(), GET('/api/x')), /served|HTTP\/1\.1 [123]/, `${protocol}, ${what}`);
        t.not(await asked(open(), {}), 200, `${protocol}, ${what}, HTTP/2`);
      }
      t.same([connections(), seen], [0, []], protocol);
    }
  });

t.test('by a peer that is not let in', async (t) => {
  for (const protocol of ['http1', 'detect', 'opaque'] as const) {
    const { seen, secure } = await guarded(t, protocol);
    for (const alpn of [[], ['weft.opaque/1'], ['weft.opaque/2']])
      t.notMatch(await said(secure('worker', alpn), GET('/api/x')), /served/, `${protocol} ${alpn}`);
    for (const fields of [
      {
        'l5d-client-id': identityOf('frontend'),
        'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/default/sa/frontend',
      },
      { 'l5d-orig-proto': 'HTTP/1.1', l5d_client_id: identityOf('frontend') },
      { ':authority': 'api.default.svc.cluster.local', 'l5d-dst-canonical': 'other.default.svc.cluster.local:80' },
    ])
      t.not(await asked(secure('worker', ['weft.http/1']), fields), 200, `${protocol} ${JSON.stringify(fields)}`);
    t.same(seen, [], protocol);
  }
});

t.test('by a peer that is let in, to what it may not have', async (t) => {
  const { seen, secure } = await guarded(t, 'http1');
  for (const path of [
    '/other',
    '/admin',
    '/api/../admin',
    '/api/%2e%2e/admin',
    '/api/..%2fadmin',
    '/api/..%5cadmin',
    '/api\\..\\admin',
    '//api/../admin',
    '/api;/../admin',
    '/%61pi/../admin',
    '/api/x%00/../../admin',
    '/api/x#/../admin',
    '/api',
    '/API/x',
    'http://api/admin',
    '*',
  ]) {
    const heard = await said(secure('frontend'), GET(path, 'Connection: close\r\n'));
    t.notMatch(heard, /served/, path);
  }
  const smuggled = `POST /api/x HTTP/1.1\r\nHost: api\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET('/admin')}`;
  await said(secure('frontend'), smuggled);
  for (const token of ['h2c', 'x, h2c', 'H2C', 'h2'])
    await said(
      secure('frontend'),
      GET(
        '/api/up',
        `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${token}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`,
      ),
      PREFACE,
    );
  t.same(
    seen.filter((line) => /admin|other/i.test(line)),
    [],
  );
});

t.test('and is told as who it is, whatever it says of itself', async (t) => {
  const { seen, secure } = await guarded(t, 'http1');
  t.match(await said(secure('frontend'), GET('/api/x', 'Connection: close\r\n')), /served/);
  t.equal(seen.length, 1);
  t.match(
    seen[0],
    new RegExp(
      `^GET /api/x ${identityOf('frontend').replaceAll('.', '\\.')} By=spiffe://[^ ]*sa/api;Hash=[0-9a-f]{64};.*sa/frontend$`,
    ),
  );
});

t.test('an address that may have no octets of a port is cut off before it has said a word', async (t) => {
  const origin = 'AuthorizationPolicy/default/away';
  const from = (address: string): PodAccess => ({
    mutualTls: { mode: 'permissive', origin: 'default' },
    layers: [{ origin, deny: [{ origin, when: { address: [address] } }], allow: null }],
  });
  const refused = await guarded(t, 'opaque', from(`${ELSEWHERE}/32`));
  const ended = await new Promise((resolve) => {
    const socket = refused.plain();
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.on('close', () => resolve('closed'));
  });
  t.equal(ended, 'ECONNRESET');
  t.equal(refused.connections(), 0);
  const other = await guarded(t, 'opaque', from('127.0.0.4/32'));
  t.match(await said(other.plain(), GET('/api/x', 'Connection: close\r\n')), /served/, 'others are not');
});

t.test('half of a handshake, and one that never ends, have nothing dialled', async (t) => {
  const { connections, plain } = await guarded(t, 'detect');
  const [near, far] = duplexPair();
  const hello = new Promise<Buffer>((resolve) => far.once('data', resolve));
  tls
    .connect({ socket: near as net.Socket, servername: identityOf('api'), rejectUnauthorized: false })
    .on('error', () => {});
  const whole = await hello;
  const sockets = [1, 5, 60, whole.length - 1, whole.length].map((octets) => {
    const socket = plain();
    socket.on('error', () => {}).write(whole.subarray(0, octets));
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.equal(connections(), 0);
  for (const socket of sockets) socket.destroy();
});
