/** Applications that answer before they have the request, and do with the rest what they like. */
import * as http2 from 'node:http2';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { eventually } from '../support/eventually.ts';
import { openWays } from '../support/ways.ts';

/** An application of HTTP/1, a connection at a time, in the hands of the test. */
async function application(t: Test, onHead: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let head = '';
    const onData = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      onHead(socket);
    };
    socket.on('data', onData);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as net.AddressInfo).port;
}

/** A client that writes the whole of its request before it reads. @returns what it has read then; empty: it could not write */
function writeFirst(port: number, octets: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
    socket.pause();
    socket.write(`PUT / HTTP/1.1\r\nHost: api\r\nContent-Length: ${octets}\r\n\r\n`);
    socket.write(Buffer.alloc(octets, 'x'), () => {
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
        if (/\r\n\r\n.*no$/s.test(answer)) {
          resolve(answer);
          socket.destroy();
        }
      });
      socket.resume();
    });
  });
}

t.test('a client that writes first and reads then gets the answer that came meanwhile', async (t) => {
  const port = await application(t, (socket) => {
    socket.resume();
    socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno');
  });
  for (const [way, each] of Object.entries((await openWays(t, port)).ports))
    t.match(await writeFirst(each, 20_000_000), /^HTTP\/1.1 413 /, way);
});

t.test('so it does where the application closes when it has answered, and reads on for a while', async (t) => {
  const port = await application(t, (socket) => {
    socket.resume();
    socket.end('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno');
  });
  for (const [way, each] of Object.entries((await openWays(t, port)).ports))
    t.match(await writeFirst(each, 2_000_000), /^HTTP\/1.1 413 /, way);
});

t.test('an answer of an application that reads nothing, and closes, arrives', async (t) => {
  const port = await application(t, (socket) => {
    socket.pause();
    socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno', () => socket.destroy());
  });
  for (const [way, each] of Object.entries((await openWays(t, port)).ports)) {
    if (way === 'direct') continue;
    const answers = new Map<string, number>();
    for (let i = 0; i < 100; i++) {
      const status = (await writeFirst(each, 100_000)).slice(9, 12);
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
    t.same([...answers], [['404', 100]], way);
  }
});

t.test('an early answer is counted as what it is', async (t) => {
  const port = await application(t, (socket) => {
    socket.resume();
    socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno');
  });
  const { ports, proxies } = await openWays(t, port);
  for (let i = 0; i < 10; i++) t.match(await writeFirst(ports.one, 1_000_000), /^HTTP\/1.1 503 /);
  const counted = proxies.plain.metrics.registry
    .text()
    .split('\n')
    .filter((line) => line.startsWith('response_total{') || line.startsWith('route_response_total{'));
  t.ok(
    counted.some((line) =>
      /status_code="503".*classification="failure"|classification="failure".*status_code="503"/.test(line),
    ),
    counted.join('\n'),
  );
  t.notOk(
    counted.some((line) => line.includes('499')),
    counted.join('\n'),
  );
});

for (const readsOn of [false, true]) {
  t.test(
    `HTTP/2: an answer before the request is whole, of a server that ${readsOn ? 'reads on' : 'wants no more'}`,
    async (t) => {
      let read = 0;
      const server = http2.createServer();
      server.on('session', (session) => session.on('error', () => {}));
      server.on('stream', (stream) => {
        stream.on('error', () => {});
        stream.respond({ ':status': 413 });
        stream.end('no');
        if (!readsOn) stream.close(http2.constants.NGHTTP2_NO_ERROR);
        else
          stream.on('data', (chunk: Buffer) => {
            read += chunk.length;
          });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.teardown(() => server.close());
      const { port } = server.address() as net.AddressInfo;
      for (const [way, each] of Object.entries((await openWays(t, port)).ports)) {
        read = 0;
        const session = http2.connect(`http://127.0.0.1:${each}`);
        session.on('error', () => {});
        const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'api' }, { endStream: false });
        stream.on('error', () => {});
        let status: unknown;
        stream.on('response', (headers) => {
          status = headers[':status'];
        });
        stream.resume();
        let closed = false;
        stream.on('close', () => {
          closed = true;
        });
        for (let i = 0; i < 20; i++) stream.write(Buffer.alloc(50_000));
        t.ok(await eventually(() => status === 413, 5000), `${way}: the answer comes`);
        if (readsOn) {
          stream.end();
          t.ok(await eventually(() => read === 1_000_000, 5000), `${way}: the request, too (${read})`);
        }
        t.ok(await eventually(() => closed, 5000), `${way}: the stream is over`);
        t.equal(stream.rstCode, 0, way);
        session.destroy();
      }
    },
  );
}
