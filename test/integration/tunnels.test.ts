/** A tunnel is over when both sides have ended; what each says and does reaches the other as it does without a proxy. */
import { createServer as createHttpServer } from 'node:http';
import * as http2 from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { openWays } from '../support/ways.ts';

/** Looks often; the assertions that follow tell what did not come. */
async function eventually(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 3));
}

/** One side of a tunnel: what it hears, and how it ends. */
class Side {
  heard = '';
  /** As it came: `end`, `reset`; then `close`. */
  readonly events: string[] = [];
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.heard += chunk.toString('latin1');
    });
    socket.on('end', () => this.events.push('end'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.events.push(error.code === 'ECONNRESET' ? 'reset' : `${error.code}`),
    );
    socket.on('close', () => this.events.push('close'));
  }
}

interface Tunnel {
  readonly client: Side;
  readonly server: Side;
}

/** A server that opens a tunnel for every `Upgrade` and CONNECT. */
async function application(t: Test): Promise<{ port: number; next(): Promise<Side>; readonly open: Set<Socket> }> {
  const waiting: ((side: Side) => void)[] = [];
  const open = new Set<Socket>();
  const server = createHttpServer();
  const take = (status: string) => (_: unknown, socket: Socket, head: Buffer) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.write(`HTTP/1.1 ${status}\r\n\r\n`);
    const side = new Side(socket);
    side.heard = head.toString('latin1');
    waiting.shift()?.(side);
  };
  server.on('upgrade', take('101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo') as never);
  server.on('connect', take('200 OK') as never);
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  t.teardown(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    open,
  };
}

const UPGRADE = 'GET /t HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const CONNECT = 'CONNECT api:80 HTTP/1.1\r\nHost: api:80\r\n\r\n';

async function opened(port: number, request: string, next: () => Promise<Side>): Promise<Tunnel> {
  const taken = next();
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const client = new Side(socket);
  socket.write(request);
  const server = await taken;
  await eventually(() => client.heard.includes('\r\n\r\n'));
  client.heard = client.heard.slice(client.heard.indexOf('\r\n\r\n') + 4);
  return { client, server };
}

/** What each side does, in turn. */
const ENDINGS: Readonly<Record<string, (tunnel: Tunnel) => Promise<void>>> = {
  'the server ends, then the client': async ({ client, server }) => {
    server.socket.end('bye');
    await eventually(() => client.events.includes('end'));
    client.socket.end();
  },
  'the client ends, then the server': async ({ client, server }) => {
    client.socket.end('bye');
    await eventually(() => server.events.includes('end'));
    server.socket.end();
  },
  'the client goes on after the server has ended': async ({ client, server }) => {
    server.socket.end('bye');
    await eventually(() => client.events.includes('end'));
    client.socket.write('still ');
    await eventually(() => server.heard === 'still ');
    client.socket.end('here');
  },
  'the server goes on after the client has ended': async ({ client, server }) => {
    client.socket.end('question');
    await eventually(() => server.events.includes('end'));
    server.socket.write('long ');
    await eventually(() => client.heard === 'long ');
    server.socket.end('answer');
  },
  'more than a window goes one way after the other has ended': async ({ client, server }) => {
    server.socket.end();
    await eventually(() => client.events.includes('end'));
    client.socket.end('x'.repeat(1_000_000));
  },
  'more than a window goes back after the client has ended': async ({ client, server }) => {
    client.socket.end();
    await eventually(() => server.events.includes('end'));
    server.socket.end('x'.repeat(1_000_000));
  },
  'both end at once': async ({ client, server }) => {
    server.socket.end('a');
    client.socket.end('b');
  },
  'the client resets': async ({ client, server }) => {
    client.socket.resetAndDestroy();
    await eventually(() => server.events.includes('close'));
  },
  'the server resets': async ({ client, server }) => {
    server.socket.resetAndDestroy();
    await eventually(() => client.events.includes('close'));
  },
  'the client resets after the server has ended': async ({ client, server }) => {
    server.socket.end();
    await eventually(() => client.events.includes('end'));
    client.socket.resetAndDestroy();
    await eventually(() => server.events.includes('close'));
  },
  'the server resets after the client has ended': async ({ client, server }) => {
    client.socket.end();
    await eventually(() => server.events.includes('end'));
    server.socket.resetAndDestroy();
    await eventually(() => client.events.includes('close'));
  },
  'the client is gone, and the server ends when it hears of that': async ({ client, server }) => {
    client.socket.destroy();
    await eventually(() => server.events.includes('end'));
    server.socket.end();
  },
  'the server is gone, and the client ends when it hears of that': async ({ client, server }) => {
    server.socket.destroy();
    await eventually(() => client.events.includes('end'));
    client.socket.end();
  },
};

for (const [kind, request] of [
  ['an upgrade', UPGRADE],
  ['CONNECT', CONNECT],
] as const) {
  t.test(`${kind}: both sides see of each other what they see without a proxy`, async (t) => {
    const { port, next, open } = await application(t);
    const { ports: through } = await openWays(t, port);
    for (const [name, act] of Object.entries(ENDINGS)) {
      const seen: Record<string, unknown> = {};
      for (const [way, at] of Object.entries(through)) {
        const tunnel = await opened(at, request, next);
        await act(tunnel);
        const { client, server } = tunnel;
        await eventually(() => client.events.includes('close') && server.events.includes('close'));
        seen[way] = [client, server].map(({ events, heard }) => [events.join(), heard.length, heard.slice(0, 20)]);
      }
      t.same(seen.one, seen.direct, `${name}, one proxy`);
      t.same(seen.two, seen.direct, `${name}, two proxies`);
    }
    t.equal(open.size, 0, 'the application holds no socket');
  });
}

t.test('what a client says before there is a tunnel goes into it, its end as well', async (t) => {
  const { port, next } = await application(t);
  const { ports: through } = await openWays(t, port);
  for (const [way, at] of Object.entries(through)) {
    const taken = next();
    const socket = connect({ port: at, host: '127.0.0.1', allowHalfOpen: true });
    const client = new Side(socket);
    socket.end(`${UPGRADE}early`);
    const server = await taken;
    await eventually(() => server.events.includes('end'));
    t.equal(server.heard, 'early', way);
    server.socket.end('late');
    await eventually(() => client.events.includes('end'));
    t.match(client.heard, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nlate$/, way);
  }
});

/** One side of a tunnel in a stream of HTTP/2. */
class StreamSide {
  heard = '';
  readonly events: string[] = [];
  readonly stream: http2.Http2Stream;

  constructor(stream: http2.Http2Stream) {
    this.stream = stream;
    stream.on('data', (chunk) => {
      this.heard += chunk.toString('latin1');
    });
    stream.on('end', () => this.events.push('end'));
    stream.on('error', () => {});
    stream.on('close', () => this.events.push(`close ${stream.rstCode}`));
  }
}

t.test('a WebSocket over HTTP/2 (extended CONNECT) is a tunnel like any other', async (t) => {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  const waiting: ((side: StreamSide) => void)[] = [];
  server.on('stream', (stream) => {
    const side = new StreamSide(stream);
    stream.respond({ ':status': 200 });
    waiting.shift()?.(side);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  t.teardown(() => server.close());
  const { ports: through } = await openWays(t, (server.address() as AddressInfo).port);
  for (const [way, at] of Object.entries(through)) {
    const session = http2.connect(`http://127.0.0.1:${at}`);
    session.on('error', () => {});
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const dial = async () => {
      const taken = new Promise<StreamSide>((resolve) => waiting.push(resolve));
      const stream = session.request(
        { ':method': 'CONNECT', ':protocol': 'echo', ':path': '/t', ':scheme': 'http', ':authority': 'api' },
        { endStream: false },
      );
      const client = new StreamSide(stream);
      await new Promise((resolve) => stream.once('response', resolve));
      return { client, server: await taken };
    };
    const isOver = ({ client, server }: { client: StreamSide; server: StreamSide }) =>
      eventually(() => client.stream.closed && server.stream.closed);

    const ended = await dial();
    ended.server.stream.end('bye');
    await eventually(() => ended.client.events.includes('end'));
    ended.client.stream.end('still here');
    await isOver(ended);
    t.same([ended.client.heard, ended.server.heard], ['bye', 'still here'], way);
    t.same(
      [ended.client.events, ended.server.events],
      [
        ['end', 'close 0'],
        ['end', 'close 0'],
      ],
      way,
    );

    const cancelled = await dial();
    cancelled.client.stream.close(http2.constants.NGHTTP2_CANCEL);
    await isOver(cancelled);
    t.match(cancelled.server.events.at(-1), 'close 8', `${way}: the client gives up`);

    const cut = await dial();
    cut.server.stream.close(http2.constants.NGHTTP2_CONNECT_ERROR);
    await isOver(cut);
    t.match(cut.client.events.at(-1), 'close 10', `${way}: the server gives up`);

    const gone = await dial();
    session.destroy();
    await eventually(() => gone.server.stream.closed);
    t.not(gone.server.events.at(-1), 'close 0', `${way}: the client is gone`);
  }
});
