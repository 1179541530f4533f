/** Applications that end while requests come: what they did not take goes to another endpoint, or another connection. */
import http from 'node:http';
import net from 'node:net';
import t, { type Test } from 'tap';

import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

/** A client's proxy and an endpoint's for each application. @returns the port that the client connects to */
async function mesh(t: Test, ...applicationPorts: number[]) {
  const client = new TestProxy('frontend', authority);
  const servers = applicationPorts.map(() => new TestProxy('api', authority));
  const endpoints = await Promise.all(
    servers.map(async (server, at) => endpoint(await server.listenInbound(applicationPorts[at]!), 'api')),
  );
  client.describe('10.96.0.1:80', service('api', endpoints));
  const port = await client.listenOutbound();
  t.teardown(() => {
    client.close();
    for (const server of servers) server.close();
  });
  return { port, client };
}

/** A client that keeps its connection: with `Connection: close` no connection to the application is used twice. */
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
t.teardown(() => agent.destroy());

function request(port: number, method: string, body = ''): Promise<{ status: number; text: string; error: string }> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ port, host: '127.0.0.1', method, path: '/', agent }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode!, text, error: String(answer.headers['weft-proxy-error'] ?? '') }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

t.test('what an application that listens no more did not take goes to another endpoint', async (t) => {
  const application = http.createServer((incoming, outgoing) => incoming.pipe(outgoing));
  const gone = net.createServer();
  const gonePort = await listening(gone);
  gone.close();
  const { port } = await mesh(t, gonePort, await listening(application));
  t.teardown(() => application.close());
  for (let i = 0; i < 30; i++) {
    const answer = await request(port, 'POST', `body ${i}`);
    if (answer.status !== 200 || answer.text !== `body ${i}`) t.same(answer, { status: 200, text: `body ${i}` });
  }
  t.pass('30 requests, no retry rule, every one answered well');
});

t.test('the application alone cannot say that it was not reached', async (t) => {
  let asked = 0;
  const application = http.createServer((_incoming, outgoing) => {
    asked++;
    outgoing.writeHead(502, { 'weft-proxy-error': 'connect_failed' }).end();
  });
  const { port } = await mesh(t, await listening(application));
  t.teardown(() => application.close());
  t.same(await request(port, 'POST'), { status: 502, text: '', error: '' });
  t.equal(asked, 1, 'asked once');
});

t.test('a request that meets the end of an idle connection is sent on another one', async (t) => {
  // Answers the first request of each connection and closes without a word at the second.
  let connections = 0;
  const application = net.createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      socket.once('data', () => socket.end());
    });
  });
  const { port } = await mesh(t, await listening(application));
  t.teardown(() => application.close());
  for (let i = 0; i < 10; i++) t.equal((await request(port, 'GET')).status, 200);
  t.ok(connections > 1, `${connections} connections`);
  const posts = [];
  for (let i = 0; i < 4; i++) posts.push(await request(port, 'POST'));
  t.ok(
    posts.some(({ error }) => error === 'endpoint_closed'),
    'what may have done something is not sent twice',
  );
});
