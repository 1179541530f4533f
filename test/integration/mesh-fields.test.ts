/** What only the mesh may say, said by clients, applications and servers instead. */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { request } from '../support/http-request.ts';
import { endpoint, identityOf, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const FORGED = {
  'l5d-client-id': 'admin',
  l5d_client_id: 'admin',
  'x-forwarded-client-cert': 'URI=admin',
  x_forwarded_client_cert: 'URI=admin',
  'l5d-dst-canonical': 'forged.default.svc.cluster.local:80',
  'l5d-orig-proto': 'HTTP/1.0',
  content_length: '0',
  transfer_encoding: 'chunked',
};
const ASKED = {
  'l5d-dst-override': 'admin.default.svc.cluster.local:80',
  'l5d-retry-http': '5xx',
  'l5d-timeout': '1ms',
  'x-envoy-max-retries': '9',
  'x-envoy-upstream-rq-timeout-ms': '1',
};
const HONEST = { 'x-trace': 'kept', x_underscore: 'kept' };

interface Heard {
  version: string;
  fields: string[];
  trailers: string[];
}

/** An application behind its proxy, which keeps what it heard and answers with trailers; and a client's proxy before both. */
async function mesh(t: Test, version = 'HTTP/1.1') {
  const heard: Heard[] = [];
  const answer = (
    incoming: http.IncomingMessage | http2.Http2ServerRequest,
    end: (trailers: Record<string, string>) => void,
  ) => {
    incoming.resume().on('end', () => {
      const { httpVersion: version, rawHeaders: fields, rawTrailers: trailers } = incoming;
      heard.push({ version, fields, trailers });
      end({ 'x-sum': '42', 'l5d-client-id': 'admin', 'weft-proxy-error': 'forged', 'content-type': 'forged/x' });
    });
  };
  const http1Server = http.createServer((incoming, outgoing) =>
    answer(incoming, (trailers) => {
      outgoing.writeHead(200, { 'weft-proxy-error': 'forged' });
      outgoing.write('body');
      outgoing.addTrailers(trailers);
      outgoing.end();
    }),
  );
  const http2Server = http2.createServer((incoming, outgoing) =>
    answer(incoming, (trailers) => {
      outgoing.writeHead(200, { 'weft-proxy-error': 'forged' });
      for (const [name, value] of Object.entries(trailers)) outgoing.addTrailers({ [name]: value });
      outgoing.end('body');
    }),
  );
  const application = version === 'HTTP/2' ? http2Server : http1Server;
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const applicationPort = (application.address() as net.AddressInfo).port;
  const routes = { 'api.default.svc.cluster.local': [route('all', {})] };
  const server = new TestProxy('api', authority, {
    inbound: {
      ports: [
        { port: applicationPort, protocol: 'detect', policy: { mode: 'all-unauthenticated', origin: '' }, routes },
      ],
    },
  });
  const client = new TestProxy('frontend', authority);
  const inbound = await server.listenInbound(applicationPort);
  client.describe('10.96.0.1:80', service('api', [endpoint(inbound, 'api')]));
  const outbound = await client.listenOutbound();
  t.teardown(() => {
    client.close();
    server.close();
    application.close();
    http1Server.closeAllConnections();
  });
  return { heard, inbound, outbound, server, client };
}

/** A request with trailers, as raw octets. @returns the answer, raw */
async function overHttp1(port: number, fields: object, trailers = fields): Promise<string> {
  const linesOf = (each: object) =>
    Object.entries(each)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece;
  });
  socket.write(
    `POST /a HTTP/1.1\r\nHost: api.default.svc.cluster.local\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n${linesOf(fields)}\r\n1\r\nx\r\n0\r\n${linesOf(trailers)}\r\n`,
  );
  await new Promise((resolve) => socket.on('close', resolve));
  return text;
}

/** The same over HTTP/2. @returns the answer's fields and trailers */
async function overHttp2(port: number, fields: object, trailers = fields): Promise<string> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const head = { ':method': 'POST', ':path': '/a', ':authority': 'api.default.svc.cluster.local', ...fields };
  const stream = session.request(head, { waitForTrailers: true });
  const got: object[] = [];
  stream.on('wantTrailers', () => stream.sendTrailers(trailers as http2.OutgoingHttpHeaders));
  stream.on('response', (headers) => got.push(headers)).on('trailers', (trailers) => got.push(trailers));
  stream.end('x');
  stream.resume();
  await new Promise((resolve, reject) => stream.on('close', resolve).on('error', reject));
  session.close();
  return JSON.stringify(got);
}

const PAIRS = { 'HTTP/1.1': overHttp1, 'HTTP/2': overHttp2 };

for (const [version, send] of Object.entries(PAIRS)) {
  t.test(`${version}: what a client outside the mesh forges reaches no application`, async (t) => {
    const { heard, inbound } = await mesh(t, version);
    const answer = await send(inbound, { ...FORGED, ...HONEST });
    t.equal(heard.length, 1);
    t.notMatch(heard[0]!.fields.join('\n'), /admin|l5d|_length|_encoding/i);
    for (const name of Object.keys(HONEST)) t.ok(heard[0]!.fields.includes(name), `${name} is the application's`);
    t.notMatch(answer, /forged|admin/);
  });

  t.test(`${version}: what an application asks of its own proxy is not a stranger's to say`, async (t) => {
    const { heard, inbound, outbound } = await mesh(t, version);
    await send(inbound, { ...ASKED, ...HONEST }, {});
    await send(outbound, { ...ASKED, ...HONEST }, {});
    const [strangers, peers] = heard.map(({ fields }) => fields.filter((name) => name in ASKED));
    t.same(strangers, []);
    t.same(peers, Object.keys(ASKED), 'a peer may pass it on');
    t.ok(heard[0]!.fields.includes('x-trace'));
  });

  t.test(`${version}: what an application passes on is its own proxy's to say`, async (t) => {
    const { heard, outbound, server } = await mesh(t, version);
    const answer = await send(outbound, { ...FORGED, ...HONEST });
    t.equal(heard.length, 1);
    const { fields } = heard[0]!;
    t.notMatch(fields.join('\n'), /admin|dst-canonical|orig-proto|_length|_encoding/i);
    t.equal(fields[fields.indexOf('l5d-client-id') + 1], identityOf('frontend'));
    t.match(
      fields[fields.indexOf('x-forwarded-client-cert') + 1],
      /^By=spiffe:\/\/cluster.local\/ns\/default\/sa\/api;Hash=[0-9a-f]{64};URI=spiffe:\/\/cluster.local\/ns\/default\/sa\/frontend$/,
    );
    t.notMatch(answer, /forged|admin/);
    t.match(server.metrics.registry.text(), 'dst="api.default.svc.cluster.local:');
    t.notMatch(server.metrics.registry.text(), /forged/);
  });

  t.test(`${version}: trailers carry neither framing nor identity, either way`, async (t) => {
    for (const way of ['inbound', 'outbound'] as const) {
      const ports = await mesh(t, version);
      const answer = await send(ports[way], HONEST, {
        ...FORGED,
        ...HONEST,
        'content-length': '7',
        authorization: 'admin',
      });
      const { trailers } = ports.heard[0]!;
      t.notMatch(trailers.join('\n'), /admin|l5d|_length|_encoding|content-length/i, way);
      t.ok(trailers.includes('x-trace'), `${way}: a trailer of the client's own`);
      t.match(answer, /x-sum/i, way);
      t.notMatch(answer, /admin|forged/, way);
    }
  });
}

t.test('names that strangers make up become no series', async (t) => {
  const { inbound, server } = await mesh(t);
  const series = () => server.metrics.registry.text().split('\n').length;
  await request(inbound, { headers: { host: 'api.default.svc.cluster.local' } });
  await request(inbound, { headers: { host: 'first.made.up' } });
  const before = series();
  for (let at = 0; at < 200; at++)
    await request(inbound, { headers: { host: `h${at}.made.up`, 'l5d-dst-canonical': `c${at}.made.up:80` } });
  t.equal(series(), before);
  t.match(
    server.metrics.registry.text(),
    /route_request_total\{direction="inbound",dst="api\.default\.svc\.cluster\.local:/,
  );
});
