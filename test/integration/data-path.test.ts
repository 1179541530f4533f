import { createHash } from 'node:crypto';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { request } from '../support/http-request.ts';
import { endpoint, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

/** Starts an application, its proxy, and a client's proxy that is told of it. */
async function mesh(
  t: Test,
  handler: http.RequestListener | net.Server,
  options: Parameters<typeof service>[2] = {},
  inbound = {},
) {
  const application = typeof handler === 'function' ? http.createServer(handler) : handler;
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const applicationPort = (application.address() as net.AddressInfo).port;
  const server = new TestProxy('api', authority, { inbound });
  const client = new TestProxy('frontend', authority);
  const inboundPort = await server.listenInbound(applicationPort);
  client.describe('10.96.0.1:80', service('api', [endpoint(inboundPort, 'api')], options));
  const port = await client.listenOutbound();
  t.teardown(() => {
    client.close();
    server.close();
    application.close();
    if (application instanceof http.Server) application.closeAllConnections();
  });
  return { port, server, client, applicationPort, inboundPort };
}

const echo: http.RequestListener = (incoming, outgoing) => {
  outgoing.setHeader('X-Raw', JSON.stringify(incoming.rawHeaders));
  outgoing.setHeader('X-Seen', `${incoming.method} ${incoming.url} ${incoming.httpVersion}`);
  incoming.pipe(outgoing);
};

t.test('carries HTTP/1.1 over mutual TLS and restores it', async (t) => {
  const { port, server, client } = await mesh(t, echo);
  const { status, headers, body } = await request(port, {
    path: '/users?q=1',
    headers: { Host: 'api', 'X-CamelCase': 'Value' },
  });
  t.equal(status, 200);
  t.equal(body.length, 0);
  t.equal(headers['x-seen'], 'GET /users?q=1 1.1');
  const raw = JSON.parse(String(headers['x-raw'])) as string[];
  t.ok(raw.includes('X-CamelCase'), 'the case of names is kept');
  t.equal(raw[raw.indexOf('l5d-client-id') + 1], 'frontend.default.serviceaccount.identity.weft.cluster.local');
  t.notOk(
    raw.some((name) => /orig-proto|dst-canonical|weft-/.test(name)),
    'nothing of ours reaches the application',
  );
  t.match(client.metrics.registry.text(), /request_total\{direction="outbound".*tls="true".*\} 1/);
  t.match(server.metrics.registry.text(), /request_total\{direction="inbound".*tls="true",client_id="frontend\..*\} 1/);
});

t.test('strips identity headers that a client made up', async (t) => {
  const { port } = await mesh(t, echo);
  const { headers } = await request(port, {
    headers: { host: 'api', 'l5d-client-id': 'admin', 'x-forwarded-client-cert': 'URI=admin' },
  });
  t.notMatch(String(headers['x-raw']), 'admin');
});

t.test('carries bodies both ways, with and without a length', async (t) => {
  const { port } = await mesh(t, echo);
  for (const octets of [1, 1000, 65_535, 65_536, 70_000, 1_000_000]) {
    const sent = Buffer.alloc(octets, 'abc');
    const { body } = await request(port, { method: 'POST', headers: { host: 'api', 'content-length': octets } }, sent);
    t.ok(body.equals(sent), `${octets} octets with a length`);
    const chunked = await request(
      port,
      { method: 'POST', headers: { host: 'api', 'transfer-encoding': 'chunked' } },
      sent,
    );
    t.ok(chunked.body.equals(sent), `${octets} octets in chunks`);
  }
});

t.test('carries a body of 100 MiB', async (t) => {
  const total = 100 * 1024 * 1024;
  const { port } = await mesh(t, (incoming, outgoing) => {
    const hash = createHash('sha256');
    incoming.on('data', (chunk) => hash.update(chunk));
    incoming.on('end', () => outgoing.end(hash.digest('hex')));
  });
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  const hash = createHash('sha256');
  for (let i = 0; i < total; i += chunk.length) hash.update(chunk);
  const body = await new Promise<string>((resolve, reject) => {
    const made = http.request(
      { host: '127.0.0.1', port, method: 'PUT', agent: false, headers: { host: 'api', 'content-length': total } },
      (response) => {
        let text = '';
        response.on('data', (each) => {
          text += each;
        });
        response.on('end', () => resolve(text));
      },
    );
    made.on('error', reject);
    let sent = 0;
    const more = () => {
      while (sent < total) {
        sent += chunk.length;
        if (!made.write(chunk)) return void made.once('drain', more);
      }
      made.end();
    };
    more();
  });
  t.equal(body, hash.digest('hex'));
});

t.test('carries trailers, 1xx answers and bodyless statuses', async (t) => {
  const { port } = await mesh(t, (incoming, outgoing) => {
    if (incoming.url === '/trailers') {
      outgoing.writeHead(200, { Trailer: 'X-Sum' });
      outgoing.write('body');
      outgoing.addTrailers({ 'X-Sum': '42' });
      outgoing.end();
    } else if (incoming.url === '/hints') {
      outgoing.writeEarlyHints({ link: '</style.css>; rel=preload' });
      outgoing.end('after hints');
    } else outgoing.writeHead(Number(incoming.url!.slice(1))).end();
  });
  t.equal((await request(port, { path: '/trailers' })).trailers['x-sum'], '42');
  t.equal((await request(port, { path: '/hints' })).body.toString(), 'after hints');
  t.equal((await request(port, { path: '/204' })).status, 204);
  t.equal((await request(port, { path: '/304' })).status, 304);
  t.equal((await request(port, { path: '/200', method: 'HEAD' })).status, 200);
});

t.test('answers Expect: 100-continue through the application', async (t) => {
  const { port } = await mesh(t, echo);
  const body = await new Promise<string>((resolve, reject) => {
    const made = http.request(
      {
        host: '127.0.0.1',
        port,
        method: 'POST',
        agent: false,
        headers: { host: 'api', expect: '100-continue', 'content-length': 5 },
      },
      (response) => {
        response.on('data', (chunk) => resolve(String(chunk)));
      },
    );
    made.on('continue', () => made.end('hello'));
    made.on('error', reject);
    made.flushHeaders();
  });
  t.equal(body, 'hello');
});

t.test('keeps a connection for many requests, and closes it when the application asks', async (t) => {
  const { port } = await mesh(t, (incoming, outgoing) => {
    if (incoming.url === '/close') outgoing.setHeader('Connection', 'close');
    outgoing.end('ok');
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 20; i++) t.equal((await request(port, { agent, path: '/' })).status, 200);
  const last = await request(port, { agent, path: '/close' });
  t.equal(last.headers.connection, 'close');
  agent.destroy();
});

t.test('upgrades a connection (WebSocket) and carries octets both ways', async (t) => {
  const application = http.createServer();
  application.on('upgrade', (incoming, socket, head) => {
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Key: ${incoming.headers['sec-websocket-key']}\r\n\r\n`,
    );
    socket.write(head);
    socket.pipe(socket);
  });
  const { port } = await mesh(t, application);
  const heard = await new Promise<string>((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(
        'GET /chat HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n',
      );
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.endsWith('\r\n\r\n')) socket.write('ping');
      if (text.endsWith('ping')) {
        socket.destroy();
        resolve(text);
      }
    });
  });
  t.match(heard, /^HTTP\/1.1 101 Switching Protocols\r\n/);
  t.match(heard, /X-Key: abc/i);
});

t.test('carries HTTP/2 with trailers (gRPC) end to end', async (t) => {
  const application = http2.createServer();
  application.on('stream', (stream, headers) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'x-path': headers[':path']! },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
    stream.pipe(stream);
  });
  const { port } = await mesh(t, application);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.teardown(() => session.destroy());
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, i) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': `/svc/${i}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.end(Buffer.alloc(3000, String(i % 10)));
      return new Promise<string>((resolve, reject) => {
        let octets = 0;
        let trailers = '';
        let path = '';
        stream.on('response', (headers) => {
          path = String(headers['x-path']);
        });
        stream.on('data', (chunk: Buffer) => {
          octets += chunk.length;
        });
        stream.on('trailers', (headers) => {
          trailers = String(headers['grpc-status']);
        });
        stream.on('error', reject);
        stream.on('close', () => resolve(`${path} ${octets} ${trailers}`));
      });
    }),
  );
  t.same(
    results,
    Array.from({ length: 50 }, (_, i) => `/svc/${i} 3000 0`),
  );
});

t.test('never stalls a protocol whose server speaks first', async (t) => {
  const application = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 ready\r\n');
    socket.on('data', (chunk) => socket.end(`echo ${chunk}`));
  });
  const { port, client } = await mesh(t, application);
  for (const round of ['unknown', 'learned']) {
    const start = performance.now();
    const heard = await new Promise<string>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      let text = '';
      socket.once('data', () => {
        t.ok(
          performance.now() - start < 2000,
          `${round}: first octets after ${Math.round(performance.now() - start)} ms`,
        );
        socket.write('HELO');
      });
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    t.equal(heard, '220 ready\r\necho HELO');
  }
  t.match(client.metrics.registry.text(), /tcp_open_total\{direction="outbound".*tls="true"/);
});

t.test('understands a client that was silent before its HTTP request', async (t) => {
  const { port, client } = await mesh(t, echo);
  const heard = await new Promise<string>((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    setTimeout(() => socket.write('GET /late HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n'), 150);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
  });
  t.match(heard, /^HTTP\/1.1 200/);
  t.match(client.metrics.registry.text(), /route_request_total\{direction="outbound"/);
});

t.test('passes a half-closed connection on', async (t) => {
  const application = net.createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => setTimeout(() => socket.end(`got ${Buffer.concat(chunks).length}`), 50));
  });
  const { port } = await mesh(t, application, { protocol: 'opaque' });
  const heard = await new Promise<string>((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
      socket.end(Buffer.alloc(100_000)),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
  });
  t.equal(heard, 'got 100000');
});

const retryable = { on: { outcomes: ['failure'] as const }, limit: 0, maxBodyBytes: 65_536 };

t.test('tries a failed request again where the route says so, within its budget', async (t) => {
  let count = 0;
  const bodies: string[] = [];
  const { port, client } = await mesh(
    t,
    (incoming, outgoing) => {
      let text = '';
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () => {
        bodies.push(text);
        outgoing.writeHead(++count % 3 === 0 ? 200 : 503).end('answer');
      });
    },
    { routes: [route('PUT /orders', { when: { path: { regex: '/orders' } }, retry: retryable })] },
  );
  for (let i = 0; i < 5; i++)
    t.equal((await request(port, { method: 'PUT', path: '/orders' }, `order ${i}`)).status, 200);
  t.equal(count, 15);
  t.same(bodies.slice(0, 3), ['order 0', 'order 0', 'order 0'], 'the body is sent again whole');
  const text = client.metrics.registry.text();
  t.match(text, /route_response_total\{.*rt_route="PUT \/orders",status_code="200",classification="success"\} 5/);
  t.match(
    text,
    /route_actual_response_total\{.*rt_route="PUT \/orders",status_code="503",classification="failure"\} 10/,
  );
  t.equal((await request(port, { path: '/other' })).status, 503, 'no other route is tried again');
});

t.test('stops trying again when the budget is spent', async (t) => {
  let count = 0;
  const { port, client } = await mesh(
    t,
    (_incoming, outgoing) => {
      count++;
      outgoing.writeHead(500).end();
    },
    {
      routes: [route('all', { retry: retryable })],
      retryBudget: { ratio: 0, minPerSecond: 1, windowMs: 10_000 },
    },
  );
  for (let i = 0; i < 5; i++) t.equal((await request(port)).status, 500);
  t.equal(count, 5 + 10);
  t.match(client.metrics.registry.text(), /route_retryable_total\{.*skipped="no_budget"\} \d/);
});

t.test('answers 504 at the deadline of the route and stops the server', async (t) => {
  let aborted = 0;
  const { port } = await mesh(t, (incoming) => void incoming.on('close', () => aborted++), {
    routes: [route('slow', { timeouts: { headMs: 200 } })],
  });
  const start = performance.now();
  const { status, headers, body } = await request(port);
  const took = performance.now() - start;
  t.equal(status, 504);
  t.equal(headers['weft-proxy-error'], 'request_timeout');
  t.match(String(body), 'ServiceProfile/slow');
  t.ok(took >= 195 && took < 1000, `${Math.round(took)} ms`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(aborted, 1);
});

t.test('fails closed when the endpoint is somebody else', async (t) => {
  const { port, client, inboundPort } = await mesh(t, echo);
  client.describe('10.96.0.1:80', service('api', [endpoint(inboundPort, 'other')]));
  const { status, headers } = await request(port);
  t.equal(status, 502);
  t.match(headers['weft-proxy-error'], /destination_identity_mismatch|connect_failed/);
});

t.test('a certificate that does not hold is refused by either side, and both say why', async (t) => {
  const { port, client, server } = await mesh(t, echo);
  const expired = authority.credentials('api', -90_000);
  server.mutualTls.use({ ...expired, notAfter: Date.now() + 60_000 });
  const byClient = await request(port);
  t.equal(byClient.status, 502);
  t.equal(byClient.headers['weft-proxy-error'], 'peer_certificate_expired');
  t.match(String(byClient.body), /ended at .*, 1m\d+s ago by this clock/);

  server.mutualTls.use(authority.credentials('api'));
  client.mutualTls.use({ ...authority.credentials('frontend', -90_000), notAfter: Date.now() + 60_000 });
  for (let i = 0; i < 50 && !/peer_certificate_expired/.test(server.metrics.registry.text()); i++) {
    t.equal((await request(port)).status >= 500, true);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.match(server.metrics.registry.text(), /inbound_http_errors_total\{error="peer_certificate_expired"\}/);
  t.match(server.failures.entries.at(-1), { reason: 'peer_certificate_expired', message: /1m\d+s ago by this clock/ });
});

t.test('fails closed when its own certificate has expired', async (t) => {
  const { port, client } = await mesh(t, echo);
  client.mutualTls.use({ ...client.mutualTls.credentials!, notAfter: Date.now() - 1 });
  t.equal((await request(port)).status, 502);
});

t.test('refuses a client without a certificate under all-authenticated, and says nothing to a stranger', async (t) => {
  const { inboundPort, port } = await mesh(
    t,
    echo,
    {},
    { defaultPolicy: { mode: 'all-authenticated', origin: 'test' } },
  );
  t.equal((await request(port)).status, 200, 'a meshed client is let in');
  t.equal((await request(inboundPort)).status, 200, '127.0.0.1 is the pod itself');
  const { status, headers, body } = await request(inboundPort, { localAddress: '127.0.0.2' });
  t.equal(status, 403);
  t.notOk(headers['weft-proxy-error']);
  t.equal(body.length, 0);
});

t.test('answers 502 with a reason when nothing listens, and balances away from it', async (t) => {
  const { port, client, inboundPort } = await mesh(t, echo);
  client.describe('10.96.0.1:80', service('api', [endpoint(1)]));
  const refused = await request(port);
  t.equal(refused.status, 502);
  t.equal(refused.headers['weft-proxy-error'], 'connect_failed');
  client.describe('10.96.0.1:80', service('api', [endpoint(1), endpoint(inboundPort, 'api')]));
  for (let i = 0; i < 20; i++) t.equal((await request(port)).status, 200);
});

t.test('answers 504 fail_fast when no endpoint comes, and goes on when one does', async (t) => {
  const { port, client, inboundPort } = await mesh(t, echo);
  client.describe('10.96.0.1:80', service('api', []));
  const pending = request(port);
  setTimeout(() => client.describe('10.96.0.1:80', service('api', [endpoint(inboundPort, 'api')])), 100);
  t.equal((await pending).status, 200);
});

t.test('forwards an unknown address untouched and counts it', async (t) => {
  const { port, client, applicationPort } = await mesh(t, echo);
  client.outboundDestination = { host: '127.0.0.1', port: applicationPort };
  client.describe(`127.0.0.1:${applicationPort}`, null);
  t.equal((await request(port)).status, 200);
  t.match(client.metrics.registry.text(), /weft_proxy_unknown_target_connections_total 1/);
});

t.test('reaches a pod without redirect rules directly, by the transport header', async (t) => {
  const { port, client, server, applicationPort } = await mesh(t, echo);
  const inboundPort = await server.listenDirect();
  const direct = (uid: string) => {
    const target = endpoint(applicationPort, 'api');
    return { ...target, uid, tls: { ...target.tls!, mode: 'direct' as const, inboundPort } };
  };
  client.describe('10.96.0.1:80', service('api', [direct('http')]));
  const { status, headers } = await request(port, { method: 'POST', path: '/direct' }, 'body');
  t.equal(status, 200);
  t.match(String(headers['x-raw']), 'frontend.default.serviceaccount');
  client.describe('10.96.0.1:80', service('api', [direct('octets')], { protocol: 'opaque' }));
  t.equal((await request(port)).status, 200, 'and octets too');
});

t.test('serves as an explicit proxy: absolute-form requests and CONNECT', async (t) => {
  const { client, inboundPort } = await mesh(t, echo);
  client.describe('api.default:80', service('api', [endpoint(inboundPort, 'api')]));
  client.describe('nowhere:80', null);
  const port = await client.listenExplicit();
  const absolute = await request(port, { path: 'http://api.default/users', headers: { host: 'api.default' } });
  t.equal(absolute.status, 200);
  t.equal(absolute.headers['x-seen'], 'GET /users 1.1');
  const posted = await request(
    port,
    { method: 'POST', path: 'http://api.default/', headers: { host: 'api.default' } },
    'body',
  );
  t.equal(String(posted.body), 'body');
  const unknown = await request(port, { path: 'http://nowhere/', headers: { host: 'nowhere' } });
  t.equal(unknown.headers['weft-proxy-error'], 'target_unknown');

  const heard = await new Promise<string>((resolve, reject) => {
    http
      .request({ host: '127.0.0.1', port, method: 'CONNECT', path: 'api.default:80', agent: false })
      .on('connect', (answer, socket) => {
        t.equal(answer.statusCode, 200);
        socket.write('GET /tunnel HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n');
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk;
        });
        socket.on('close', () => resolve(text));
      })
      .on('error', reject)
      .end();
  });
  t.match(heard, /x-seen: GET \/tunnel/i);
});

/** What an explicit proxy says to these octets, until it closes. */
function said(port: number, octets: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(octets));
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

t.test('HTTP in a tunnel is routed as HTTP: the routes of a profile hold', async (t) => {
  const { client, inboundPort } = await mesh(t, echo);
  const get = route('GET /tunnel', { when: { path: { exact: '/tunnel' } } });
  client.describe('api:80', service('api', [endpoint(inboundPort, 'api')], { routes: [get] }));
  const port = await client.listenExplicit();
  const heard = await said(
    port,
    'CONNECT api:80 HTTP/1.1\r\nHost: api:80\r\n\r\nGET /tunnel HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n',
  );
  t.match(heard, /^HTTP\/1.1 200 OK\r\n\r\nHTTP\/1.1 200/);
  t.match(client.metrics.registry.text(), /route_request_total\{direction="outbound".*rt_route="GET \/tunnel"\} 1/);
});

t.test('refuses a tunnel that leads nowhere, and says why', async (t) => {
  const { client } = await mesh(t, echo);
  client.describe('api:80', service('api', []));
  client.describe('127.0.0.1:1', null);
  const port = await client.listenExplicit();
  for (const target of ['api:80', '127.0.0.1:1']) {
    const heard = await said(port, `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nConnection: close\r\n\r\n`);
    t.match(heard, /^HTTP\/1.1 502 .*weft-proxy-error: connect_failed/s);
  }
  t.match(await said(port, 'CONNECT api HTTP/1.1\r\nHost: api\r\n\r\n'), /^HTTP\/1.1 400/);
});

t.test(
  'octets that claim to be opaque are governed as HTTP, or refused, where a direct port has HTTP rules',
  async (t) => {
    const { port, client, server, applicationPort } = await mesh(t, echo);
    const { config } = server.ports;
    const routes = { '': [route('GET /seen', { when: { path: { exact: '/seen' } } })] };
    const rules = { port: applicationPort, policy: config.defaultPolicy, routes };
    server.ports.update({ ...config, ports: [{ ...rules, protocol: 'detect' }] });
    const inboundPort = await server.listenDirect();
    const target = endpoint(applicationPort, 'api');
    const direct = { ...target, tls: { ...target.tls!, mode: 'direct' as const, inboundPort } };
    client.describe('10.96.0.1:80', service('api', [direct], { protocol: 'opaque' }));
    t.equal((await request(port, { path: '/seen' })).status, 200);
    t.match(server.metrics.registry.text(), /route_request_total\{direction="inbound".*rt_route="GET \/seen"\} 1/);
    t.equal(await said(port, 'no request at all\n'), '');
    t.match(server.metrics.registry.text(), /inbound_http_errors_total\{error="opaque_on_http_port"\} 1/);

    server.ports.update({ ...config, ports: [{ ...rules, protocol: 'opaque' }] });
    t.match(await said(port, 'no request at all\n'), /^HTTP\/1\.1 400/, 'a port that is marked opaque takes octets');
  },
);

t.test('requests that claim to be opaque octets are under the rate limit of their port', async (t) => {
  const { port, server, applicationPort } = await mesh(t, echo, { protocol: 'opaque' });
  const { config } = server.ports;
  const rateLimit = { totalPerSecond: 2, origin: 'HTTPLocalRateLimitPolicy/default/api' };
  const rules = { port: applicationPort, policy: config.defaultPolicy, routes: {}, rateLimit };
  server.ports.update({ ...config, ports: [{ ...rules, protocol: 'detect' }] });
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await request(port)).status);
  t.same(statuses, [200, 200, 429, 429, 429]);
});

t.test('a direct connection from loopback is judged by its identity, not by its address', async (t) => {
  const { port, client, server, applicationPort } = await mesh(t, echo);
  server.ports.update({ ...server.ports.config, defaultPolicy: { mode: 'deny', origin: 'test' } });
  const inboundPort = await server.listenDirect();
  const target = endpoint(applicationPort, 'api');
  const direct = { ...target, tls: { ...target.tls!, mode: 'direct' as const, inboundPort } };
  client.describe('10.96.0.1:80', service('api', [direct]));
  t.equal((await request(port)).status, 403);
});

t.test('refuses a direct connection without a certificate', async (t) => {
  const { server } = await mesh(t, echo);
  const inboundPort = await server.listenDirect();
  await t.rejects(request(inboundPort));
  t.match(server.metrics.registry.text(), /inbound_http_errors_total\{error="direct_without_identity"\} 1/);
});

t.test('refuses malformed requests and serves the next connection', async (t) => {
  const { port } = await mesh(t, echo);
  const raw = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('close', () => resolve(heard));
      socket.on('error', () => {});
    });
  for (const [name, text] of [
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n'],
    ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['an unknown coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['a bad chunk size', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ] as const) {
    const heard = await raw(text);
    t.match(heard, /^(HTTP\/1.1 400|$)/, name);
  }
  t.equal((await request(port)).status, 200);
});
