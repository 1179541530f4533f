/** What an upgrade's request and answer say arrives as it was said. */
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { eventually } from '../support/eventually.ts';
import { openWays } from '../support/ways.ts';

/** An application that answers each head as it is told and then echoes, and the ways to it. */
async function start(t: Test, answer: string) {
  const heads: string[] = [];
  const sockets = new Set<net.Socket>();
  const application = net.createServer((socket) => {
    sockets.add(socket);
    let head = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      if (head.includes('\r\n\r\n')) return void socket.write(chunk);
      head += chunk.toString('latin1');
      const at = head.indexOf('\r\n\r\n');
      if (at < 0) return;
      heads.push(head.slice(0, at));
      socket.write(`${answer}\r\n\r\n${head.slice(at + 4)}`);
    });
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const { port } = application.address() as net.AddressInfo;
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    application.close();
  });
  const { one, two } = (await openWays(t, port)).ports;
  return { heads, ways: { one, two } };
}

/** Says something, and then `word` where an answer has come. @returns what came back, and a word to say more */
function talk(t: Test, port: number, text: string): { readonly heard: string; say(text: string): void } {
  const socket = net.connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let heard = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  socket.write(text);
  return {
    get heard() {
      return heard;
    },
    say: (more) => void socket.write(more),
  };
}

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ';

for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
  t.test(`an upgrade by ${method} stays one, and its empty body ends no tunnel`, async (t) => {
    const { heads, ways } = await start(t, `${SWITCH}tcp`);
    for (const [way, port] of Object.entries(ways)) {
      const length = method === 'POST' || method === 'PUT' ? 'Content-Length: 0\r\n' : '';
      const talked = talk(
        t,
        port,
        `${method} /attach HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${length}\r\n`,
      );
      t.ok(await eventually(() => talked.heard.includes('\r\n\r\n'), 5000), way);
      for (const word of ['one ', 'two ']) talked.say(word);
      t.ok(await eventually(() => talked.heard.endsWith('one two '), 5000), `${way}: ${talked.heard}`);
      const head = heads.at(-1)!;
      t.match(head, new RegExp(`^${method} /attach HTTP/1.1\r\n`), way);
      t.equal(/content-length: 0/i.test(head), length !== '', head);
    }
  });
}

t.test('the answer names the protocol that the server chose', async (t) => {
  const { ways } = await start(t, `${SWITCH}b`);
  for (const [way, port] of Object.entries(ways)) {
    const talked = talk(t, port, 'GET / HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: a, b\r\n\r\n');
    t.ok(await eventually(() => talked.heard.includes('\r\n\r\n'), 5000), way);
    t.match(talked.heard, /^HTTP\/1.1 101 /, way);
    t.match(talked.heard, /\r\nUpgrade: b\r\n/, talked.heard);
  }
});

t.test('a server that chooses what it was not offered is not followed', async (t) => {
  const { ways } = await start(t, `${SWITCH}h2c`);
  for (const [way, port] of Object.entries(ways)) {
    const talked = talk(t, port, 'GET / HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: a, h2c\r\n\r\n');
    t.ok(await eventually(() => talked.heard.includes('\r\n\r\n'), 5000), way);
    t.match(talked.heard, /^HTTP\/1.1 502 /, way);
  }
});

t.test('a server that wants another protocol says which', async (t) => {
  const { ways } = await start(
    t,
    'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: TLS/1.3, HTTP/2.0\r\nContent-Length: 0',
  );
  for (const [way, port] of Object.entries(ways)) {
    const talked = talk(t, port, 'GET / HTTP/1.1\r\nHost: api\r\n\r\n');
    t.ok(await eventually(() => talked.heard.includes('\r\n\r\n'), 5000), way);
    t.match(talked.heard, /^HTTP\/1.1 426 /, way);
    t.match(talked.heard, /\r\nConnection: Upgrade\r\nUpgrade: TLS\/1.3, HTTP\/2.0\r\n/, talked.heard);
  }
});
