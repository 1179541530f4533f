import * as http2 from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';

import { type ClientSide, type Exchange, Heard, type Protocol, type ServerSide } from './side.ts';

/** HTTP/2 as Node's own client and server speak it. @param grpc messages are gRPC's: the answer ends with its trailers */
export async function http2Sides(grpc: boolean): Promise<Protocol> {
  const open = new Set<Socket>();
  const waiting = new Map<string, (side: ServerSide) => void>();
  const server = http2.createServer();
  server.on('session', (session) => {
    const { socket } = session;
    open.add(socket as Socket);
    session.on('error', () => {});
    session.on('close', () => open.delete(socket as Socket));
  });
  server.on('stream', (stream, headers) => {
    const path = headers[':path']!;
    waiting.get(path)?.(serverSide(stream, grpc));
    waiting.delete(path);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  let count = 0;
  const sessions = new Set<http2.ClientHttp2Session>();
  return {
    port: (server.address() as AddressInfo).port,
    open,
    isMultiplexed: true,
    async begin(port, { length, localAddress } = {}): Promise<Exchange> {
      const path = `/${count++}`;
      const taken = new Promise<ServerSide>((resolve) => waiting.set(path, resolve));
      const session = http2.connect(`http://127.0.0.1:${port}`, {
        createConnection: () => connect({ port, host: '127.0.0.1', localAddress }),
      });
      session.on('error', () => {});
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
      const client = clientSide(session, path, grpc, length);
      return { client, server: await taken };
    },
    close() {
      server.close();
      for (const session of sessions) session.destroy();
      for (const socket of open) socket.destroy();
    },
  };
}

const CANCEL = http2.constants.NGHTTP2_CANCEL;
const INTERNAL_ERROR = http2.constants.NGHTTP2_INTERNAL_ERROR;

function clientSide(
  session: http2.ClientHttp2Session,
  path: string,
  grpc: boolean,
  length: number | undefined,
): ClientSide {
  const heard = new Heard();
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': path,
      ':authority': 'api',
      ...(length && { 'content-length': length }),
      ...(grpc ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
    },
    { endStream: false },
  );
  stream.on('response', (headers) => {
    heard.status = `${headers[':status']}${headers['grpc-status'] ? ` grpc ${headers['grpc-status']}` : ''}`;
  });
  stream.on('trailers', (fields) => {
    heard.status += ` grpc ${fields['grpc-status']}`;
  });
  listen(stream, heard);
  stream.write('ab');
  return {
    get heard() {
      return `${heard}`;
    },
    say: (text) => stream.write(text),
    end: () => stream.end(),
    reset: () => stream.close(CANCEL),
    leave: () => session.destroyed || session.socket.destroy(),
    goAway: () => session.close(),
  };
}

function serverSide(stream: http2.ServerHttp2Stream, grpc: boolean): ServerSide {
  const heard = new Heard();
  const session = stream.session!;
  listen(stream, heard);
  const answer = () => {
    if (grpc) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    } else stream.respond({ ':status': 200 });
  };
  return {
    get heard() {
      return `${heard}`;
    },
    answer,
    say: (text) => stream.write(text),
    end: () => stream.end(),
    reset: () => stream.close(INTERNAL_ERROR),
    leave: () => session.destroyed || session.socket.destroy(),
    goAway: () => session.close(),
  };
}

function listen(stream: http2.Http2Stream, heard: Heard): void {
  stream.on('data', (chunk: Buffer) => {
    heard.octets += chunk.toString('latin1');
  });
  stream.on('error', () => {});
  let isEnded = false;
  stream.on('end', () => {
    // A stream that is reset ends too, as Node tells it.
    isEnded = !stream.aborted && stream.rstCode === 0;
    if (isEnded) heard.end();
  });
  stream.on('aborted', () => {
    if (!isEnded) heard.cut(stream.rstCode);
  });
  stream.on('close', () => heard.cut(stream.rstCode));
}
