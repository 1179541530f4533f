/** What an application hears that uses its proxy explicitly: requests in absolute form, and tunnels. */
import * as http from 'node:http';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

async function listening(t: Test, server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** A proxy that knows `api:80`, whose server says what it was asked for, and `echo:7`, which has no endpoint. */
async function start(t: Test) {
  const server = http.createServer((request, answer) => {
    answer.setHeader('X-Case', 'kept');
    answer.end(`${request.method} ${request.url} of ${request.headers.host}`);
  });
  const application = await listening(t, server);
  const proxy = new TestProxy('web', new TestAuthority());
  proxy.describe('api:80', service('api', [endpoint(application)]));
  for (const unknown of ['nobody:80', `127.0.0.1:${application}`, '127.0.0.1:1']) proxy.describe(unknown, null);
  proxy.describe('echo:7', service('echo', [], { port: 7 }));
  const port = await proxy.listenExplicit();
  t.teardown(() => {
    proxy.close();
    server.closeAllConnections();
  });
  /** Says something on a connection of its own. @returns all that is heard, and how it ended */
  const ask = (words: string) =>
    new Promise<string>((resolve) => {
      let heard = '';
      const socket = net.connect(port, '127.0.0.1', () => socket.write(words));
      socket.setTimeout(5000, () => resolve(`${heard}(silence)`)).setEncoding('latin1');
      socket.on('data', (text) => {
        heard += text;
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(`${heard}(${error.code})`));
      socket.on('end', () => resolve(heard));
    });
  return { proxy, port, application, ask };
}

const CLOSE = 'Connection: close\r\n\r\n';

t.test('a request in absolute form goes to the target that it names, in origin form', async (t) => {
  const { ask } = await start(t);
  const heard = await ask(`GET http://api/users?id=1 HTTP/1.1\r\nHost: other\r\n${CLOSE}`);
  t.match(heard, /^HTTP\/1.1 200 /);
  t.match(heard, /\r\nX-Case: kept\r\n/, 'names of fields keep their case');
  t.match(heard, /GET \/users\?id=1 of api/);
});

t.test('one whose host is unknown, or none, is refused with a reason', async (t) => {
  const { ask, proxy } = await start(t);
  const unknown = await ask(`GET http://nobody/ HTTP/1.1\r\nHost: nobody\r\n${CLOSE}`);
  t.match(unknown, /^HTTP\/1.1 502 [\s\S]*weft-proxy-error: target_unknown/);
  t.match(unknown, /destination knows no target nobody/);
  const none = await ask(`GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
  t.match(none, /weft-proxy-error: (target_invalid|request_malformed)/);
  const text = proxy.metrics.registry.text();
  t.match(text, /outbound_http_errors_total\{error="target_unknown"\} 1/);
});

t.test('what is no HTTP is refused and counted', async (t) => {
  const { ask, proxy } = await start(t);
  t.match(await ask('GET / HTTP/9.9\r\n\r\n'), /^HTTP\/1.1 \d+ [\s\S]*weft-proxy-error: request_malformed/);
  t.match(proxy.metrics.registry.text(), /malformed_messages_total\{direction="outbound",reason="[^"]+"\} 1/);
});

t.test('a head that is too large is counted as such', async (t) => {
  const { ask, proxy } = await start(t);
  t.match(await ask(`GET http://api/ HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`), /^HTTP\/1.1 431 /);
  t.match(
    proxy.metrics.registry.text(),
    /limit_exceeded_total\{direction="outbound",peer="src",limit="head_too_large"\} 1/,
  );
});

t.test('a tunnel carries what is asked in it', async (t) => {
  const { ask } = await start(t);
  const heard = await ask(`CONNECT api:80 HTTP/1.1\r\nHost: api:80\r\n\r\nGET /in HTTP/1.1\r\nHost: in\r\n${CLOSE}`);
  t.match(heard, /^HTTP\/1.1 200 OK\r\n\r\nHTTP\/1.1 200 /);
  t.match(heard, /GET \/in of in/);
});

t.test('a tunnel to an address that nobody knows leads there', async (t) => {
  const { ask, application } = await start(t);
  const heard = await ask(
    `CONNECT 127.0.0.1:${application} HTTP/1.1\r\nHost: a\r\n\r\nGET /in HTTP/1.1\r\nHost: in\r\n${CLOSE}`,
  );
  t.match(heard, /^HTTP\/1.1 200 OK\r\n\r\nHTTP\/1.1 200 [\s\S]*GET \/in of in/);
});

t.test('a tunnel that leads nowhere is refused with a reason, and none is opened', async (t) => {
  const { ask } = await start(t);
  const none = await ask(`CONNECT echo:7 HTTP/1.1\r\nHost: echo:7\r\n${CLOSE}`);
  t.match(none, /^HTTP\/1.1 5\d\d [\s\S]*weft-proxy-error: connect_failed/);
  t.match(none, /has no endpoint/);
  const closed = await ask(`CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
  t.match(closed, /^HTTP\/1.1 5\d\d [\s\S]*weft-proxy-error: connect_failed/);
  t.notMatch(closed, / 200 /);
  const invalid = await ask(`CONNECT nonsense HTTP/1.1\r\nHost: a\r\n${CLOSE}`);
  t.match(invalid, /^HTTP\/1.1 [45]\d\d /);
});

t.test('who says nothing and goes leaves nothing behind', async (t) => {
  const { port, proxy } = await start(t);
  for (const end of ['end', 'destroy'] as const) {
    const socket = net.connect(port, '127.0.0.1', () => socket[end]());
    socket.on('error', () => {}).resume();
    await new Promise((resolve) => socket.once('close', resolve));
  }
  t.equal(proxy.connections.size, 0);
});
