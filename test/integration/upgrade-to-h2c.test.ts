import * as http2 from 'node:http2';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { openWay, WAYS_IN } from '../support/ways-in.ts';

/** An application that keeps what it was offered, and takes none of it. */
async function application(t: Test): Promise<{ port: number; offered: string[] }> {
  const offered: string[] = [];
  const server = net.createServer((socket) => {
    let head = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      offered.push(/^upgrade: *(.*)\r$/im.exec(head)?.[1] ?? '');
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, offered };
}

/** Asks for an upgrade in HTTP/1.1. @returns the status */
function upgrade(socket: net.Socket, tokens: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(heard.split(' ')[1] ?? 'no answer'));
    socket.setTimeout(4000, () => socket.destroy());
    socket.write(
      `GET / HTTP/1.1\r\nHost: api\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: ${tokens}\r\n` +
        'HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
    );
  });
}

const UPGRADES = [
  ['h2c', ''],
  ['H2C', ''],
  ['h2c/1', ''],
  ['x, h2c', 'x'],
  ['h2c, x', 'x'],
  ['h2c,h2,x/2', 'x/2'],
  ['websocket', 'websocket'],
] as const;

for (const way of WAYS_IN) {
  t.test(`h2c is not among the protocols that an application is offered, ${way}`, async (t) => {
    for (const [asked, left] of UPGRADES) {
      const { port, offered } = await application(t);
      const { connect, close } = await openWay(way, port);
      t.equal(await upgrade(connect(), asked), '200', `${asked}: answered`);
      t.same(offered, [left], `${asked}: ${left || 'nothing'} is offered`);
      close();
    }
  });

  t.test(`h2c is not among the protocols of extended CONNECT, ${way}`, async (t) => {
    const offered: string[] = [];
    const server = http2.createServer({ settings: { enableConnectProtocol: true } });
    server.on('stream', (stream, headers) => {
      offered.push(String(headers[':protocol'] ?? headers[':method']));
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      stream.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { connect, close } = await openWay(way, (server.address() as net.AddressInfo).port);
    t.teardown(close);
    const socket = connect();
    const session = http2.connect('http://api', { createConnection: () => socket });
    t.teardown(() => session.destroy());
    session.on('error', () => {});
    // A first request makes the proxy know what the application speaks.
    await tunnel(session, {});
    for (const asked of ['h2c', 'H2C', 'x, h2c', 'websocket'])
      await tunnel(session, { ':method': 'CONNECT', ':protocol': asked, ':scheme': 'http' });
    t.same(
      offered.filter((protocol) => /h2c/i.test(protocol)),
      [],
    );
    t.equal(offered.at(-1), 'websocket', 'others are');
  });
}

/** Sends a request, and resolves when it is answered or reset. */
function tunnel(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders): Promise<void> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': '/', ...headers });
    stream.setTimeout(4000, () => stream.destroy());
    stream.on('response', () => stream.destroy());
    stream.on('error', () => {});
    stream.on('close', resolve);
  });
}
