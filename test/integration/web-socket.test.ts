/** Many WebSockets at once through two proxy processes. */
import type { AddressInfo } from 'node:net';
import t from 'tap';

import { startProxyPair } from '../support/proxy-process.ts';
import { createEchoServer, WebSocketClient } from '../support/web-socket.ts';

const SOCKETS = 1000;

t.test('carries the messages of a thousand WebSockets, each to its own', async (t) => {
  const application = createEchoServer();
  await new Promise<void>((resolve) => application.listen({ port: 0, host: '127.0.0.1', backlog: SOCKETS }, resolve));
  const pair = await startProxyPair((application.address() as AddressInfo).port);
  t.teardown(() => {
    pair.end();
    application.close();
  });
  const start = performance.now();
  const before = pair.outbound.unshared();
  const sockets: WebSocketClient[] = [];
  for (let i = 0; i < SOCKETS; i += 100)
    sockets.push(
      ...(await Promise.all(Array.from({ length: 100 }, (_, k) => WebSocketClient.open(pair.port, `/${i + k}`)))),
    );
  t.equal(sockets.length, SOCKETS, 'every handshake succeeds');
  t.comment(`${SOCKETS} sockets opened in ${Math.round(performance.now() - start)} ms`);
  t.comment(`${Math.round((pair.outbound.unshared() - before) / SOCKETS)} octets of memory a socket (outbound)`);

  for (const [name, text] of [
    ['a short message', 'hello'],
    ['a long message', 'x'.repeat(20_000)],
  ] as const) {
    for (const [i, socket] of sockets.entries()) socket.send(`${i} ${text}`);
    const heard = await Promise.all(sockets.map((socket) => socket.receive()));
    t.equal(heard.filter((each, i) => each === `${i} ${text}`).length, SOCKETS, `${name} comes back on each`);
  }
  const counts = Array.from({ length: 20 }, (_, i) => String(i));
  for (const each of counts) sockets[0]!.send(each);
  const heard: string[] = [];
  while (heard.length < counts.length) heard.push(await sockets[0]!.receive());
  t.same(heard, counts, 'messages keep their order');

  const codes = await Promise.all(sockets.map((socket) => socket.close(4000)));
  t.equal(codes.filter((code) => code === 4000).length, SOCKETS, 'every goodbye is answered');
  t.comment(`${Math.round(performance.now() - start)} ms in all`);
});

t.test('tells a client that the server of its WebSocket has gone', async (t) => {
  const application = createEchoServer();
  const upgraded: { destroy(): void }[] = [];
  application.prependListener('upgrade', (_request, socket) => upgraded.push(socket));
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const pair = await startProxyPair((application.address() as AddressInfo).port);
  t.teardown(() => {
    pair.end();
    application.close();
  });
  const socket = await WebSocketClient.open(pair.port, '/');
  upgraded[0]!.destroy();
  await t.rejects(socket.receive(), /ended/);
});
